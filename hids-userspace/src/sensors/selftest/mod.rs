//! Self-test of the file sensor: performs every operation once and checks that the sensor detects what it was and who
//! did it.
//!
//! Each operation is done by a process of its own, in a private directory, and that process has ended
//! before the kernel's queue is read: who it was must have been captured, not looked up. What a tier
//! claims afterwards is what it proved here, on this kernel and on the filesystem of that directory.

mod child;
mod operation;
#[cfg(test)]
mod tests;

pub use child::{ACT_ARGUMENT, Actor, act, act_if_asked};
pub use operation::OperationUnderTest;

use std::fmt;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use hids_core::fim::{Policy, PolicyDef, Watch};
use hids_core::model::{FileEvent, Sensed, WhoSource};
use serde::Serialize;

use super::files::{FilesOptions, FilesTuning, MarkChoice, MarkKind, SteppedFiles};
use super::{Degradation, Tier, WhoLookup};
use child::{Acted, act_in_child};
use operation::{Place, watched_tree};

/// How long an event may take after the process that caused it has ended.
const PATIENCE: Duration = Duration::from_secs(1);
/// Far more than one operation causes; they are taken after each.
const MOST_BATCHES: usize = 1024;

/// What a self-test needs.
#[derive(Clone)]
pub struct SelfTestOptions {
    /// Where a private directory can be made: on the filesystem that is to be proven.
    pub directory: PathBuf,
    /// What does the operations.
    pub actor: Actor,
    /// Who is asked about processes.
    pub who: Arc<dyn WhoLookup>,
    /// Which marks are to be proven.
    pub marks: MarkChoice,
}

impl fmt::Debug for SelfTestOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelfTestOptions").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// What was proven.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SelfTest {
    /// The tier that says what.
    pub tier: Tier,
    /// How it was marked.
    pub marks: MarkKind,
    /// Type of the filesystem.
    pub filesystem: String,
    /// Each operation.
    pub operations: Vec<Tested>,
    /// How long all of it took, in milliseconds.
    #[serde(rename = "duration_ms")]
    pub took_ms: u64,
}

/// One operation and what was seen of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tested {
    /// Which.
    pub operation: OperationUnderTest,
    /// What was seen.
    #[serde(rename = "result")]
    pub saw: Saw,
}

/// What was seen of an operation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Saw {
    /// Whether it could be done here at all.
    #[serde(rename = "tested")]
    pub tried: bool,
    /// Path and operation.
    pub what: bool,
    /// Process number and executable, after the process had ended.
    pub who: bool,
    /// What is missing and why; how well the process is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// Why there was no self-test.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// The private directory.
    #[error("cannot prepare {}", path.display())]
    Prepare {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No sensor to test.
    #[error("no file event sensor")]
    Sensor(#[source] Degradation),
    /// A child.
    #[error("cannot perform {}", operation.name())]
    Act {
        /// Which operation.
        operation: OperationUnderTest,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl SelfTest {
    /// Operations that were done and not seen.
    pub fn unseen(&self) -> impl Iterator<Item = OperationUnderTest> + '_ {
        let unseen = self.operations.iter().filter(|tested| tested.saw.tried && !tested.saw.what);
        unseen.map(|tested| tested.operation)
    }

    /// Operations that were seen without who did them.
    pub fn anonymous(&self) -> impl Iterator<Item = OperationUnderTest> + '_ {
        let anonymous = self.operations.iter().filter(|tested| tested.saw.what && !tested.saw.who);
        anonymous.map(|tested| tested.operation)
    }
}

/// Runs it. Takes about a tenth of a second; nothing of it is left afterwards.
pub fn run(options: &SelfTestOptions) -> Result<SelfTest, SelfTestError> {
    let began = Instant::now();
    let place = Private::make(&options.directory)?;
    let mut eye = Eye::open(options, &place.0)?;
    let mut operations = Vec::with_capacity(OperationUnderTest::ALL.len());
    for operation in OperationUnderTest::ALL {
        operations.push(Tested { operation, saw: eye.try_one(&options.actor, operation, &place.0)? });
    }
    let report = eye.files.report();
    let root = report.roots.into_iter().next();
    let (marks, filesystem) = root.map_or((MarkKind::ScansOnly, String::new()), |root| (root.marks, root.filesystem));
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(SelfTest { tier: Tier::Fanotify, marks, filesystem, operations, took_ms })
}

/// The private directory; removed when dropped.
struct Private(PathBuf);

impl Private {
    fn make(parent: &Path) -> Result<Self, SelfTestError> {
        let path = parent.join(format!("self-test-{}", std::process::id()));
        let prepare = || {
            remove_leftovers(parent);
            fs::create_dir(&path)?;
            rustix::fs::chmod(&path, rustix::fs::Mode::RWXU)?;
            let private = Self(path.clone());
            for operation in OperationUnderTest::ALL {
                operation.prepare(&Place::of(operation, &path))?;
            }
            Ok(private)
        };
        prepare().map_err(|source| SelfTestError::Prepare { path: path.clone(), source })
    }
}

/// Removes what a daemon that was killed during its self-test left.
fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_old = entry.file_name().as_bytes().starts_with(b"self-test-");
        if is_old && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "cannot remove the self-test directory");
        }
    }
}

