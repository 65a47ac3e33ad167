//! Begins a scan.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::Sender;
use hids_core::fim::Policy;
use tracing::debug;

use super::pace::Rate;
use super::plan::units;
use super::pool::Pool;
use super::sender::MessageSender;
use super::work;
use super::worker::{Scan, Task};
use super::{Found, ScanControl, ScanOptions, ScanRequest};
use crate::fim::BaselineView;
use crate::sys::files::{DiskPriority, set_disk_priority};

/// A scan that runs. Dropping it stops the scan and waits for its threads.
#[derive(Debug)]
pub(crate) struct ScanHandle {
    control: ScanControl,
    /// The first of its threads, which waits for the others.
    thread: Option<JoinHandle<()>>,
}

impl ScanHandle {
    /// For whoever steers or shows it.
    pub(crate) fn control(&self) -> &ScanControl {
        &self.control
    }

    /// Waits until it has ended by itself. Somebody else has to take what it finds meanwhile.
    pub(crate) fn wait(mut self) {
        self.join();
    }

    fn join(&mut self) {
        // A panic has been told by the thread itself.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Drop for ScanHandle {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.control.stop();
        }
        self.join();
    }
}

/// Begins a scan. What it finds goes into `found`, at last [`Found::Finished`]; when nobody takes it any
/// more, the scan ends. It waits while `found` is full.
///
/// An error means that no thread could be started.
pub(crate) fn start(
    request: ScanRequest,
    policy: Arc<Policy>,
    known: Arc<dyn BaselineView>,
    options: ScanOptions,
    found: Sender<Found>,
) -> io::Result<ScanHandle> {
    let control = ScanControl::new(request.expected);
    let units = units(&request.subtrees, &policy);
    let units = units.into_iter().filter(|unit| !request.resume.covers(unit)).map(Task::Unit).collect();
    let scan = Scan {
        sender: Arc::new(MessageSender::new(control.clone(), found)),
        pool: Pool::new(units),
        rate: options.rate_bytes_per_second.map(Rate::new),
        control: control.clone(),
        request,
        policy,
        known,
        options,
    };
    let thread = thread::Builder::new().name("fim-scan".into()).spawn(move || run(&scan))?;
    Ok(ScanHandle { control, thread: Some(thread) })
}

fn run(scan: &Scan) {
    set_priorities(&scan.options);
    let threads = match scan.options.threads {
        0 => thread::available_parallelism().map_or(1, |count| count.get().min(16)),
        count => count,
    };
    thread::scope(|scope| {
        for number in 1..threads {
            let builder = thread::Builder::new().name(format!("fim-scan-{number}"));
            // It has the priorities of the thread that starts it.
            if let Err(error) = builder.spawn_scoped(scope, || work::run(scan)) {
                // Fewer threads take longer; nothing else.
                debug!(%error, "cannot start a scan thread");
            }
        }
        work::run(scan);
    });
    scan.sender.finish();
}

/// Of this thread alone: Linux has them per thread.
fn set_priorities(options: &ScanOptions) {
    let Some(nice) = options.nice else { return };
    if let Err(error) = rustix::process::setpriority_process(None, nice.clamp(0, 19)) {
        debug!(%error, "cannot set the scan priority");
    }
    let disk = if nice >= 10 { DiskPriority::Idle } else { DiskPriority::Low };
    if let Err(error) = set_disk_priority(disk) {
        debug!(%error, "cannot set the scan I/O priority");
    }
}
