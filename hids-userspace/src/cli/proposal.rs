//! Changes of configuration files that are shown, checked and only then written: `setup` and `import`.

use std::fs::{self, OpenOptions};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hids_core::diag::{Diagnostic, Severity};
use similar::TextDiff;

use super::{check, messages, output};
use crate::config::{LoadOptions, Overlay};
use crate::platform::atomic_file::{self, Replacement};

/// Passwords may be in it: nothing for others, never more than the old file had.
const MODE: u32 = 0o640;
/// Longest answer to a question.
const MOST_ANSWER: u64 = 1024;

/// Whether changes may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Consent {
    /// `--yes`.
    Given,
    /// There is someone to ask.
    Ask,
    /// `--dry-run`, or no one to ask.
    Print,
}

impl Consent {
    /// By the options, and by whether there is a terminal.
    pub(super) fn new(yes: bool, dry_run: bool) -> Self {
        let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        match (dry_run, yes, terminal) {
            (true, ..) | (false, false, false) => Self::Print,
            (false, true, _) => Self::Given,
            (false, false, true) => Self::Ask,
        }
    }
}

/// The answer to a question on the terminal, without blanks around it; empty at the end of input.
pub(super) fn ask(question: &str) -> io::Result<String> {
    let mut out = io::stdout().lock();
    write!(out, "{} ", output::for_stdout(question))?;
    out.flush()?;
    let mut answer = Vec::new();
    let mut input = io::stdin().lock().take(MOST_ANSWER);
    io::BufRead::read_until(&mut input, b'\n', &mut answer)?;
    Ok(String::from_utf8_lossy(&answer).trim().to_owned())
}

