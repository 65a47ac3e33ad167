//! The thread that follows all files: waits for the kernel, then gives each file its turn.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use hids_core::model::Timestamp;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;
use tracing::{info, warn};

use super::control::{Control, Waker};
use super::directory_cache::DirectoryCache;
use super::entry::{Entry, FileId};
use super::log_file::{LogFile, READ_QUANTUM_BYTES};
use super::position::FileIdentity;
use super::routes::Routes;
use super::timers::{Due, Timers};
use crate::collect::batch_sender::{BatchSender, Disconnected, now};
use crate::collect::format::Machine;
use crate::collect::report::SourceRegistry;
use crate::collect::start::CollectTuning;
use crate::config::{LogInput, LogSourceConfig};

/// What the thread starts with.
#[derive(Debug, Default)]
pub(in crate::collect) struct TailerOptions {
    pub sources: Vec<LogSourceConfig>,
    pub resume: HashMap<String, String>,
    pub first_start: bool,
    pub tuning: CollectTuning,
}

/// One `<localfile>` with a path.
#[derive(Debug)]
pub(super) struct FileSource {
    pub config: LogSourceConfig,
    /// The path as written.
    pub pattern: String,
    /// The path with its strftime parts replaced.
    pub expanded: String,
    pub route: Option<usize>,
    /// Whether an earlier run followed it, so that a file without a position is new.
    pub known: bool,
    /// Number of its entries.
    pub files: usize,
    /// Whether it was logged that it names more files than are followed.
    pub limit_logged: bool,
}

/// State of the thread.
#[derive(Debug)]
pub(super) struct FileTailer {
    pub batch_sender: BatchSender,
    pub registry: SourceRegistry,
    pub orders: Receiver<Control>,
    pub waker: Waker,
    pub tuning: CollectTuning,
    pub machine: Machine,
    pub first_start: bool,
    /// Positions of the last run, later also those of files that were let go.
    pub resume: HashMap<String, String>,
    pub inotify: Option<OwnedFd>,
    /// What happened to files before this moment is known.
    pub noticed_at: Timestamp,
    /// Directory watches also report writes, because files could not be watched one by one.
    pub watch_writes_in_directories: bool,
    pub sources: BTreeMap<usize, FileSource>,
    pub next_source: usize,
    pub routes: Routes,
    pub entries: BTreeMap<usize, Entry>,
    pub next_entry: usize,
    pub by_path: BTreeMap<PathBuf, usize>,
    pub files: HashMap<FileId, LogFile>,
    pub next_file: FileId,
    pub by_identity: HashMap<FileIdentity, FileId>,
    pub by_watch: HashMap<i32, FileId>,
    /// Entries whose file another entry reads.
    pub duplicates: HashMap<FileIdentity, HashSet<usize>>,
    pub ready: VecDeque<FileId>,
    pub timers: Timers,
    /// Files with an open descriptor, for closing idle ones.
    pub open_order: VecDeque<FileId>,
    pub open_files: usize,
    pub max_open: usize,
    /// Names that files had before being renamed, by the kernel's cookie, within one batch of events.
    pub moved_from: HashMap<u32, usize>,
    /// Names that files of an entry were given a moment ago.
    pub renamed: HashMap<PathBuf, (usize, Instant)>,
    /// Set while sources are being added: files that exist are old.
    pub starting: bool,
    pub directory_cache: DirectoryCache,
    /// When the listings in `directory_cache` were made.
    pub directory_cache_at: Option<Instant>,
    pub buffer: Vec<u8>,
    pub event_buffer: Vec<MaybeUninit<u8>>,
    /// The watch that was made last and is not in the tree yet.
    pub fresh_watch: Option<i32>,
    /// Messages of the collector's own that wait to be handed on.
    pub notices: Vec<String>,
    /// Entries whose positions have changed without a line.
    pub moved: Vec<usize>,
    /// Names of positions that are of no interest any more.
    pub forgotten: Vec<Arc<str>>,
    /// Entries let go since memory was last given back.
    pub released: usize,
}

