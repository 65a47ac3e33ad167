//! Checking an export, on any machine. What is read is not believed before the signature was.

use std::io::{self, BufReader, Read};

use super::{END, ENTRY, ExportError, ExportHeader, MAGIC, PublicKey};

const MOST_HEADER_BYTES: u64 = 64 << 10;
const MOST_KEY_BYTES: u64 = 1 << 20;
const MOST_ENTRY_BYTES: u64 = 1 << 20;

/// A sound export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportReport {
    /// What it says of itself.
    pub header: ExportHeader,
    /// Entries that it holds.
    pub entries: u64,
}

/// Reads an export to its end and checks that the trusted key has signed exactly this.
///
/// # Errors
/// When it cannot be read, or is not that.
pub fn check(input: impl Read, trusted: &PublicKey) -> Result<ExportReport, ExportError> {
    let mut rows = Rows::begin(input, trusted)?;
    while rows.next()? {}
    Ok(rows.report())
}

/// Keys and entries of an export, in order; the signature is checked at the end.
pub(super) struct Rows<R: Read> {
    input: Hashed<R>,
    header: ExportHeader,
    trusted: PublicKey,
    entries: u64,
    /// The key of the entry that [`next`](Self::next) went to.
    pub(super) key: Vec<u8>,
    /// The entry, as in the store.
    pub(super) entry: Vec<u8>,
}

impl<R: Read> Rows<R> {
    pub(super) fn begin(input: R, trusted: &PublicKey) -> Result<Self, ExportError> {
        let mut input = Hashed { input: BufReader::with_capacity(1 << 16, input), hasher: blake3::Hasher::new() };
        let mut magic = [0; MAGIC.len()];
        input.fill(&mut magic).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ExportError::NotAnExport,
            _ => ExportError::Read(error),
        })?;
        if magic != *MAGIC {
            return Err(ExportError::NotAnExport);
        }
        let failed = |error| failed(error, 0);
        let mut bytes = Vec::new();
        input.string(&mut bytes, 0, MOST_HEADER_BYTES).map_err(failed)?;
        let header: ExportHeader =
            postcard::from_bytes(&bytes).map_err(|_| ExportError::Altered { what: "the header cannot be read" })?;
        let found = PublicKey(header.public_key);
        if found != *trusted {
            return Err(ExportError::OtherKey { found, wanted: *trusted });
        }
        Ok(Self { input, header, trusted: *trusted, entries: 0, key: Vec::new(), entry: Vec::new() })
    }

    /// Goes to the next entry; false at the end, and then everything is as it was signed.
    pub(super) fn next(&mut self) -> Result<bool, ExportError> {
        let mut tag = [0];
        let entries = self.entries;
        let failed = |error| failed(error, entries);
        self.input.fill(&mut tag).map_err(failed)?;
        match tag[0] {
            END => self.end().map(|()| false),
            ENTRY => {
                let shared = self.input.number().map_err(failed)?;
                if shared > self.key.len() as u64 {
                    return Err(ExportError::Altered { what: "an entry has an incomplete path" });
                }
                self.input.string(&mut self.key, shared as usize, MOST_KEY_BYTES).map_err(failed)?;
                self.input.string(&mut self.entry, 0, MOST_ENTRY_BYTES).map_err(failed)?;
                self.entries += 1;
                Ok(true)
            }
            _ => Err(ExportError::Altered { what: "invalid start of an entry" }),
        }
    }

    pub(super) fn report(&self) -> ExportReport {
        ExportReport { header: self.header.clone(), entries: self.entries }
    }

    fn end(&mut self) -> Result<(), ExportError> {
        let entries = self.entries;
        let failed = |error| failed(error, entries);
        let mut count = [0; 8];
        self.input.fill(&mut count).map_err(failed)?;
        let sum = *self.input.hasher.finalize().as_bytes();
        let (mut written, mut signature, mut more) = ([0; 32], [0; 64], [0]);
        self.input.fill(&mut written).map_err(failed)?;
        self.input.fill(&mut signature).map_err(failed)?;
        if u64::from_le_bytes(count) != entries || written != sum {
            return Err(ExportError::Altered { what: "checksum mismatch" });
        }
        if !self.trusted.has_signed(&sum, &signature) {
            return Err(ExportError::Altered { what: "invalid signature" });
        }
        if self.input.input.read(&mut more).map_err(ExportError::Read)? != 0 {
            return Err(ExportError::Altered { what: "trailing data after the signature" });
        }
        Ok(())
    }
}

fn failed(error: io::Error, entries: u64) -> ExportError {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => ExportError::CutShort { entries },
        io::ErrorKind::InvalidData => ExportError::Altered { what: "invalid length" },
        _ => ExportError::Read(error),
    }
}

struct Hashed<R: Read> {
    input: BufReader<R>,
    hasher: blake3::Hasher,
}

impl<R: Read> Hashed<R> {
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.input.read_exact(bytes)?;
        self.hasher.update(bytes);
        Ok(())
    }

    fn number(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let mut byte = [0];
            self.fill(&mut byte)?;
            number |= u64::from(byte[0] & 0x7f) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(io::ErrorKind::InvalidData.into())
    }

    /// Into `bytes`, from `keep` on.
    fn string(&mut self, bytes: &mut Vec<u8>, keep: usize, most: u64) -> io::Result<()> {
        let length = self.number()?;
        if length > most || keep as u64 + length > most {
            return Err(io::ErrorKind::InvalidData.into());
        }
        bytes.resize(keep + length as usize, 0);
        self.fill(&mut bytes[keep..])
    }
}
