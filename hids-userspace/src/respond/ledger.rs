//! Blocks, pending undo calls and offences on disk, so that they survive a restart.
//!
//! Owns `STATE/respond/blocks.log`: one line per change, `CRC32 JSON`, appended right after the
//! kernel has the change and synced by a thread of its own, so that no block waits for the disk. A
//! power loss can therefore lose the last changes of about as long as one sync takes; a crash of the
//! program loses none. A line that was cut by a crash is left out; the rest is kept.
//!
//! Rewritten (beside, synced, renamed) when most of it is history, and after the disk was full.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use hids_core::model::Timestamp;
use hids_core::respond::{Block, Clock, Offence, OffenceKey, ProgramHold, ProgramKey, Restored};
use serde::{Deserialize, Serialize};

use super::sync::Syncer;
use super::{clock, private};
use crate::platform::atomic_file::Replacement;

/// The file is rewritten when it is this much longer than the last rewrite left it, and more than
/// twice as long.
const SPARE_BYTES: u64 = 16 << 20;

/// The ledger cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// No directory.
    #[error("cannot create directory {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No file.
    #[error("cannot open {}", path.display())]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not readable.
    #[error("cannot read {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// One change.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// An address is blocked as stated.
    Block(Block),
    /// An address is no longer blocked.
    End(IpAddr),
    /// A program must be undone.
    Hold(ProgramHold),
    /// A program has been undone.
    Undone(ProgramKey),
    /// An offence was counted.
    Offence(OffenceKey, Offence),
    /// How both clocks stood in a boot; times before and after this line are of this wall clock.
    Clock {
        /// Which boot (`/proc/sys/kernel/random/boot_id`).
        boot: String,
        /// The clocks.
        clock: Clock,
    },
}

impl Entry {
    /// `clock` in this boot.
    pub fn clock(clock: Clock) -> Self {
        Self::Clock { boot: clock::boot_id(), clock }
    }
}

/// What was read from disk.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The state.
    pub restored: Restored,
    /// Lines that were left out because their checksum was wrong.
    pub damaged_lines: u64,
    /// Lines in the file, history included.
    pub lines: u64,
}

impl Loaded {
    /// How long the file would be without history.
    fn live_bytes(&self, length: u64) -> u64 {
        let live = self.restored.blocks.len() + self.restored.holds.len() + self.restored.offences.len();
        length / self.lines.max(1) * (live as u64).min(self.lines)
    }
}

/// The file, open for appending.
pub struct Ledger {
    path: PathBuf,
    file: File,
    length: u64,
    rewritten_length: u64,
    syncer: Syncer,
    /// Set when a line could not be written: the file lacks something until it is rewritten.
    is_behind: bool,
}

impl Ledger {
    /// Opens the ledger under `directory` (made if missing, readable by root only) and reads it.
    pub fn open(directory: &Path) -> Result<(Self, Loaded), LedgerError> {
        private::directory(directory).map_err(|source| LedgerError::Directory { path: directory.into(), source })?;
        let path = directory.join("blocks.log");
        let (loaded, whole) = load(&path)?;
        let open_error = |source| LedgerError::Open { path: path.clone(), source };
        let file = private::append(&path).map_err(open_error)?;
        // A line that was cut would swallow the next one.
        file.set_len(whole).map_err(open_error)?;
        let syncer = Syncer::start().map_err(open_error)?;
        let rewritten_length = loaded.live_bytes(whole);
        Ok((Self { path, file, length: whole, rewritten_length, syncer, is_behind: false }, loaded))
    }

    /// Appends changes. After an error the file lacks them until [`Ledger::rewrite`] succeeds.
    pub fn append(&mut self, entries: &[Entry]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        if self.is_behind {
            return Err(io::Error::other("the ledger has to be rewritten first"));
        }
        let mut bytes = Vec::new();
        for entry in entries {
            push_line(&mut bytes, entry)?;
        }
        if let Err(error) = self.file.write_all(&bytes) {
            self.is_behind = true;
            // What was written of it must not stand before later lines.
            let _ = self.file.set_len(self.length);
            return Err(error);
        }
        self.length += bytes.len() as u64;
        self.syncer.request(&self.file);
        Ok(())
    }

    /// Whether a rewrite is due: after a failed append, or because most lines are history.
    pub fn wants_rewrite(&self) -> bool {
        self.is_behind || self.length > self.rewritten_length.saturating_mul(2).saturating_add(SPARE_BYTES)
    }

