//! `state/rules.state`: what rules remember over a restart.
//!
//! One checksummed file, replaced as a whole: first-time combinations, `<ignore>` lists, outputs of
//! `check_diff`. A damaged one is set aside, never a reason not to start. It may be a few seconds
//! behind the alert files (then something is called new twice), never ahead of them (then an alert
//! would be lost).

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use hids_core::engine::{SavedLogins, SavedState};
use hids_core::model::RuleId;
use serde::{Deserialize, Serialize};

use crate::platform::atomic_file;

const NAME: &str = "rules.state";
/// First word of the file; the number changes with the format.
const MAGIC: &str = "hids-rules-1";
/// Bytes kept of each kind; beyond it the oldest are left out.
const KEPT_BYTES: usize = 16 << 20;
/// Largest file that is read: two memories of three kinds, and an escaped byte takes up to six.
const FILE_LIMIT_BYTES: u64 = 2 * 6 * 3 * (KEPT_BYTES as u64) + (1 << 20);

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
enum Damage {
    #[error("cannot be read: {0}")]
    Read(#[from] io::Error),
    #[error("invalid size")]
    TooLarge,
    #[error("unknown header")]
    Head,
    #[error("checksum mismatch")]
    Checksum,
    #[error("invalid content: {0}")]
    Content(#[from] serde_json::Error),
}

/// Where the file is.
#[derive(Debug)]
pub(super) struct RuleStateFile {
    path: PathBuf,
}

/// The file's second line. A byte stands as the character of the same number, so that text stays
/// readable and no byte is lost.
#[derive(Debug, Serialize, Deserialize)]
struct Written {
    first_seen: Vec<String>,
    ignored: Vec<String>,
    outputs: Vec<(String, RuleId, String)>,
    #[serde(default)]
    logins: SavedLogins,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    untrusted: Option<Box<Written>>,
}

impl Written {
    fn of(state: &SavedState) -> Self {
        let texts = |list: &[Vec<u8>]| newest(list, Vec::len).iter().map(|bytes| to_text(bytes)).collect();
        let outputs = newest(&state.outputs, |(host, _, output)| host.len() + output.len());
        Self {
            first_seen: texts(&state.first_seen),
            ignored: texts(&state.ignored),
            outputs: outputs.iter().map(|(host, rule, output)| (to_text(host), *rule, to_text(output))).collect(),
            logins: state.logins.clone(),
            untrusted: state.untrusted.as_ref().map(|state| Box::new(Self::of(state))),
        }
    }

    fn into_state(self) -> SavedState {
        let bytes = |list: Vec<String>| list.iter().map(|text| to_bytes(text)).collect();
        let outputs = self.outputs.iter().map(|(host, rule, output)| (to_bytes(host), *rule, to_bytes(output)));
        SavedState {
            first_seen: bytes(self.first_seen),
            ignored: bytes(self.ignored),
            outputs: outputs.collect(),
            logins: self.logins,
            untrusted: self.untrusted.map(|written| Box::new(written.into_state())),
        }
    }
}

impl RuleStateFile {
    pub(super) fn new(state: &Path) -> Self {
        Self { path: state.join(NAME) }
    }

    /// What was saved last; nothing when there is no file or it is damaged (told, and set aside).
    pub(super) fn load(&self) -> SavedState {
        match self.read() {
            Ok(state) => state,
            Err(damage) => {
                let aside = self.path.with_extension("state.damaged");
                let kept = fs::rename(&self.path, &aside);
                tracing::warn!(file = %self.path.display(), %damage, set_aside = kept.is_ok(),
                    consequence = "first-seen and diff rules start with empty state", "cannot read the saved rule state");
                SavedState::default()
            }
        }
    }

    fn read(&self) -> Result<SavedState, Damage> {
        let mut options = OpenOptions::new();
        // Neither a link nor a pipe that somebody put there.
        options.read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK);
        let file = match options.open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SavedState::default()),
            file => file?,
        };
        let mut text = Vec::new();
        if file.take(FILE_LIMIT_BYTES + 1).read_to_end(&mut text)? as u64 > FILE_LIMIT_BYTES {
            return Err(Damage::TooLarge);
        }
        parse(&text)
    }

    /// Replaces the file; on an error the old one stays.
    pub(super) fn save(&self, state: &SavedState) -> io::Result<()> {
        atomic_file::replace(&self.path, 0o600, &render(state)?)
    }
}

/// Adds combinations that another program has seen to what is saved in `state`; returns how many were not known. Only
/// while no daemon runs: it would replace the file by what it remembers itself.
///
/// # Errors
/// When the file cannot be read or written; a damaged one is left where it is.
pub(crate) fn remember(state: &Path, first_seen: &[Vec<u8>], ignored: &[Vec<u8>]) -> io::Result<(usize, usize)> {
    let file = RuleStateFile::new(state);
    let mut saved = file.read().map_err(io::Error::other)?;
    let added = (older(&mut saved.first_seen, first_seen), older(&mut saved.ignored, ignored));
    if added != (0, 0) {
        file.save(&saved)?;
    }
    Ok(added)
}

