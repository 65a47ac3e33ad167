//! The mail spool: alerts that are to be mailed, on disk until they are.
//!
//! `state/mail/queue` holds one checksummed line per alert, in the order of their numbers;
//! `state/mail/state.json` says up to which number they are sent. The record stage appends (through
//! [`crate::contracts::alert_spool::AlertSpool`]), the mail thread takes from the front. An alert is given to the
//! mail thread only after the record stage has committed it.
//!
//! The spool is bounded: when it is full, the oldest alerts are counted per rule and the next mail
//! says how many of which rule are missing.

mod entry;
mod files;
mod queue;

pub(crate) use entry::MailEntry;
pub(crate) use files::Omitted;
pub(crate) use queue::{MailSpool, SpoolError, SpoolLimits, SpoolOptions};

#[cfg(test)]
pub(in crate::notify) mod tests;
