//! The format of the state directory: one number for all that is in it, in the file `format`.
//!
//! Whoever changes the state so that an earlier version would misread it raises [`FORMAT`], and converts what is found
//! before the stages start. An earlier version that is started on such state refuses and changes nothing. Fields that an
//! earlier version may ignore do not need that. What a version leaves is kept in `tests/data/state-VERSION`.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::platform::atomic_file;

/// Of the state that this version writes, and the latest that it reads. `config/packaging` has it, too: a package does
/// not replace a later one that has left newer state.
const FORMAT: u32 = 1;
const NAME: &str = "format";
/// The number and a version are all that is in the file.
const MOST_BYTES: u64 = 256;

/// Files with a number of their own, in front of which this stands, and the latest that is read. They are looked at
/// because they may have been put back from a backup without the rest. Two have one digit, and binary values follow,
/// whose bytes may look like further digits.
const HEADS: [(&str, &str, usize, u32); 3] =
    [("rules.state", "hids-rules-", 9, 1), ("fim.redb", "HIDSFIM", 1, 1), ("crash.record", "hidsdie", 1, 1)];

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FormatError {
    /// A later version has written it.
    #[error(
        "{} has format {found} and was written by a newer hids{}; this is {}, which reads format {known}. Nothing was \
         changed. Install that version again, or start without positions, blocks and baseline: mv {} {}.newer",
        path.display(),
        by.as_ref().map(|version| format!(" ({version})")).unwrap_or_default(),
        env!("CARGO_PKG_VERSION"),
        state.display(),
        state.display()
    )]
    Newer {
        /// The file that says so.
        path: PathBuf,
        /// Its number.
        found: u32,
        /// The number that can be read.
        known: u32,
        /// The version that wrote it, if it says so.
        by: Option<String>,
        /// The state directory.
        state: PathBuf,
    },
    /// The number cannot be read.
    #[error("cannot read the format of the state from {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is something else.
    #[error(
        "{} does not begin with a format number. Restore it, or write 1 into it if no hids newer than 0.1 has run here",
        path.display()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
    },
}

/// Makes sure that this version can read the state, and notes that it writes it from now on. A disk that does not take
/// the note is no reason not to start: without one the state has format 1.
///
/// # Errors
/// When a later version has written it, or the number of the whole cannot be read. Nothing is changed then.
pub(super) fn claim(state: &Path) -> Result<(), FormatError> {
    let path = state.join(NAME);
    let noted = read_start(&path)?;
    // What a power loss can leave of a file on some filesystems. Each part of the state has a number or a checksum too.
    let is_blank = |text: &Vec<u8>| text.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace());
    if noted.as_ref().is_some_and(is_blank) {
        warn!(file = %path.display(), "the format of the state is empty; reading the state as that of format 1");
    } else if let Some(text) = &noted {
        let text = String::from_utf8_lossy(text);
        let mut words = text.split_whitespace();
        let number = words.next().and_then(|word| word.parse::<u32>().ok());
        let found = number.ok_or_else(|| FormatError::Unknown { path: path.clone() })?;
        if found > FORMAT {
            let by = words.next().map(|version| version.escape_default().to_string());
            return Err(FormatError::Newer { path, found, known: FORMAT, by, state: state.to_owned() });
        }
    }
    for (name, prefix, digits, known) in HEADS {
        let path = state.join(name);
        // One that cannot be read now is reported by the part that needs it, which tries again.
        let Ok(Some(start)) = read_start(&path) else { continue };
        if let Some(found) = number_behind(&start, prefix, digits).filter(|found| *found > known) {
            return Err(FormatError::Newer { path, found, known, by: None, state: state.to_owned() });
        }
    }
    let text = format!("{FORMAT} {}\n", env!("CARGO_PKG_VERSION"));
    if noted.as_deref() != Some(text.as_bytes())
        && let Err(error) = atomic_file::replace(&path, 0o644, text.as_bytes())
    {
        warn!(file = %path.display(), %error, "cannot note the format of the state");
    }
    Ok(())
}

/// The first bytes of a file; `None` when there is none.
fn read_start(path: &Path) -> Result<Option<Vec<u8>>, FormatError> {
    let mut start = Vec::new();
    match File::open(path).and_then(|file| file.take(MOST_BYTES).read_to_end(&mut start)) {
        Ok(_) => Ok(Some(start)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FormatError::Read { path: path.to_owned(), source }),
    }
}