/// Puts what is not known before what is: it was seen earlier.
fn older(known: &mut Vec<Vec<u8>>, earlier: &[Vec<u8>]) -> usize {
    let mut seen: HashSet<Vec<u8>> = known.iter().cloned().collect();
    let mut all: Vec<Vec<u8>> = earlier.iter().filter(|one| seen.insert((*one).clone())).cloned().collect();
    let added = all.len();
    all.append(known);
    *known = all;
    added
}

/// The state in the text of a file, serialized again; `None` where it is damaged.
pub(crate) fn rewritten(text: &[u8]) -> Option<Vec<u8>> {
    render(&parse(text).ok()?).ok()
}

fn render(state: &SavedState) -> io::Result<Vec<u8>> {
    let body = serde_json::to_vec(&Written::of(state))?;
    let mut text = format!("{MAGIC} {:08x}\n", crc32fast::hash(&body)).into_bytes();
    text.extend(body);
    Ok(text)
}

fn parse(text: &[u8]) -> Result<SavedState, Damage> {
    let end = text.iter().position(|&byte| byte == b'\n').ok_or(Damage::Head)?;
    let head = std::str::from_utf8(&text[..end]).map_err(|_| Damage::Head)?;
    let sum = head.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(' ')).ok_or(Damage::Head)?;
    let body = &text[end + 1..];
    if u32::from_str_radix(sum, 16) != Ok(crc32fast::hash(body)) {
        return Err(Damage::Checksum);
    }
    Ok(serde_json::from_slice::<Written>(body)?.into_state())
}

/// The end of a list (its newest part) that fits into [`KEPT_BYTES`].
fn newest<T>(list: &[T], bytes: impl Fn(&T) -> usize) -> &[T] {
    let mut room = KEPT_BYTES;
    let fitting = list.iter().rev().take_while(|entry| match room.checked_sub(bytes(entry)) {
        Some(left) => {
            room = left;
            true
        }
        None => false,
    });
    &list[list.len() - fitting.count()..]
}

fn to_text(bytes: &[u8]) -> String {
    bytes.iter().copied().map(char::from).collect()
}

/// What is no byte was not written by us; the checksum has seen to it.
fn to_bytes(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(char).unwrap_or(b'?')).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file() -> (tempfile::TempDir, RuleStateFile) {
        let directory = tempfile::tempdir().expect("a directory");
        let file = RuleStateFile::new(directory.path());
        (directory, file)
    }

    fn some_state() -> SavedState {
        SavedState {
            first_seen: vec![b"sshd root 203.0.113.7 \xff\x00\n\"".to_vec()],
            ignored: vec![Vec::new()],
            outputs: vec![(b"web1".to_vec(), RuleId(533), b"tcp 22".to_vec())],
            logins: SavedLogins::default(),
            untrusted: Some(Box::new(SavedState { first_seen: vec![b"app alice".to_vec()], ..SavedState::default() })),
        }
    }

    #[test]
    fn what_was_saved_is_loaded() {
        let (_directory, file) = file();
        assert_eq!(file.load(), SavedState::default());
        file.save(&some_state()).expect("it is saved");
        assert_eq!(file.load(), some_state());
        file.save(&SavedState::default()).expect("it is replaced");
        assert_eq!(file.load(), SavedState::default());
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_does_not_come_back() {
        let (directory, file) = file();
        file.save(&some_state()).expect("it is saved");
        let whole = fs::read(&file.path).expect("the file");
        for damaged in [&whole[..whole.len() - 1], b"", b"x", &whole.iter().map(|b| b ^ 1).collect::<Vec<_>>()] {
            fs::write(&file.path, damaged).expect("it is damaged");
            assert_eq!(file.load(), SavedState::default());
            assert!(!file.path.exists());
            assert_eq!(fs::read(directory.path().join("rules.state.damaged")).expect("set aside"), damaged);
        }
    }

    #[test]
    fn a_link_in_its_place_is_not_followed() {
        let (directory, file) = file();
        let victim = directory.path().join("victim");
        fs::write(&victim, "precious").expect("a victim");
        std::os::unix::fs::symlink(&victim, directory.path().join("rules.state.new")).expect("a link");
        std::os::unix::fs::symlink(&victim, &file.path).expect("a link");
        assert_eq!(file.load(), SavedState::default());
        file.save(&some_state()).expect("it is saved");
        assert_eq!(file.load(), some_state());
        assert_eq!(fs::read(&victim).expect("the victim"), b"precious");
    }

    #[test]
    fn the_oldest_is_left_out_when_there_is_too_much() {
        let big: Vec<Vec<u8>> = (0..20).map(|number| vec![number; 1 << 20]).collect();
        let state = SavedState { first_seen: big.clone(), ..SavedState::default() };
        let loaded = parse(&render(&state).expect("text")).expect("state");
        assert_eq!(loaded.first_seen, big[4..]);
    }

    proptest! {
        #[test]
        fn any_state_comes_back_as_it_was(
            first_seen in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..5),
            output in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let outputs = vec![(output.clone(), RuleId(1), output)];
            let state = SavedState { first_seen, outputs, ..SavedState::default() };
            prop_assert_eq!(parse(&render(&state).expect("text")).expect("state"), state);
        }

        #[test]
        fn any_bytes_are_refused_or_read_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes);
        }
    }
}
