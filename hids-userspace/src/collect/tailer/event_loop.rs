//! The thread that tails all files: waits for the kernel, then asks the owners of the state what to do.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify::ReadFlags;
use tracing::{debug, warn};

use super::control::Control;
use super::discovery::{Discovery, Found};
use super::entry_table::EntryTable;
use super::file_table::FileTable;
use super::ids::{EntryId, SourceId};
use super::kernel_watches::{KernelEvent, KernelWatches};
use super::names::has_wildcard;
use super::path_tracker::{Graces, PathTracker, Request};
use super::read_loop::ReadLoop;
use super::recovery::Recovery;
use super::renames::Renames;
use super::reports::Reports;
use super::sources::Sources;
use super::timers::Due;
use crate::collect::batch_sender::Disconnected;
use crate::collect::once::FileSender;
use crate::collect::options::CollectTuning;
use crate::collect::report::SourceRegistry;
use crate::config::LogSourceConfig;
use crate::platform::clock::now;
use crate::platform::waker::Waker;

/// Room for events of the kernel, in bytes: of some thousand files.
const EVENT_BUFFER_BYTES: usize = 64 * 1024;

/// What the thread starts with.
#[derive(Debug, Default)]
pub(in crate::collect) struct TailerOptions {
    pub sources: Vec<LogSourceConfig>,
    pub resume: HashMap<String, String>,
    pub first_start: bool,
    pub tuning: CollectTuning,
}

/// The loop, and the owners of what it works with.
#[derive(Debug)]
pub(super) struct FileTailer {
    control: Receiver<Control>,
    waker: Waker,
    watches: KernelWatches,
    event_buffer: Vec<MaybeUninit<u8>>,
    discovery: Discovery,
    renames: Renames,
    tracker: PathTracker,
    reading: ReadLoop,
    /// Time between two rescans.
    rescan_interval: Duration,
    next_rescan: Instant,
}

impl FileTailer {
    /// Finds the files that exist.
    pub(super) fn new(
        options: TailerOptions,
        sender: FileSender,
        registry: SourceRegistry,
        control: Receiver<Control>,
        waker: Waker,
    ) -> Self {
        let TailerOptions { sources, resume, first_start, tuning } = options;
        let noticed_at = now();
        let watches = KernelWatches::open();
        let graces = Graces::from(&tuning);
        let tracker = PathTracker::new(
            Sources::new(tuning.max_files_per_location),
            EntryTable::new(registry),
            FileTable::new(watches.clone(), tuning.max_open_files, Arc::clone(sender.counters())),
            Recovery::new(resume, first_start, Arc::clone(sender.counters())),
            Reports::new(sender, noticed_at),
            graces,
        );
        let mut tailer = Self {
            control,
            waker,
            event_buffer: vec![MaybeUninit::uninit(); EVENT_BUFFER_BYTES],
            discovery: Discovery::new(watches.clone()),
            renames: Renames::new((graces.rotated.min(graces.deleted) / 2).min(Duration::from_secs(2))),
            tracker,
            reading: ReadLoop::new(),
            rescan_interval: if watches.is_available() { tuning.rescan } else { Duration::from_secs(1) },
            next_rescan: Instant::now(),
            watches,
        };
        tailer.add_sources(&sources);
        tailer
    }

    /// Tails files until it is stopped or the receiver of the batches is closed.
    pub(super) fn run(&mut self) {
        if self.tail().is_err() && !self.tracker.reports.sender().stopping() {
            warn!("stopped reading log files: the receiver of their lines is closed");
        }
    }

    fn tail(&mut self) -> Result<(), Disconnected> {
        self.announce()?;
        self.schedule_rescan();
        loop {
            while let Ok(control) = self.control.try_recv() {
                match control {
                    Control::Stop => return self.reading.finish_pipes(&mut self.tracker),
                    Control::Reload(sources, _until_found) => self.reload(&sources)?,
                    // Nothing is received before the announcement.
                    Control::Announced(_sender) => {}
                }
            }
            self.take_kernel_events()?;
            self.fire_timers()?;
            self.tracker.send_reports()?;
            match self.tracker.files.next_ready() {
                Some(file) => self.reading.read_quantum(&mut self.tracker, file)?,
                None => self.wait(),
            }
        }
    }

