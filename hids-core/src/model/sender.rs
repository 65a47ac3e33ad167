//! Sender of an event, if it is not confirmed to be the program that the line names.

use serde::{Deserialize, Serialize};

/// The sender of an event of the journal whose identifier is not confirmed by the trusted fields.
///
/// Anybody may write to the sockets of the journal and of syslog under any name. Such an event raises alerts, counts
/// apart from events of confirmed senders, and never leads to an active response.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UntrustedSender {
    /// What speaks against it.
    pub doubt: Doubt,
    /// `_UID`.
    pub uid: Option<u32>,
    /// `_EXE`, where the journal knows it. Any bytes.
    pub executable: Option<Vec<u8>>,
    /// `_SYSTEMD_UNIT`, where the journal knows it. Any bytes.
    pub unit: Option<Vec<u8>>,
}

/// Why the identifier of an entry is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// No service of that name is known.
    #[error("no service is known for this identifier (see <trusted>)")]
    UnknownIdentifier,
    /// The journal knows no user.
    #[error("the journal does not record its sender")]
    NoSender,
    /// A user who is neither root nor the service's own.
    #[error("sent by a user other than the service's")]
    OtherUser,
    /// Root or the service's user, but neither program nor unit are the service's.
    #[error("sent by a program that does not belong to the service")]
    OtherProgram,
    /// Sent from inside a container, or by a container manager for one.
    #[error("sent from a container (see <trusted>)")]
    Container,
}

impl Doubt {
    /// The word in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownIdentifier => "unknown_identifier",
            Self::NoSender => "no_sender",
            Self::OtherUser => "other_user",
            Self::OtherProgram => "other_program",
            Self::Container => "container",
        }
    }
}
