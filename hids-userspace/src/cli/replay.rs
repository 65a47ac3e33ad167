//! `hidsctl replay`: whole files as fast as possible, with the lines' own times as the clock.
//!
//! It answers "what would have been alerted and blocked?": the same engine and the same planner as
//! the daemon's, but nothing is blocked, mailed or recorded.

mod chunks;
mod input;
mod parallel;
mod summary;

use std::collections::HashSet;
use std::fs::File;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Args;
use hids_core::engine::{Analyser, Engine, LineAnalysis};
use hids_core::logtime::LineClock;
use hids_core::model::{AlertId, Channel, EventRef, LogSource, Timestamp};
use hids_core::render;
use hids_core::respond::{Action, MachineAddresses, Planner};
use jiff::tz::TimeZone;
use serde_json::json;

use self::chunks::Chunks;
use self::input::{Input, total_bytes};
use self::summary::{Counted, Top, WouldBlock};
use super::exit::Exit;
use super::logtest::load;
use super::progress::LineProgress;
use super::{Common, output};
use crate::respond;

/// Most threads that are started.
const MAX_THREADS: usize = 256;

/// Text of alerts that is written at a time.
const WRITE_BYTES: usize = 128 << 10;

/// Options of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Log format of the files, as in `<log_format>`; all one-line formats are equivalent
    #[arg(long, value_name = "FORMAT", default_value = "syslog", value_parser = ["syslog", "apache", "generic", "iis", "squid", "snort-fast", "syslog-pipe"])]
    format: String,
    /// Number of threads; does not affect the results
    #[arg(long, value_name = "N", default_value_t = 1)]
    threads: usize,
    /// Write alerts to this file, one JSON object per line
    #[arg(long, value_name = "OUT")]
    alerts_json: Option<PathBuf>,
    /// Reproduce OSSEC's behaviour exactly, including its known gaps
    #[arg(long)]
    strict_ossec: bool,
    /// Stop after this stage (for benchmarks)
    #[arg(long, hide = true, value_enum, default_value_t = Stage::Alerts)]
    stop_after: Stage,
    /// Files to analyse, in this order: plain, gzip-compressed, or - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

/// The stages of the analysis, each with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
enum Stage {
    Read,
    Decode,
    Rules,
    Alerts,
}

/// Analyses the files and ends with a summary.
pub(super) fn run(common: &Common, args: &ReplayArgs) -> anyhow::Result<Exit> {
    let (config, engine) = load(common, args.strict_ossec)?;
    let policy = respond::policy(&config.respond);
    let protected = respond::protected(&config.respond, MachineAddresses::default());
    let sink = match &args.alerts_json {
        Some(path) => Some(File::create(path).with_context(|| format!("cannot write {}", path.display()))?),
        None => None,
    };
    let mut replay = Replay {
        analyser: engine.analyser(),
        engine,
        planner: Planner::new(policy, protected),
        zone: TimeZone::system(),
        sink,
        last_stage: args.stop_after,
        buffer: Vec::new(),
        now: Timestamp::default(),
        events: 0,
        alerts: 0,
        top: Top::new(!common.json),
        would_block: Vec::new(),
        blocked: HashSet::new(),
        progress: LineProgress::new(total_bytes(&args.files)),
    };
    let started = Instant::now();
    for path in &args.files {
        let input = input::open(path)?;
        replay.file(input, args.threads).with_context(|| format!("cannot analyse {}", path.display()))?;
    }
    if let Some(sink) = &mut replay.sink {
        sink.write_all(&replay.buffer).context("cannot write the alerts")?;
    }
    // Its line is free before the summary comes.
    replay.progress = LineProgress::new(0);
    let seconds = started.elapsed().as_secs_f64();
    if common.json {
        output::print_json(&json!({
            "events": replay.events,
            "alerts": replay.alerts,
            "seconds": seconds,
            "would_block": replay.would_block.iter().map(|block| block.address).collect::<Vec<_>>(),
            "blocks": replay.would_block.iter().map(|block| block.to_json(&replay.zone)).collect::<Vec<_>>(),
        }))?;
    } else {
        let counted = Counted { events: replay.events, alerts: replay.alerts, seconds };
        output::print(&replay.top.text(&counted, &replay.would_block, &replay.zone))?;
    }
    Ok(Exit::Success)
}