    /// Whether the file lacks changes.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Replaces the file by one that holds exactly this state.
    pub fn rewrite<'a>(
        &mut self,
        clock: Clock,
        blocks: impl Iterator<Item = &'a Block>,
        holds: impl Iterator<Item = &'a ProgramHold>,
        offences: impl Iterator<Item = (&'a OffenceKey, &'a Offence)>,
    ) -> io::Result<()> {
        let mut bytes = Vec::new();
        push_line(&mut bytes, &Entry::clock(clock))?;
        for block in blocks {
            push_line(&mut bytes, &Entry::Block(block.clone()))?;
        }
        for hold in holds {
            push_line(&mut bytes, &Entry::Hold(hold.clone()))?;
        }
        for (key, offence) in offences {
            push_line(&mut bytes, &Entry::Offence(key.clone(), *offence))?;
        }
        let new = Replacement::begin(&self.path, 0o600)?;
        new.file().write_all(&bytes)?;
        self.file = new.commit()?;
        self.length = bytes.len() as u64;
        self.rewritten_length = self.length;
        self.is_behind = false;
        Ok(())
    }

    /// Waits until everything appended is on disk. For the stop of the program.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// Appends `CRC32 JSON` and a line end.
pub(super) fn push_line(bytes: &mut Vec<u8>, value: &impl Serialize) -> io::Result<()> {
    let start = bytes.len();
    bytes.extend_from_slice(b"00000000 ");
    serde_json::to_writer(&mut *bytes, value)?;
    let sum = crc32fast::hash(&bytes[start + 9..]);
    bytes[start..start + 8].copy_from_slice(format!("{sum:08x}").as_bytes());
    bytes.push(b'\n');
    Ok(())
}

/// The JSON of a line whose checksum is right.
pub(super) fn checked(line: &[u8]) -> Option<&[u8]> {
    let (sum, rest) = line.split_at_checked(8)?;
    let json = rest.strip_prefix(b" ")?;
    // Compared as written: reading the digits would take `A` for `a`, and so miss a flipped bit.
    (format!("{:08x}", crc32fast::hash(json)).as_bytes() == sum).then_some(json)
}

/// The state that a file's lines add up to, and the length of its whole lines.
fn load(path: &Path) -> Result<(Loaded, u64), LedgerError> {
    let mut bytes = Vec::new();
    match private::read(path).and_then(|mut file| file.read_to_end(&mut bytes)) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Loaded::default(), 0)),
        Err(source) => return Err(LedgerError::Read { path: path.into(), source }),
    };
    let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |at| at + 1);
    let mut replay = Replay::default();
    for line in bytes[..whole].split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
        replay.lines += 1;
        match checked(line).and_then(|json| serde_json::from_slice(json).ok()) {
            Some(entry) => replay.take(entry),
            None => replay.damaged_lines += 1,
        }
    }
    replay.damaged_lines += u64::from(whole < bytes.len());
    Ok((replay.finish(), whole as u64))
}

#[derive(Default)]
struct Replay {
    blocks: HashMap<IpAddr, Block>,
    holds: HashMap<ProgramKey, ProgramHold>,
    offences: HashMap<OffenceKey, Offence>,
    clock: Option<(String, Clock)>,
    damaged_lines: u64,
    lines: u64,
}

