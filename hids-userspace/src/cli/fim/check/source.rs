//! The baseline that a check compares with.

use std::fs::{self, File};
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use clap::Args;
use hids_core::model::Timestamp;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::failure::{Ends as _, Failure, text};
use super::place::{CheckArgs, Place};
use crate::cli::exit::{CheckExit, Exit};
use crate::cli::fim::baseline::trusted;
use crate::cli::fim::is_not_running;
use crate::cli::reload::ask_within;
use crate::cli::{Common, output};
use crate::control::{ClientError, Request};
use crate::fim::check::{self, CopyError, Frozen, Meaning};
use crate::fim::export::PublicKey;
use crate::fim::protocol::{ExportView, FimRequest, PathText};

/// Where a baseline comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// The running daemon wrote it for this check.
    Daemon,
    /// A copy of the store, as the last daemon (or `fim init`) left it.
    Store,
    /// A signed export.
    Export,
}

/// A baseline in memory, and what it says of itself.
pub(super) struct Source {
    pub baseline: Arc<Frozen>,
    pub origin: Origin,
    /// When the export or snapshot was made.
    pub created: Timestamp,
    /// On which host.
    pub host: Vec<u8>,
}

impl Source {
    pub(super) fn find(common: &Common, args: &CheckArgs, place: &Place) -> Result<Self, Failure> {
        if let Some(file) = &args.baseline {
            return Self::exported(common, file, args);
        }
        if place.tree.is_none() {
            match Self::from_daemon(common, &place.paths.state) {
                Err(error) if is_not_running(&error) => {}
                Err(error) if error.downcast_ref::<ClientError>().is_some() => {
                    return Err(error).ends(CheckExit::Baseline);
                }
                done => return done.ends(CheckExit::Baseline),
            }
        }
        Self::from_store(place)
    }

    fn exported(common: &Common, file: &Path, args: &CheckArgs) -> Result<Self, Failure> {
        if args.tree.is_some() && args.key.is_none() {
            // The key of this host is not the image's, and what the image has as its key proves nothing.
            return Err(anyhow!(
                "--tree with --baseline requires --key, the public key that hidsctl fim export printed"
            ))
            .ends(CheckExit::Usage);
        }
        let key = trusted(common, args.key.as_deref()).ends(CheckExit::Usage)?;
        // A pipe would be waited for.
        let is_file = fs::metadata(file).map(|metadata| metadata.is_file());
        let opened = is_file.and_then(|is_file| match is_file {
            true => File::open(file),
            false => Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")),
        });
        let opened = opened.with_context(|| format!("cannot open {}", file.display())).ends(CheckExit::Baseline)?;
        Self::read(&opened, &key, Meaning::AsItIs, Origin::Export).ends(CheckExit::Baseline)
    }

    /// The daemon writes one moment into its state directory, which is the place that it may write to.
    fn from_daemon(common: &Common, state: &Path) -> anyhow::Result<Self> {
        const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3600);
        let file = state.join(format!(".check-{}.snapshot", std::process::id()));
        let removed = RemoveOnDrop(file.clone());
        let request = FimRequest::Snapshot { file: PathText::from(file.as_os_str().as_encoded_bytes()) };
        let answer = ask_within(common, &Request::Fim(request), PATIENCE)?;
        let opened = File::open(&file).with_context(|| format!("cannot open {}", file.display()))?;
        drop(removed);
        Self::signed(&opened, answer, Origin::Daemon)
    }

    fn from_store(place: &Place) -> Result<Self, Failure> {
        let folder = tempfile::Builder::new().prefix("hidsctl-").tempdir();
        let folder = folder.context("cannot create a temporary directory").ends(CheckExit::Io)?;
        let copied = check::copy_store(&place.paths.state, place.tree.as_ref(), folder.path());
        copied.map_err(|error| {
            let exit = match error {
                CopyError::InUse { .. } => CheckExit::InUse,
                CopyError::None { .. } | CopyError::Copy { .. } => CheckExit::Baseline,
            };
            let advice = match (&error, place.tree.is_some()) {
                (CopyError::None { .. }, false) => "; make one with hidsctl fim init, or start hidsd",
                (CopyError::None { .. }, true) => "; compare with an export of the machine: --baseline FILE --key HEX",
                (CopyError::InUse { .. }, _) => "; hidsd may be starting: try again",
                (CopyError::Copy { .. }, _) => "",
            };
            let why = anyhow::Error::new(error);
            Failure { exit, why: if advice.is_empty() { why } else { anyhow!("{why:#}{advice}") } }
        })?;
        let file = folder.path().join("snapshot");
        let answer = match &place.tree {
            None => check::snapshot_of(folder.path(), &file).map_err(|error| text(&error)),
            Some(_) => in_other_process(folder.path(), &file),
        };
        let answer = answer.ends(CheckExit::Baseline)?;
        let opened = File::open(&file).context("cannot open the snapshot").ends(CheckExit::Io)?;
        Self::signed(&opened, answer, Origin::Store).ends(CheckExit::Baseline)
    }

    fn signed(file: &File, answer: serde_json::Value, origin: Origin) -> anyhow::Result<Self> {
        let view: ExportView = serde_json::from_value(answer).context("version mismatch between hidsd and hidsctl")?;
        Self::read(file, &view.public_key.parse()?, Meaning::AcceptedIsUnknown, origin)
    }

    fn read(file: &File, key: &PublicKey, meaning: Meaning, origin: Origin) -> anyhow::Result<Self> {
        let (baseline, report) = Frozen::load(file, key, meaning).context("the baseline cannot be used")?;
        let header = report.header;
        Ok(Self { baseline: Arc::new(baseline), origin, created: header.created, host: header.host })
    }
}

struct RemoveOnDrop(PathBuf);

impl Drop for RemoveOnDrop {
    fn drop(&mut self) {
        // There is none if the daemon refused.
        let _ = fs::remove_file(&self.0);
    }
}

/// Where from and where to.
#[derive(Debug, Args)]
pub(in crate::cli::fim) struct SnapshotArgs {
    /// Directory of the copied store
    state: PathBuf,
    /// File to be written
    file: PathBuf,
}

/// Whoever made an image has the key of its baseline, and can make one at which the database fails in any way: it is
/// read by a process of its own, within limits.
fn in_other_process(state: &Path, file: &Path) -> anyhow::Result<serde_json::Value> {
    let mut command = Command::new("/proc/self/exe");
    command.arg0("hidsctl").args(["fim", "snapshot"]).args([state, file]);
    let child = command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = child.output().context("cannot start a process to read the baseline")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let why = said.trim().strip_prefix("hidsctl: ").unwrap_or(said.trim()).lines().next().unwrap_or_default();
        let why = output::visible(why.as_bytes());
        bail!(
            "the baseline of the image cannot be used: {}; compare with an export of the machine: --baseline FILE --key \
             HEX",
            if why.is_empty() { output.status.to_string() } else { why }
        );
    }
    serde_json::from_slice(&output.stdout).context("the baseline of the image cannot be used")
}

/// What that process does.
pub(in crate::cli::fim) fn snapshot(args: &SnapshotArgs) -> anyhow::Result<Exit> {
    let limits = [
        (Resource::Core, 0),
        (Resource::Cpu, 900),
        (Resource::As, 8 << 30),
        (Resource::Fsize, 8 << 30),
        (Resource::Nofile, 64),
    ];
    for (resource, most) in limits {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?;
    }
    output::print_json(&check::snapshot_of(&args.state, &args.file).map_err(|error| text(&error))?)?;
    Ok(Exit::Success)
}
