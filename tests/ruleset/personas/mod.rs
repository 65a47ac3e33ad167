//! Personas: people, programs and attackers over replayed days, and who of them is blocked, when.
//!
//! Each is a generator of lines with a virtual clock. They are fed to an engine with the shipped rules and
//! to the planner with the guide's configuration (`<level>7</level>`, 20 minutes). A source that is blocked
//! sends no further lines, as behind a firewall. The lines are our own, written from the forms of the
//! daemons: OpenSSH 9, Linux-PAM 1.5, Dovecot 2.3, Postfix 3.7, vsftpd 3, Apache 2.4, nginx 1.22.

mod attackers;
mod crowds;
mod people;
mod programs;
mod world;