/// The sensor under test.
struct Eye {
    files: SteppedFiles,
    sensed: Receiver<Sensed>,
    executable: Vec<u8>,
}

impl Eye {
    fn open(options: &SelfTestOptions, directory: &Path) -> Result<Self, SelfTestError> {
        let tree = watched_tree(directory);
        let root = tree.as_os_str().as_bytes().to_vec();
        let watch = Watch { root, realtime: true, who: true, ..Watch::default() };
        let policy = Policy::compile(PolicyDef { watches: vec![watch], ..PolicyDef::default() });
        let (sender, sensed) = bounded(MOST_BATCHES);
        let files = SteppedFiles::open(
            FilesOptions {
                policy: Arc::new(policy),
                who: Arc::clone(&options.who),
                own_pid: Some(std::process::id()),
                tuning: FilesTuning { marks: options.marks, ..FilesTuning::default() },
            },
            sender,
        );
        // The link's own text: this program may have been replaced on disk, or removed.
        let program = Path::new(&options.actor.program);
        let executable = fs::read_link(program).or_else(|_| fs::canonicalize(program)).unwrap_or_default();
        Ok(Self {
            files: files.map_err(SelfTestError::Sensor)?,
            sensed,
            executable: executable.as_os_str().as_bytes().to_vec(),
        })
    }

    fn try_one(
        &mut self,
        actor: &Actor,
        operation: OperationUnderTest,
        directory: &Path,
    ) -> Result<Saw, SelfTestError> {
        let acted = act_in_child(actor, operation, directory);
        let pid = match acted.map_err(|source| SelfTestError::Act { operation, source })? {
            Acted::Done { pid } => pid,
            Acted::NotHere(reason) => return Ok(Saw { detail: Some(reason), ..Saw::default() }),
        };
        let limit = Instant::now() + PATIENCE;
        let mut events = Vec::new();
        let mut gaps = 0;
        loop {
            self.files.step(Duration::from_millis(10));
            for sensed in self.sensed.try_iter() {
                match sensed {
                    Sensed::Events(new) => events.extend(new),
                    Sensed::Gap { .. } => gaps += 1,
                }
            }
            let saw = self.judge(operation, pid, &events, gaps, directory);
            if saw.what || Instant::now() >= limit {
                return Ok(saw);
            }
        }
    }

    fn judge(
        &self,
        operation: OperationUnderTest,
        pid: u32,
        events: &[FileEvent],
        gaps: usize,
        directory: &Path,
    ) -> Saw {
        let (path, expected) = operation.expected(&Place::of(operation, directory));
        let is_it =
            |event: &&FileEvent| event.path == path.as_os_str().as_bytes() && event.operations.contains(expected);
        let Some(event) = events.iter().find(is_it) else {
            let detail = match gaps {
                0 => format!("no event of {}", expected.name()),
                _ => "kernel queue overflow".to_owned(),
            };
            return Saw { tried: true, detail: Some(detail), ..Saw::default() };
        };
        let Some(who) = event.who.as_deref() else {
            return Saw { tried: true, what: true, who: false, detail: Some("no process number".to_owned()) };
        };
        let is_known = who.pid == pid && who.executable == self.executable;
        let detail = match (is_known, who.source) {
            (true, source) => source.name().to_owned(),
            (false, WhoSource::PidOnly) if who.pid == pid => "the process exited before it was inspected".to_owned(),
            (false, _) => format!("pid {} instead of {pid}, or another executable", who.pid),
        };
        Saw { tried: true, what: true, who: is_known, detail: Some(detail) }
    }
}
