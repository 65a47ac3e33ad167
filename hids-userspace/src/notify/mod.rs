//! Sends alerts to people and servers: mail, syslog.
//!
//! Owns the mail spool on disk (`state/mail`), the sending of mail and the syslog outputs. Never
//! decides which alerts are mailed (the engine's mail flag does) and never holds up recording: the
//! spool is on disk, the syslog queues are bounded and count what they drop.

mod criteria;
pub(crate) mod mail;
pub(crate) mod spool;
pub(crate) mod syslog;
