//! `hidsctl import ossec`.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use hids_core::fim::Policy;

use super::super::exit::Exit;
use super::super::proposal::{self, Consent, Proposal};
use super::super::{Common, output};
use super::OssecArgs;
use super::outcome::{self, Target};
use crate::adopt::draft::Draft;
use crate::adopt::ossec::{self, KnownFile};
use crate::adopt::system::System;
use crate::adopt::translated::Translated;
use crate::config::{self, Overlay};
use crate::control::{Client, ClientError};
use crate::fim::handover::{self, Compared};
use crate::fim::policy_def;
use crate::record;

/// Most files that are named.
const MOST_NAMED: usize = 500;

/// What an installation remembers.
#[derive(Default)]
struct Memory {
    first_seen: Vec<Vec<u8>>,
    ignored: Vec<Vec<u8>>,
    compared: Compared,
}

/// Translates the configuration, and takes the memory of rules and of file integrity.
pub(super) fn run(common: &Common, args: &OssecArgs) -> anyhow::Result<Exit> {
    let directory = outcome::absolute(&args.directory)?;
    let system = System::new(Path::new("/")).context("cannot look at the system")?;
    let mut target = outcome::target(common)?;
    let mut report = Translated::default();
    if !["etc/ossec.conf", "queue"].iter().any(|name| Path::new(&directory).join(name).exists()) {
        bail!("no OSSEC installation in {directory}: neither etc/ossec.conf nor queue exists");
    }
    settings(&directory, &system, &mut target, &mut report)?;
    let memory = remembered(common, &directory, &system, &target, &mut report)?;
    let consent = outcome::consent(common, &args.how);
    let wanted = !memory.first_seen.is_empty() || !memory.ignored.is_empty() || !memory.compared.differing.is_empty();
    let state = config::locate(&common.load_options(false));
    if wanted && consent != Consent::Print {
        stopped(&state.run)?;
        let is_agreed = consent == Consent::Given
            || proposal::is_confirmed("Keep what OSSEC's rules and file integrity remember for hidsd?")?;
        if is_agreed {
            take(&memory, &state.state, &mut report)?;
        }
    }
    let mut changed = Proposal::default();
    changed.add(&target.path, target.old.clone(), target.draft.text().to_vec());
    outcome::finish(common, &args.how, &target, &changed, &report)
}

fn settings(directory: &str, system: &System, target: &mut Target, report: &mut Translated) -> anyhow::Result<()> {
    let path = format!("{directory}/etc/ossec.conf");
    let Some(text) = system.read(&path) else { return Ok(()) };
    if target.path.canonicalize().ok() == PathBuf::from(&path).canonicalize().ok() {
        report.done(format!("{path} and its rules are used as they are"));
        return Ok(());
    }
    match Draft::new(text) {
        Ok(from) => ossec::translate(&from, &mut target.draft, report)
            .with_context(|| format!("cannot change {}", target.path.display()))?,
        Err(error) => report.not(path, error.to_string()),
    }
    Ok(())
}

/// Reads the queues and compares the files of syscheck's database with what is there now.
fn remembered(
    common: &Common,
    directory: &str,
    system: &System,
    target: &Target,
    report: &mut Translated,
) -> anyhow::Result<Memory> {
    let mut memory = Memory::default();
    for (name, list) in [("fts-queue", &mut memory.first_seen), ("ig-queue", &mut memory.ignored)] {
        let path = format!("{directory}/queue/fts/{name}");
        let Some(text) = system.read_up_to(&path, ossec::MOST_BYTES) else { continue };
        let (found, other) = ossec::combinations(&text);
        *list = found;
        if other > 0 {
            report
                .not(format!("{} of {path}", output::count(other as u64, "line")), "not of the form that OSSEC writes");
        }
    }
    let path = format!("{directory}/queue/syscheck/syscheck");
    let Some(text) = system.read_up_to(&path, ossec::MOST_BYTES) else {
        report.not(path, "not there, unreadable, or larger than 256 MiB: changes before the first scan are not seen");
        return Ok(memory);
    };
    let (files, other) = ossec::known_files(&text);
    if other > 0 {
        report.not(format!("{} of {path}", output::count(other as u64, "line")), "not of the form that OSSEC writes");
    }
    match compared(common, target, &files) {
        Some(compared) => memory.compared = compared,
        None => report.not(path, "the configuration has errors, so the monitored directories are not known"),
    }
    say(&memory.compared, files.len(), report);
    Ok(memory)
}

fn compared(common: &Common, target: &Target, files: &BTreeMap<Vec<u8>, KnownFile>) -> Option<Compared> {
    let overlay = Overlay::from([(target.path.clone(), target.draft.text().to_vec())]);
    let options = config::LoadOptions { root: common.root.clone(), ..target.options.clone() };
    let config = config::load_with(&options, &overlay).config?;
    let policy = Policy::compile(policy_def(&config.syscheck, &config.paths, false, &[]));
    Some(handover::compare_with(files, &policy))
}

fn say(compared: &Compared, files: usize, report: &mut Translated) {
    report.done(format!(
        "file integrity: {} known to OSSEC, {} unchanged, {} changed since its last scan, {} not monitored by hids",
        output::count(files as u64, "file"),
        compared.same,
        compared.differing.len(),
        compared.unmonitored
    ));
    for file in compared.differing.iter().take(MOST_NAMED) {
        let path = String::from_utf8_lossy(&file.path).into_owned();
        let what = file.what.join(", ");
        if file.is_reported {
            report.done(format!("changed since OSSEC's last scan: {path} ({what})"));
        } else {
            report.not(format!("changed since OSSEC's last scan: {path} ({what})"), "not compared by <directories>");
        }
    }
    if compared.differing.len() > MOST_NAMED {
        report.omitted += compared.differing.len() - MOST_NAMED;
    }
    if compared.unreadable > 0 {
        report.not(output::count(compared.unreadable, "file"), "cannot be read");
    }
}

/// The daemon has both in memory, and would write its own over it.
fn stopped(run: &Path) -> anyhow::Result<()> {
    match Client::connect(run) {
        Err(ClientError::NotRunning { .. }) => Ok(()),
        _ => bail!(
            "hidsd is running; stop it first (systemctl stop hidsd), so that it does not overwrite what is imported"
        ),
    }
}

fn take(memory: &Memory, state: &Path, report: &mut Translated) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(state)
        .with_context(|| format!("cannot create {}", state.display()))?;
    let (first_seen, ignored) = record::remember(state, &memory.first_seen, &memory.ignored)
        .with_context(|| format!("cannot write the rule state in {}", state.display()))?;
    if first_seen + ignored > 0 {
        report.done(format!("rules remember {first_seen} first-time combinations and {ignored} ignored ones"));
    }
    if !memory.compared.differing.is_empty() {
        let kept = handover::keep(state, &memory.compared).context("cannot use the baseline of file integrity")?;
        if kept > 0 {
            report.done(format!("the first scan will report {}", output::count(kept, "changed file")));
        }
    }
    Ok(())
}