/// The number of at most `most` digits that stands behind `prefix` at the start of a file; `None` for anything else,
/// damage included, which is for the file's owner to find.
fn number_behind(start: &[u8], prefix: &str, most: usize) -> Option<u32> {
    let rest = start.strip_prefix(prefix.as_bytes())?;
    let digits: Vec<u8> = rest.iter().copied().take(most).take_while(u8::is_ascii_digit).collect();
    std::str::from_utf8(&digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use proptest::prelude::*;

    use super::*;

    fn state(files: &[(&str, &str)]) -> tempfile::TempDir {
        let place = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = place.path().join(name);
            fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
            fs::write(path, text).expect("a file");
        }
        place
    }

    fn content(directory: &Path) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        for entry in fs::read_dir(directory).expect("readable").map(|entry| entry.expect("an entry").path()) {
            match entry.is_dir() {
                true => files.extend(content(&entry)),
                false => _ = files.insert(entry.display().to_string(), fs::read(&entry).expect("readable")),
            }
        }
        files
    }

    /// What is refused, after a look that nothing was changed.
    fn refused(files: &[(&str, &str)]) -> String {
        let place = state(files);
        let before = content(place.path());
        let refused = claim(place.path()).expect_err("it is newer");
        assert_eq!(content(place.path()), before);
        refused.to_string()
    }

    #[test]
    fn new_state_and_that_of_this_format_are_claimed() {
        for files in [&[][..], &[("format", "1 0.0.9\n")], &[("record.journal", "0 {}\n"), ("rules.state", "damaged")]]
        {
            let place = state(files);
            claim(place.path()).expect("it is claimed");
            let noted = fs::read_to_string(place.path().join("format")).expect("noted");
            assert_eq!(noted, format!("1 {}\n", env!("CARGO_PKG_VERSION")));
        }
    }

    #[test]
    fn state_of_a_newer_version_is_refused_with_what_to_do_and_stays_as_it_is() {
        // The number of the directory stands for the files that have none of their own.
        let without = ["record.journal", "respond/blocks.log", "mail/queue", "mail/state.json", "quarantine.json"];
        for name in without {
            let message = refused(&[("format", "2 0.3.0\n"), (name, "of the next format\n")]);
            assert!(message.contains("newer hids (0.3.0)") && message.contains(": mv "), "{message}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_left_to_the_part_that_needs_it() {
        let place = state(&[]);
        fs::create_dir(place.path().join("fim.redb")).expect("a directory in its place");
        claim(place.path()).expect("it is claimed");
    }

    #[test]
    fn a_single_newer_file_is_refused() {
        for (name, prefix, _, known) in HEADS {
            let head = format!("{prefix}{} and more", known + 1);
            let message = refused(&[("format", "1 0.1.0\n"), (name, &head)]);
            assert!(message.contains(name) && message.contains("newer"), "{message}");
        }
    }

    // Of 256 baselines, ten have such a counter: the daemon would not start any more.
    #[test]
    fn a_counter_behind_the_number_is_no_part_of_it() {
        for name in ["fim.redb", "crash.record"] {
            let head = HEADS.iter().find(|(head, ..)| *head == name).map(|(_, prefix, ..)| *prefix).unwrap_or_default();
            for counter in b'0'..=b'9' {
                let place = state(&[(name, &format!("{head}1{}\0\0", counter as char))]);
                claim(place.path()).unwrap_or_else(|error| panic!("{name}, {counter}: {error}"));
            }
        }
    }

    // The table says what the released versions really write.
    #[test]
    fn files_of_released_versions_have_these_heads() {
        let released = hids_tests::programs::source_root().join("tests/data/state-0.1/state");
        for (name, prefix, digits, known) in HEADS {
            let bytes = match fs::File::open(released.join(format!("{name}.gz"))) {
                Ok(packed) => {
                    let mut start = [0; 64];
                    flate2::read::GzDecoder::new(packed).read_exact(&mut start).expect("it unpacks");
                    start.to_vec()
                }
                Err(_) => fs::read(released.join(name)).expect("a file of the release"),
            };
            match name {
                "crash.record" => assert_eq!(bytes, b"", "only a crash leaves one"),
                _ => assert_eq!(number_behind(&bytes, prefix, digits), Some(known), "{name}"),
            }
        }
    }

    #[test]
    fn packages_know_the_number() {
        for script in ["deb/preinst", "rpm/pre"] {
            let path = hids_tests::programs::source_root().join("config/packaging").join(script);
            let text = fs::read_to_string(&path).expect("a script");
            assert!(text.lines().any(|line| line == format!("FORMAT={FORMAT}")), "{}", path.display());
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["one", "-1", "99999999999999999999", "\0two"] {
            assert!(refused(&[("format", text)]).contains("format number"), "{text}");
        }
    }

    #[test]
    fn what_a_power_loss_leaves_is_written_again() {
        for text in ["", "\n", "\0\0\0\0"] {
            let place = state(&[("format", text)]);
            claim(place.path()).expect("claimed");
            assert!(fs::read_to_string(place.path().join("format")).expect("the format").starts_with("1 "), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_claimed_or_refused_without_panic(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let place = state(&[]);
            for name in ["format", "rules.state", "fim.redb"] {
                fs::write(place.path().join(name), &bytes).expect("a file");
                let _ = claim(place.path());
            }
        }
    }
}