    fn wait(&mut self) {
        let now = Instant::now();
        let rescan = self.next_rescan.saturating_duration_since(now);
        let pause = self.tracker.timers.pause(now).map_or(rescan, |pause| pause.min(rescan));
        let timeout =
            Timespec { tv_sec: pause.as_secs().try_into().unwrap_or(60), tv_nsec: pause.subsec_nanos().into() };
        let mut fds = vec![PollFd::new(&self.waker, PollFlags::IN)];
        fds.extend(self.watches.fd().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        // Interrupted or not: the loop checks everything again.
        let _ = poll(&mut fds, Some(&timeout));
        if fds[0].revents().contains(PollFlags::IN) {
            self.waker.clear();
        }
    }

    fn schedule_rescan(&mut self) {
        let mut pause = self.rescan_interval;
        if self.tracker.sources.have_time_parts() {
            pause = pause.min(until_midnight());
        }
        self.next_rescan = Instant::now() + pause;
    }

    fn fire_timers(&mut self) -> Result<(), Disconnected> {
        while let Some((at, due)) = self.tracker.timers.pop(Instant::now()) {
            match due {
                Due::Flush(file) => self.reading.flush_if_due(&mut self.tracker, file, at)?,
                Due::Retire(file) => self.reading.retire_if_quiet(&mut self.tracker, file)?,
            }
            self.settle();
        }
        let is_new = self.tracker.files.has_unwatched() && self.discovery.report_writes();
        if is_new || self.next_rescan <= Instant::now() {
            self.renew_time_parts();
            self.rescan();
            self.tracker.trim_memory();
            self.schedule_rescan();
        }
        Ok(())
    }

    /// Takes all events that the kernel has; none is fine.
    fn take_kernel_events(&mut self) -> Result<(), Disconnected> {
        if !self.watches.is_available() {
            return Ok(());
        }
        let before = now();
        for event in self.watches.read(&mut self.event_buffer) {
            self.take_event(&event);
        }
        self.tracker.reports.noticed_at = before;
        self.renames.end_batch();
        Ok(())
    }

    fn take_event(&mut self, event: &KernelEvent) {
        if event.what.contains(ReadFlags::QUEUE_OVERFLOW) {
            self.tracker.reports.counters().inotify_overflows.fetch_add(1, Ordering::Relaxed);
            let known_until = self.tracker.reports.noticed_at.unix_nanos() / 1_000_000;
            self.rescan();
            return self.tracker.find_missed_rotations(known_until);
        }
        if self.tracker.files.take_event(event) {
            return;
        }
        for directory in self.discovery.watched_as(event.watch) {
            match &event.name {
                Some(name) => self.take_name_event(&directory, name, event),
                None => {
                    let found = self.discovery.directory_changed(&directory, event.what);
                    self.take_found(found);
                }
            }
        }
    }

    fn take_name_event(&mut self, directory: &Path, name: &std::ffi::OsStr, event: &KernelEvent) {
        let path = directory.join(name);
        let entry = self.tracker.entries.find(&path);
        if event.what.contains(ReadFlags::MODIFY) {
            let current = entry.and_then(|entry| self.tracker.entries.get(entry)?.current);
            return current.into_iter().for_each(|file| self.tracker.files.make_ready(file));
        }
        let owner = || entry.or_else(|| self.discovery.link_owner(directory, name));
        if let Some(entry) = self.renames.note(event, &path, owner) {
            self.tracker.renamed(entry, &path);
        }
        let found = self.discovery.name_changed(directory, name, event.what);
        self.take_found(found);
    }

    fn take_found(&mut self, found: Vec<Found>) {
        for found in found {
            match found {
                Found::Log(log) => self.tracker.arrive(&log),
                Found::LinkTarget(entry) => self.tracker.request_refresh(entry),
                Found::Below(directory) => {
                    for entry in self.tracker.entries.below(&directory) {
                        self.refresh(entry);
                    }
                }
            }
            self.settle();
        }
    }

    fn refresh(&mut self, entry: EntryId) {
        self.tracker.request_refresh(entry);
        self.settle();
    }

    /// Does what the tracker has asked for.
    fn settle(&mut self) {
        while let Some(request) = self.tracker.next_request() {
            match request {
                Request::Refresh(id) => {
                    let Some(entry) = self.tracker.entries.get(id) else { continue };
                    self.discovery.follow_links(id, &entry.path);
                    self.tracker.refresh(id);
                }
                Request::ForgetLinks(id) => self.discovery.forget_links(id),
            }
        }
    }

    /// Checks everything: events may have been missed.
    fn rescan(&mut self) {
        self.tracker.reports.counters().files_left_out.store(0, Ordering::Relaxed);
        for directory in self.discovery.directories() {
            let found = self.discovery.rescan(&directory);
            self.take_found(found);
        }
        for entry in self.tracker.entries.ids(|entry| entry.wanted) {
            self.refresh(entry);
        }
        for file in self.tracker.files.ids(|_| true) {
            self.tracker.files.make_ready(file);
        }
    }

    fn set_starting(&mut self, is_starting: bool) {
        self.tracker.set_starting(is_starting);
        self.discovery.keep_watches(is_starting);
    }

    fn add_sources(&mut self, configs: &[LogSourceConfig]) {
        self.set_starting(true);
        for config in configs {
            let recovery = &self.tracker.recovery;
            self.tracker.sources.add(config, |pattern| recovery.knows_pattern(pattern));
        }
        self.tracker.adopt_positions();
        self.renew_time_parts();
        self.set_starting(false);
        self.tracker.recovery.forget_listings();
    }

    /// Computes strftime parts again and follows the new paths.
    fn renew_time_parts(&mut self) {
        for location in self.tracker.sources.renew(&jiff::Zoned::now()) {
            if let Some(route) = location.old_route {
                debug!(path = %location.path, "log file changes with the time");
                self.discovery.remove_location(route);
                self.tracker.expire(location.source);
                self.settle();
            }
            self.follow_location(location.source, &location.path);
        }
    }

    fn follow_location(&mut self, source: SourceId, location: &str) {
        let path = PathBuf::from(location);
        let route = self.discovery.add_location(&path, source);
        self.tracker.sources.set_route(source, route);
        if !has_wildcard(location) {
            // Shown as missing until it appears.
            let entry = self.tracker.ensure_entry(&path, source);
            self.refresh(entry);
        }
        if let Some(route) = route {
            let found = self.discovery.search(route);
            self.take_found(found);
        }
    }

    /// Sends where every file stands, then that its pattern is known: after a restart a file without a position
    /// has appeared meanwhile.
    fn announce(&mut self) -> Result<(), Disconnected> {
        for entry in self.tracker.entries.ids(|_| true) {
            self.tracker.send_position(entry)?;
        }
        for (_, source) in self.tracker.sources.iter() {
            self.tracker.reports.send_pattern(&source.pattern)?;
        }
        self.tracker.sources.mark_known();
        Ok(())
    }

    fn reload(&mut self, configs: &[LogSourceConfig]) -> Result<(), Disconnected> {
        self.tracker.entries.mark_unwanted();
        let patterns = self.tracker.sources.take_patterns();
        self.tracker.recovery.remember_patterns(patterns);
        self.discovery.remove_all_locations();
        self.add_sources(configs);
        for entry in self.tracker.entries.ids(|entry| !entry.wanted) {
            self.tracker.release(entry);
            self.settle();
        }
        self.discovery.drop_unused_directories();
        debug!(sources = self.tracker.sources.len(), files = self.tracker.entries.len(), "log sources reloaded");
        self.announce()
    }
}

fn until_midnight() -> Duration {
    let now = jiff::Zoned::now();
    now.tomorrow().and_then(|tomorrow| tomorrow.start_of_day()).map_or(Duration::from_secs(60), |midnight| {
        now.duration_until(&midnight).unsigned_abs() + Duration::from_millis(10)
    })
}