/// Whether the answer to a question is yes; no answer is no.
pub(super) fn is_confirmed(question: &str) -> io::Result<bool> {
    Ok(matches!(ask(&format!("{question} [y/N]"))?.to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// A file and its new content.
#[derive(Debug)]
struct Change {
    path: PathBuf,
    old: Vec<u8>,
    new: Vec<u8>,
}

/// Changes of files, in the order in which they are written.
#[derive(Debug, Default)]
pub(super) struct Proposal {
    changes: Vec<Change>,
}

impl Proposal {
    /// Adds a file, unless nothing changes in it.
    pub(super) fn add(&mut self, path: &Path, old: Vec<u8>, new: Vec<u8>) {
        if old != new {
            self.changes.push(Change { path: path.to_owned(), old, new });
        }
    }

    /// Whether nothing changes.
    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// The differences as `diff -u` shows them, safe for a terminal.
    pub(super) fn diff(&self) -> String {
        let one = |change: &Change| {
            let (old, new) = (String::from_utf8_lossy(&change.old), String::from_utf8_lossy(&change.new));
            let name = change.path.display().to_string();
            let diff = TextDiff::from_lines(old.as_ref(), new.as_ref());
            diff.unified_diff().context_radius(3).header(&name, &format!("{name} (new)")).to_string()
        };
        let text: String = self.changes.iter().map(one).collect();
        text.lines().map(|line| output::visible(line.trim_end_matches('\r').as_bytes()) + "\n").collect()
    }

    /// Errors that `hidsctl check` reports for the new content and did not report for the old one, and the number of
    /// those that are old.
    pub(super) fn new_errors(&self, options: &LoadOptions) -> (Vec<Diagnostic>, usize) {
        let errors = |overlay: &Overlay| {
            let (found, _) = check::problems(options, overlay);
            found.into_iter().filter(|one| one.severity == Severity::Error).collect::<Vec<_>>()
        };
        let overlay: Overlay = self.changes.iter().map(|change| (change.path.clone(), change.new.clone())).collect();
        let new = errors(&overlay);
        if new.is_empty() {
            return (new, 0);
        }
        let old = errors(&Overlay::new());
        let is_old = |error: &Diagnostic| old.iter().any(|one| one.code == error.code && one.message == error.message);
        let (kept, added): (Vec<_>, Vec<_>) = new.into_iter().partition(is_old);
        (added, kept.len())
    }

    /// Writes all files, each in one step, and keeps the old ones; returns their names.
    pub(super) fn write(&self) -> anyhow::Result<Vec<PathBuf>> {
        self.changes.iter().map(|change| change.write()).collect()
    }
}

impl Change {
    fn write(&self) -> anyhow::Result<PathBuf> {
        let shown = self.path.display();
        // A link stays one: what it leads to is replaced.
        let path = self.path.canonicalize().with_context(|| format!("cannot find {shown}"))?;
        let metadata = path.metadata().with_context(|| format!("cannot look at {shown}"))?;
        if fs::read(&path).with_context(|| format!("cannot read {shown}"))? != self.old {
            bail!("{shown} was changed by another program meanwhile; nothing was written: run the command again");
        }
        let mode = metadata.permissions().mode() & MODE;
        let kept = keep(&path, &self.old, mode, &metadata).with_context(|| format!("cannot keep a copy of {shown}"))?;
        let replace = || -> io::Result<()> {
            let new = Replacement::begin(&path, mode)?;
            fchown(new.file(), Some(metadata.uid()), Some(metadata.gid()))?;
            new.file().set_permissions(fs::Permissions::from_mode(mode))?;
            new.file().write_all(&self.new)?;
            new.commit().map(drop)
        };
        replace().with_context(|| format!("cannot write {shown}; it is unchanged"))?;
        Ok(kept)
    }
}

/// Writes the old content beside the file, under a name with the date.
fn keep(path: &Path, content: &[u8], mode: u32, metadata: &fs::Metadata) -> io::Result<PathBuf> {
    let date = jiff::Zoned::now().strftime("%Y%m%d-%H%M%S").to_string();
    for number in 1..100 {
        let mut name = path.as_os_str().to_owned();
        name.push(if number == 1 { format!(".{date}") } else { format!(".{date}.{number}") });
        let kept = PathBuf::from(name);
        let file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&kept);
        let mut file = match file {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            file => file?,
        };
        fchown(&file, Some(metadata.uid()), Some(metadata.gid()))?;
        file.write_all(content)?;
        file.sync_all()?;
        atomic_file::sync_directory_of(&kept)?;
        return Ok(kept);
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// What became of a proposal.
#[derive(Debug)]
pub(super) enum Settled {
    /// Nothing changes.
    Unchanged,
    /// Shown only.
    Shown,
    /// Written; the old files are kept under these names.
    Written(Vec<PathBuf>),
    /// The new configuration would have these errors.
    Refused(Vec<Diagnostic>),
}

/// Checks a proposal and, with consent, writes it. With `show`, the differences are printed before a question.
pub(super) fn settle(
    proposal: &Proposal,
    options: &LoadOptions,
    consent: Consent,
    show: bool,
) -> anyhow::Result<Settled> {
    if proposal.is_empty() {
        return Ok(Settled::Unchanged);
    }
    let (errors, kept) = proposal.new_errors(options);
    if show {
        output::print(&format!("\n{}", proposal.diff()))?;
    }
    if !errors.is_empty() {
        return Ok(Settled::Refused(errors));
    }
    if kept > 0 {
        let errors = output::count(kept as u64, "error");
        messages::note(&format!("the configuration has {errors} already; `hidsctl check` shows them"));
    }
    let write = match consent {
        Consent::Given => true,
        Consent::Print => false,
        Consent::Ask => is_confirmed("\nWrite these changes?")?,
    };
    if write { Ok(Settled::Written(proposal.write()?)) } else { Ok(Settled::Shown) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_whole_keeps_the_old_file_and_gives_others_no_rights() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ossec.conf");
        fs::write(&path, "old\n").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("set");
        let mut proposal = Proposal::default();
        proposal.add(&path, b"old\n".to_vec(), b"new\x1b[2J\n".to_vec());
        assert!(proposal.diff().contains("-old\n+new\\x1b[2J\n"), "{}", proposal.diff());
        let kept = proposal.write().expect("written");
        assert_eq!(fs::read(&path).expect("there"), b"new\x1b[2J\n");
        assert_eq!(fs::read(&kept[0]).expect("there"), b"old\n");
        assert_eq!(path.metadata().expect("there").permissions().mode() & 0o777, 0o640);
        assert!(proposal.write().is_err(), "it is not what it was");
        assert_eq!(fs::read_dir(directory.path()).expect("readable").count(), 2);
    }
    #[test]
    fn a_configuration_with_new_errors_is_not_written_and_old_ones_do_not_hinder() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("ossec.conf");
        let options = LoadOptions { config: Some(path.clone()), ..LoadOptions::default() };
        let settled = |old: &str, new: &str| {
            fs::write(&path, old).expect("written");
            let mut proposal = Proposal::default();
            proposal.add(&path, old.into(), new.into());
            settle(&proposal, &options, Consent::Given, false).expect("settled")
        };
        let config =
            |port: &str| format!("<ossec_config><global><smtp_port>{port}</smtp_port></global></ossec_config>");
        let refused = settled(&config("25"), &config("none"));
        assert!(matches!(&refused, Settled::Refused(errors) if errors[0].code == "C011"), "{refused:?}");
        assert_eq!(fs::read_to_string(&path).expect("there"), config("25"));
        let logs = "<localfile><log_format>syslog</log_format><location>/a</location></localfile></ossec_config>";
        let more = config("none").replace("</ossec_config>", logs);
        assert!(matches!(settled(&config("none"), &more), Settled::Written(_)));
    }
}