struct Replay {
    engine: Engine,
    analyser: Analyser,
    last_stage: Stage,
    planner: Planner,
    zone: TimeZone,
    sink: Option<File>,
    buffer: Vec<u8>,
    now: Timestamp,
    events: u64,
    alerts: u64,
    top: Top,
    would_block: Vec<WouldBlock>,
    blocked: HashSet<IpAddr>,
    progress: LineProgress,
}

impl Replay {
    fn file(&mut self, input: Input, threads: usize) -> anyhow::Result<()> {
        let mut clock = LineClock::new(self.zone.clone(), year_of(input.modified, &self.zone));
        let source = Arc::new(LogSource { location: input.location, channel: Channel::Log });
        let mut counted = 0;
        let mut newly_read = || {
            // Of a compressed file these are other bytes than those of its lines.
            let consumed = input.consumed.load(Ordering::Relaxed);
            consumed - std::mem::replace(&mut counted, consumed)
        };
        let mut chunks = Chunks::new(input.reader);
        if threads > 1 {
            let analysers = (1..threads.min(MAX_THREADS)).map(|_| self.engine.analyser()).collect();
            return parallel::run(chunks, analysers, &source, |chunk, prepared| {
                for (line, prepared) in chunks::lines(chunk).zip(prepared) {
                    self.tick(line, &mut clock);
                    self.finish(line, &source, prepared)?;
                }
                self.progress.advance(newly_read(), self.events);
                Ok(())
            });
        }
        let mut prepared = LineAnalysis::default();
        chunks.try_for_each(|chunk| {
            let chunk = chunk?;
            for line in chunks::lines(&chunk) {
                self.tick(line, &mut clock);
                self.line(line, &source, &mut prepared)?;
            }
            self.progress.advance(newly_read(), self.events);
            Ok(())
        })
    }

    /// Moves the clock on: a line without a time, or with one before its predecessor's, happens when
    /// that one did.
    fn tick(&mut self, line: &[u8], clock: &mut LineClock) {
        self.now = self.now.max(clock.time_of(line).unwrap_or(self.now));
        self.events += 1;
    }

    fn line(&mut self, line: &[u8], source: &Arc<LogSource>, prepared: &mut LineAnalysis) -> anyhow::Result<()> {
        if self.last_stage == Stage::Read {
            return Ok(());
        }
        self.analyser.prepare(EventRef { source, received: self.now, line, notice: None }, prepared);
        self.finish(line, source, prepared)
    }

    fn finish(&mut self, line: &[u8], source: &Arc<LogSource>, prepared: &mut LineAnalysis) -> anyhow::Result<()> {
        if self.last_stage <= Stage::Decode {
            return Ok(());
        }
        let outcome =
            self.engine.finish(EventRef { source, received: self.now, line, notice: None }, self.now, prepared);
        if self.last_stage == Stage::Rules {
            return Ok(());
        }
        if !outcome.is_alert() {
            return Ok(());
        }
        self.alerts += 1;
        self.top.count(&outcome);
        let id = AlertId { epoch_seconds: self.now.unix_seconds(), sequence: self.alerts };
        if let (true, Some(sink), Some(alert)) = (outcome.is_recorded(), &mut self.sink, outcome.view(id)) {
            render::alert_view_json(&mut self.buffer, &alert, &self.zone);
            if self.buffer.len() >= WRITE_BYTES {
                sink.write_all(&self.buffer).context("cannot write the alerts")?;
                self.buffer.clear();
            }
        }
        if outcome.rule().is_some_and(|rule| self.planner.is_bound(rule))
            && let Some(alert) = outcome.to_alert(id)
        {
            for action in self.planner.plan(&alert, self.now) {
                if let Action::Block(block) = action
                    && self.blocked.insert(block.address)
                {
                    self.would_block.push(WouldBlock::of(&block));
                }
            }
        }
        self.planner.expire(self.now);
        Ok(())
    }
}

/// The year in which a file was last written; its first line may be from the year before, which the
/// clock cannot know.
fn year_of(time: SystemTime, zone: &TimeZone) -> i16 {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(0));
    Timestamp::from_unix_seconds(seconds).in_zone(zone).year()
}
