//! The day of the open files, and the thread that finishes the days before it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use jiff::civil::Date;

use super::error::RecordError;
use super::finish::finish_before;
use super::handle::Shared;
use super::recorder::Recorder;
use super::root::Root;
use crate::platform::clock::now;

/// How often the files are looked after while alerts come.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// `monitord.day_wait`.
const DAY_WAIT: Duration = Duration::from_secs(10);

/// See the module.
pub(super) struct Days {
    /// To the thread that finishes days.
    ended: Sender<Date>,
    announced: Option<Date>,
    looked: Option<Instant>,
    look_failed: bool,
}

impl Days {
    /// Starts the thread that finishes days; it ends when the value is dropped.
    pub(super) fn start(recorder: &Recorder, shared: &Arc<Shared>) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (ended, finished) = bounded(4);
        let finisher = spawn_finisher(recorder.root.path.clone(), finished, Arc::clone(shared))?;
        Ok((Self { ended, announced: None, looked: None, look_failed: false }, finisher))
    }

    /// Goes to the next day, reopens moved files, and announces the day to the finisher; not before it is due.
    pub(super) fn look(&mut self, recorder: &mut Recorder) -> Result<(), RecordError> {
        let is_due = self.looked.is_none_or(|at| at.elapsed() >= LOOK_AGAIN)
            || recorder.day_ends().is_some_and(|ends| now() >= ends);
        if !is_due {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let ticked = recorder.tick(now());
        self.look_failed = ticked.is_err();
        ticked?;
        let today = recorder.today();
        if today != self.announced
            && let Some(date) = today
            && self.ended.try_send(date).is_ok()
        {
            self.announced = today;
        }
        Ok(())
    }

    /// Whether the last look failed.
    pub(super) fn look_failed(&self) -> bool {
        self.look_failed
    }
}

/// Signs and compresses finished days in the background, at the lowest priority.
fn spawn_finisher(logs: PathBuf, days: Receiver<Date>, shared: Arc<Shared>) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("finish-days".into()).spawn(move || {
        // On Linux this is about the calling thread only.
        let _ = rustix::process::nice(19);
        let stopping = || shared.stopping.load(Ordering::Relaxed);
        while let Ok(today) = days.recv() {
            // Readers may still have the end of the day to read (monitord waits too). The sender
            // never sends meanwhile, except when it goes away: then we stop.
            if days.recv_timeout(DAY_WAIT) == Err(RecvTimeoutError::Disconnected) || stopping() {
                return;
            }
            let Ok(root) = Root::open(&logs) else { continue };
            for (path, error) in finish_before(&root, today, shared.finish_options(), &stopping) {
                tracing::warn!(path = %path.display(), %error, help = "will retry tomorrow and at the next start",
                    "cannot sign or compress the file of a finished day");
            }
        }
    })
}
