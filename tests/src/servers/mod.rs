//! Real servers on a machine of the lab, each with a configuration of its own.

mod apache;
mod mail;
mod nginx;
mod smtp;
mod ssh;
mod syslog;

pub use apache::Apache;
pub use mail::{Mail, MailSink};
pub use nginx::Nginx;
pub use smtp::{Manners, SmtpServer};
pub use ssh::Sshd;
pub use syslog::Syslog;
