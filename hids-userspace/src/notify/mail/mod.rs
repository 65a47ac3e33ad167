//! Mail: what is sent when and to whom, the mail itself, and its way out.
//!
//! A thread of its own takes alerts from the front of the [spool](super::spool) and removes them
//! when a server (or a sendmail-like program) has taken the mail. A server that is down, hangs or
//! refuses costs nothing but time: the alerts stay on disk. Mails may come twice (when we are killed
//! between the server's OK and the removal; both have the same Message-ID), but none is lost.

mod compose;
mod handle;
mod options;
mod plan;
mod program;
mod report;
mod route;
mod smtp;
mod summary;
mod thread;

pub(crate) use handle::{MailHandle, start};
pub(crate) use options::{MailOptions, MailTiming};
pub(crate) use route::MailError;

#[cfg(test)]
mod tests;