impl Replay {
    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Block(block) => {
                if block.offence > 0 && block.updated == block.since {
                    self.count(OffenceKey::Address(block.address), block.offence, block.since);
                }
                self.blocks.insert(block.address, block);
            }
            Entry::End(address) => {
                self.blocks.remove(&address);
            }
            Entry::Hold(hold) => {
                self.holds.insert(hold.undo.key(), hold);
            }
            Entry::Undone(key) => {
                self.holds.remove(&key);
            }
            Entry::Offence(key, offence) => self.count(key, offence.count, offence.last),
            Entry::Clock { boot, clock } => self.clock = Some((boot, clock)),
        }
    }

    fn count(&mut self, key: OffenceKey, count: u32, last: Timestamp) {
        self.offences.insert(key, Offence { count, last });
    }

    fn finish(self) -> Loaded {
        let this_boot = clock::boot_id();
        let clock = self.clock.filter(|(boot, _)| !boot.is_empty() && *boot == this_boot).map(|(_, clock)| clock);
        let restored = Restored {
            blocks: self.blocks.into_values().collect(),
            holds: self.holds.into_values().collect(),
            offences: self.offences.into_iter().collect(),
            clock,
        };
        Loaded { restored, damaged_lines: self.damaged_lines, lines: self.lines }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use std::fs;

    use super::*;

    fn block(number: u8, second: i64) -> Block {
        let since = Timestamp::from_unix_seconds(second);
        Block {
            address: IpAddr::from([192, 0, 2, number]),
            since,
            updated: since,
            expires: None,
            offence: 1,
            alert: None,
            rule: None,
            response: "firewall-drop".into(),
            reason: "ü \"x\" \n".into(),
        }
    }

    fn entries() -> impl Strategy<Value = Vec<Entry>> {
        let entry = (any::<bool>(), 0..4u8, 0..100i64).prop_map(|(begins, number, second)| match begins {
            true => Entry::Block(block(number, second)),
            false => Entry::End(IpAddr::from([192, 0, 2, number])),
        });
        proptest::collection::vec(entry, 0..20)
    }

    fn blocks_after(entries: &[Entry]) -> HashMap<IpAddr, Block> {
        let mut blocks = HashMap::new();
        for entry in entries {
            match entry {
                Entry::Block(block) => _ = blocks.insert(block.address, block.clone()),
                Entry::End(address) => _ = blocks.remove(address),
                _ => {}
            }
        }
        blocks
    }

    fn blocks_in(directory: &Path) -> HashMap<IpAddr, Block> {
        let (_, loaded) = Ledger::open(directory).expect("a ledger");
        loaded.restored.blocks.into_iter().map(|block| (block.address, block)).collect()
    }

    #[test]
    fn the_clocks_of_this_boot_are_given_back_and_those_of_another_are_not() {
        // L10
        let directory = tempfile::tempdir().expect("a directory");
        let open = || Ledger::open(directory.path()).expect("a ledger");
        let now = clock::read();
        open().0.append(&[Entry::clock(now)]).expect("written");
        assert_eq!(open().1.restored.clock, Some(now));
        let (mut ledger, _) = open();
        ledger.append(&[Entry::Clock { boot: "another".into(), clock: now }]).expect("written");
        assert_eq!(open().1.restored.clock, None);
        ledger.rewrite(now, [].iter(), [].iter(), std::iter::empty()).expect("rewritten");
        assert_eq!(open().1.restored.clock, Some(now));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_file_cut_anywhere_holds_the_state_of_its_whole_lines(entries in entries(), cut in 0.0..=1.0) {
            let directory = tempfile::tempdir().expect("a directory");
            let (mut ledger, _) = Ledger::open(directory.path()).expect("a ledger");
            ledger.append(&entries).expect("written");
            drop(ledger);
            let path = directory.path().join("blocks.log");
            let bytes = fs::read(&path).expect("readable");
            let kept = &bytes[..(bytes.len() as f64 * cut) as usize];
            fs::write(&path, kept).expect("cut");
            let whole = kept.iter().filter(|&&byte| byte == b'\n').count();
            prop_assert_eq!(blocks_in(directory.path()), blocks_after(&entries[..whole]));
        }

        #[test]
        fn a_rewrite_keeps_the_state_and_what_is_appended_later_counts(before in entries(), after in entries()) {
            let directory = tempfile::tempdir().expect("a directory");
            let (mut ledger, _) = Ledger::open(directory.path()).expect("a ledger");
            ledger.append(&before).expect("written");
            let blocks = blocks_after(&before);
            ledger.rewrite(clock::read(), blocks.values(), std::iter::empty(), std::iter::empty()).expect("rewritten");
            ledger.append(&after).expect("written");
            drop(ledger);
            let all: Vec<Entry> = before.into_iter().chain(after).collect();
            prop_assert_eq!(blocks_in(directory.path()), blocks_after(&all));
        }

        #[test]
        fn one_flipped_bit_costs_one_line(entries in entries(), at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let directory = tempfile::tempdir().expect("a directory");
            let (mut ledger, _) = Ledger::open(directory.path()).expect("a ledger");
            ledger.append(&entries).expect("written");
            drop(ledger);
            let path = directory.path().join("blocks.log");
            let mut bytes = fs::read(&path).expect("readable");
            prop_assume!(!bytes.is_empty());
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            fs::write(&path, &bytes).expect("damaged");
            let (_, loaded) = Ledger::open(directory.path()).expect("a ledger");
            // A damaged line end joins two lines.
            prop_assert!((1..=2).contains(&loaded.damaged_lines));
        }
    }
}