impl FileTailer {
    pub fn new(
        options: TailerOptions,
        batch_sender: BatchSender,
        registry: SourceRegistry,
        orders: Receiver<Control>,
        waker: Waker,
    ) -> io::Result<Self> {
        let noticed_at = now();
        let inotify = match inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK) {
            Ok(fd) => Some(fd),
            Err(error) => {
                warn!(error = %error, lost = "speed: files are looked at once a second",
                    help = "raise fs.inotify.max_user_instances", "inotify cannot be used");
                None
            }
        };
        let mut follower = Self {
            noticed_at,
            batch_sender,
            registry,
            orders,
            waker,
            max_open: options.tuning.max_open_files.unwrap_or_else(descriptor_allowance),
            tuning: options.tuning,
            machine: Machine {
                hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
                zone: jiff::tz::TimeZone::system(),
            },
            first_start: options.first_start,
            resume: options.resume,
            inotify,
            watch_writes_in_directories: false,
            sources: BTreeMap::new(),
            next_source: 0,
            routes: Routes::default(),
            entries: BTreeMap::new(),
            next_entry: 0,
            by_path: BTreeMap::new(),
            files: HashMap::new(),
            next_file: 0,
            by_identity: HashMap::new(),
            by_watch: HashMap::new(),
            duplicates: HashMap::new(),
            ready: VecDeque::new(),
            timers: Timers::default(),
            open_order: VecDeque::new(),
            open_files: 0,
            moved_from: HashMap::new(),
            renamed: HashMap::new(),
            starting: false,
            directory_cache: DirectoryCache::default(),
            directory_cache_at: None,
            buffer: vec![0; READ_QUANTUM_BYTES],
            event_buffer: vec![MaybeUninit::uninit(); 64 * 1024],
            fresh_watch: None,
            notices: Vec::new(),
            moved: Vec::new(),
            forgotten: Vec::new(),
            released: 0,
        };
        follower.add_sources(options.sources);
        Ok(follower)
    }

    /// Follows until told to stop or until nobody takes the batches any more.
    pub fn run(&mut self) {
        if self.follow().is_err() && !self.batch_sender.stopping() {
            warn!("collecting of log files ended because nobody takes their lines any more");
        }
    }

    fn follow(&mut self) -> Result<(), Disconnected> {
        self.announce()?;
        self.set_rescan();
        loop {
            while let Ok(order) = self.orders.try_recv() {
                match order {
                    Control::Stop => return self.finish_pipes(),
                    Control::Reload(sources, _until_found) => self.reload(sources)?,
                    // Orders are only taken after the announcement.
                    Control::Announced(_sender) => {}
                }
            }
            self.take_kernel_events()?;
            self.fire_timers()?;
            self.send_notices()?;
            match self.ready.pop_front() {
                Some(file) => self.read_quantum(file)?,
                None => self.wait(),
            }
        }
    }

    fn set_rescan(&mut self) {
        let pause = if self.inotify.is_some() { self.tuning.rescan } else { Duration::from_secs(1) };
        let until_midnight =
            if self.sources.values().any(|source| source.pattern.contains('%')) { until_midnight() } else { pause };
        self.timers.set(Instant::now() + pause.min(until_midnight), Due::Rescan);
    }

    fn fire_timers(&mut self) -> Result<(), Disconnected> {
        while let Some((at, due)) = self.timers.pop(Instant::now()) {
            match due {
                Due::Flush(file) => self.flush_if_due(file, at)?,
                Due::Retire(file) => self.retire_if_quiet(file)?,
                Due::Rescan => {
                    self.renew_time_parts();
                    self.rescan()?;
                    self.trim_memory();
                    self.set_rescan();
                }
            }
        }
        Ok(())
    }

    fn wait(&mut self) {
        let pause = self.timers.pause(Instant::now()).unwrap_or(Duration::from_secs(60));
        let timeout =
            Timespec { tv_sec: pause.as_secs().try_into().unwrap_or(60), tv_nsec: pause.subsec_nanos().into() };
        let mut fds = vec![PollFd::from_borrowed_fd(self.waker.fd(), PollFlags::IN)];
        if let Some(inotify) = &self.inotify {
            fds.push(PollFd::from_borrowed_fd(inotify.as_fd(), PollFlags::IN));
        }
        // Interrupted or not: the loop looks at everything again.
        let _ = poll(&mut fds, Some(&timeout));
        if fds[0].revents().contains(PollFlags::IN) {
            self.waker.clear();
        }
    }

    /// Puts a file into the queue of those to read.
    pub fn make_ready(&mut self, id: FileId) {
        if let Some(file) = self.files.get_mut(&id)
            && !file.queued
        {
            file.queued = true;
            file.at_end = false;
            self.ready.push_back(id);
        }
    }

    fn add_sources(&mut self, configs: Vec<LogSourceConfig>) {
        self.starting = true;
        for config in configs {
            let LogInput::File { pattern } = &config.input else { continue };
            let pattern = pattern.clone();
            let known = self.resume.contains_key(&pattern_key(&pattern)) && !self.first_start;
            let number = self.next_source;
            self.next_source += 1;
            self.sources.insert(
                number,
                FileSource {
                    config,
                    expanded: String::new(),
                    pattern,
                    route: None,
                    known,
                    files: 0,
                    limit_logged: false,
                },
            );
        }
        // Positions of files that are gone by now come first, so that a rotated file is known as such
        // before a wildcard finds it under its new name.
        self.adopt_positions();
        self.renew_time_parts();
        self.starting = false;
        self.directory_cache = DirectoryCache::default();
    }

    /// Hands on where every file stands, then that its pattern is known: after a restart a file
    /// without a position has appeared meanwhile.
    fn announce(&mut self) -> Result<(), Disconnected> {
        let ids: Vec<usize> = self.entries.keys().copied().collect();
        for entry in ids {
            self.send_position(entry)?;
        }
        let patterns: Vec<String> = self.sources.values().map(|source| source.pattern.clone()).collect();
        for pattern in patterns {
            self.send_marker(&pattern)?;
        }
        for source in self.sources.values_mut() {
            source.known = true;
        }
        Ok(())
    }

    fn reload(&mut self, configs: Vec<LogSourceConfig>) -> Result<(), Disconnected> {
        for entry in self.entries.values_mut() {
            entry.wanted = false;
        }
        let old: Vec<_> = std::mem::take(&mut self.sources).into_values().collect();
        for source in &old {
            self.resume.insert(pattern_key(&source.pattern), "1".to_owned());
        }
        self.routes.remove_source_routes();
        self.first_start = false;
        self.add_sources(configs);
        let unwanted: Vec<usize> = self.entries.iter().filter(|(_, entry)| !entry.wanted).map(|(id, _)| *id).collect();
        for entry in unwanted {
            self.release_entry(entry);
        }
        self.drop_unused_nodes();
        info!(
            sources = self.sources.len(),
            files = self.entries.len(),
            "log files taken over from the new configuration"
        );
        self.announce()
    }
}

/// Name under which it is remembered that a pattern is followed.
pub(super) fn pattern_key(pattern: &str) -> String {
    format!("pattern:{}", pattern.replace('\n', "?"))
}

/// How many files may be open: as many as the kernel grants, less a reserve for everybody else.
fn descriptor_allowance() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const RESERVE: u64 = 256;
    let limits = getrlimit(Resource::Nofile);
    if limits.current != limits.maximum {
        // Refused at worst; then the old limit stays.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limits.maximum, maximum: limits.maximum });
    }
    let now = getrlimit(Resource::Nofile).current.unwrap_or(1 << 20);
    usize::try_from(now.saturating_sub(RESERVE).clamp(64, 1 << 20)).unwrap_or(64)
}

fn until_midnight() -> Duration {
    let now = jiff::Zoned::now();
    now.tomorrow().and_then(|tomorrow| tomorrow.start_of_day()).map_or(Duration::from_secs(60), |midnight| {
        now.duration_until(&midnight).unsigned_abs() + Duration::from_millis(10)
    })
}
