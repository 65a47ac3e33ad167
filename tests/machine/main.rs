//! The programs on stock machines with systemd, and real servers of three Debian releases.

#[path = "../ruleset/files.rs"]
mod files;
mod forged;
mod harness;
mod openssh;
mod openssh_forms;
mod stock;
mod support;
