//! Why nf_tables did not do what was asked.

use std::io;

/// A failed nf_tables operation.
#[derive(Debug, thiserror::Error)]
pub enum NftError {
    /// No socket, or the kernel has no nf_tables.
    #[error("cannot open nf_tables")]
    Open(#[source] io::Error),
    /// A transaction was refused; nothing of it was done.
    #[error("nf_tables failed to {operation}")]
    Refused {
        /// What was tried, with the object.
        operation: &'static str,
        /// The kernel's answer.
        #[source]
        source: io::Error,
    },
    /// A transaction could not be sent.
    #[error("cannot send a transaction of {elements} set elements to nf_tables")]
    Send {
        /// How many elements it changes.
        elements: usize,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel did not say what became of a transaction.
    #[error("no response from nf_tables to a transaction of {elements} set elements")]
    Unanswered {
        /// How many elements it changes.
        elements: usize,
    },
    /// The table cannot be read.
    #[error("cannot read {object} back from nf_tables")]
    Read {
        /// What was to be read.
        object: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl NftError {
    /// Whether the table, a set or the chain is gone: the table must be written anew.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Refused { source, .. } if source.raw_os_error() == Some(libc::ENOENT))
    }
}
