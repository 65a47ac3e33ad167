//! Exports of the baseline: one file that says, without the store and its key, what the baseline was.
//!
//! ```text
//! "HIDSFIM-EXPORT1\n"
//! header       length, then host, time, commit, code of the head, public key
//! entries      1, bytes shared with the key before, the rest of the key, the entry   (in order)
//! end          0, number of entries (8 bytes)
//! BLAKE3       32 bytes over all of the above
//! Ed25519      64 bytes over "hids fim export v1" and these 32
//! ```
//!
//! Numbers are 7 bits a byte, lowest first. Whoever is root where the baseline lies can alter the
//! baseline, its key and what is exported afterwards; an export taken before and kept elsewhere, he
//! cannot. That is what it is for.

mod accepted;
mod compare;
mod each;
mod error;
mod key;
mod public_key;
mod read;
mod turn;
mod write;

pub(crate) use accepted::States;
pub(crate) use compare::compare;
pub(crate) use each::each;
pub use error::ExportError;
pub(crate) use key::ExportKey;
pub use public_key::PublicKey;
pub use read::{ExportReport, check};
pub(crate) use turn::Turn;
pub(crate) use write::write_file;

use hids_core::model::Timestamp;
use serde::{Deserialize, Serialize};

const MAGIC: &[u8; 16] = b"HIDSFIM-EXPORT1\n";
const CONTEXT: &[u8] = b"hids fim export v1";
const ENTRY: u8 = 1;
const END: u8 = 0;

/// What an export says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportHeader {
    /// Host name of the machine.
    pub host: Vec<u8>,
    /// When it was made.
    pub created: Timestamp,
    /// Number of the commit that it shows.
    pub commit: u64,
    /// Code of that commit's head.
    pub head: [u8; 32],
    /// The public half of the key that signed it. Who checks must know it from elsewhere.
    pub public_key: [u8; 32],
}

#[cfg(test)]
mod tests;
