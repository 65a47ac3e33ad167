//! The head: what the rows add up to, chained from commit to commit.

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::key::StoreKey;

/// What a row belongs to. The number is part of each MAC and never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Entry = 0,
    Notice = 1,
    History = 2,
    Gap = 3,
    Text = 4,
    Metadata = 5,
    Process = 6,
}

impl Kind {
    pub(super) const ALL: [Self; 7] =
        [Self::Entry, Self::Notice, Self::History, Self::Gap, Self::Text, Self::Metadata, Self::Process];

    /// The table's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Entry => "entries",
            Self::Notice => "notices",
            Self::History => "history",
            Self::Gap => "gaps",
            Self::Text => "texts",
            Self::Metadata => "facts",
            Self::Process => "processes",
        }
    }
}

/// Bytes of a row's MAC that are stored behind its value.
pub(super) const MAC_BYTES: usize = 8;

/// What a row is worth: its summand, and the MAC that it carries itself.
pub(super) struct Term {
    pub(super) summand: Sum,
    pub(super) mac: [u8; MAC_BYTES],
}

/// A number modulo 2^256: order does not matter, and each row can be taken out again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum([u64; 4]);

impl Sum {
    pub(super) fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            let mut word_bytes = [0; 8];
            word_bytes.copy_from_slice(bytes);
            *word = u64::from_le_bytes(word_bytes);
        }
        Self(words)
    }

    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (word, bytes) in self.0.iter().zip(bytes.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    pub(super) fn add(&mut self, other: Self) {
        let mut carry = false;
        for (word, other) in self.0.iter_mut().zip(other.0) {
            let (sum, first) = word.overflowing_add(other);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*word, carry) = (sum, first | second);
        }
    }

    pub(super) fn subtract(&mut self, other: Self) {
        let mut borrow = false;
        for (word, other) in self.0.iter_mut().zip(other.0) {
            let (rest, first) = word.overflowing_sub(other);
            let (rest, second) = rest.overflowing_sub(u64::from(borrow));
            (*word, borrow) = (rest, first | second);
        }
    }
}

/// The keys of all MACs.
#[derive(Clone)]
pub(super) struct Macs {
    row: [u8; 32],
    head: [u8; 32],
    mask: [u8; 32],
}

impl std::fmt::Debug for Macs {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Macs(..)")
    }
}

impl Macs {
    pub(super) fn new(key: &StoreKey) -> Self {
        Self {
            row: key.derive("hids fim store v1: row"),
            head: key.derive("hids fim store v1: head"),
            mask: key.derive("hids fim store v1: mask of the sum"),
        }
    }

    /// Of one row.
    pub(super) fn term(&self, kind: Kind, key: &[u8], value: &[u8]) -> Term {
        let mut hasher = blake3::Hasher::new_keyed(&self.row);
        let mut start = [kind as u8; 9];
        start[1..].copy_from_slice(&(key.len() as u64).to_le_bytes());
        hasher.update(&start).update(key).update(value);
        let mut bytes = [0; 32 + MAC_BYTES];
        hasher.finalize_xof().fill(&mut bytes);
        let (mut summand, mut mac) = ([0; 32], [0; MAC_BYTES]);
        summand.copy_from_slice(&bytes[..32]);
        mac.copy_from_slice(&bytes[32..]);
        Term { summand: Sum::from_bytes(&summand), mac }
    }

    /// The sum is stored masked: who compares two copies of the file must not learn summands.
    fn mask(&self, commit: u64, sum: &mut [u8; 32]) {
        let mask = blake3::keyed_hash(&self.mask, &commit.to_le_bytes());
        for (byte, mask) in sum.iter_mut().zip(mask.as_bytes()) {
            *byte ^= mask;
        }
    }
}

/// What the rows of one commit add up to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// Number of the commit, from 1.
    pub(super) commit: u64,
    /// Number of the last notice ever written.
    pub(super) last_sequence: u64,
    /// Number of the last gap ever opened.
    pub(super) last_gap: u64,
    /// Rows by [`Kind`].
    pub(super) rows: [u64; Kind::ALL.len()],
    /// Sum over all rows, masked.
    sum: [u8; 32],
    /// MAC of the head before this one.
    previous: [u8; 32],
    /// Mac over all of the above.
    pub(super) mac: [u8; 32],
}

impl Head {
    /// The head after this one.
    pub(super) fn next(&self, macs: &Macs, sum: Sum) -> Self {
        let mut next = Self { commit: self.commit + 1, previous: self.mac, ..self.clone() };
        next.sum = sum.to_bytes();
        macs.mask(next.commit, &mut next.sum);
        next.mac = next.computed(macs);
        next
    }

    /// The sum over all rows.
    pub(super) fn sum(&self, macs: &Macs) -> Sum {
        if self.commit == 0 {
            return Sum::default();
        }
        let mut sum = self.sum;
        macs.mask(self.commit, &mut sum);
        Sum::from_bytes(&sum)
    }

    /// From the table; an altered one is an error.
    pub(super) fn decode(macs: &Macs, bytes: &[u8]) -> Result<Self, StoreError> {
        let head: Self =
            postcard::from_bytes(bytes).map_err(|_| StoreError::Damaged { what: "cannot read its head".to_owned() })?;
        if head.computed(macs) != head.mac {
            return Err(StoreError::Damaged { what: "MAC mismatch in its head".to_owned() });
        }
        Ok(head)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        // Plain numbers in memory: encoding them cannot fail.
        postcard::to_stdvec(self).unwrap_or_default()
    }

    fn computed(&self, macs: &Macs) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new_keyed(&macs.head);
        for number in [self.commit, self.last_sequence, self.last_gap].iter().chain(&self.rows) {
            hasher.update(&number.to_le_bytes());
        }
        hasher.update(&self.sum).update(&self.previous);
        *hasher.finalize().as_bytes()
    }
}
