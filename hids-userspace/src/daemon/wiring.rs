//! The picture of the running program: every stage, and every channel between them.
//!
//! | Channel | Holds | When full |
//! | --- | --- | --- |
//! | collect → analysis | 256 batches (at most 256 KiB each) | the collectors wait; files and journal can |
//! | fim → analysis | the same channel | the outbox waits; what it holds is in the baseline |
//! | analysis → respond | 4,096 alerts | waits 5 s, then the alert goes unanswered and is counted |
//! | analysis → record | 256 batches | waits: the disk is full, and nothing may be lost |
//! | record → syslog outputs | 4,096 alerts | dropped and counted: a far server must not stop the recording |

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use hids_core::engine::Engine;
use hids_core::model::{Channel, LogBatch, LogSource};
use jiff::tz::TimeZone;

use super::analysis::{self, AnalysisChannels, AnalysisHandle, Inherited};
use super::integrity;
use super::problem::Problem;
use super::set_aside::{self, Quarantine, Watch};
use super::standings::AskResponder;
use crate::collect::{self, CollectError, CollectOptions, CollectTuning, CollectorHandle};
use crate::config::Config;
use crate::contracts::alert_spool::AlertSpool;
use crate::fim;
use crate::notify::mail::{self, MailError, MailHandle, MailOptions, MailTiming};
use crate::notify::spool::{MailSpool, SpoolError, SpoolLimits, SpoolOptions};
use crate::notify::syslog::{self, SyslogError, SyslogHandle};
use crate::platform::clock::now;
use crate::platform::hostname;
use crate::record::{self, RecordError, RecordHandle, Recorder, RecorderOptions};
use crate::respond::{self, Mode, ResponderHandle, ResponderOptions};

const BATCHES: usize = 256;

/// How long a start waits for the first commit; a full disk must not keep the daemon from blocking.
const COMMIT_PATIENCE: Duration = Duration::from_secs(2);
const REQUESTS: usize = 4096;
pub(super) const COMMITTED: usize = 4096;

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// A directory of ours cannot be made.
    #[error("cannot create {}", path.display())]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others can write to a directory whose content is believed.
    #[error("{fault}; its content is trusted, so hidsd does not start (remedy: {remedy})")]
    Distrusted {
        /// What to do.
        remedy: String,
        /// What is wrong.
        fault: crate::trust::Distrust,
    },
    /// The alert files or the journal.
    #[error("cannot open the alert files")]
    Record(#[from] RecordError),
    /// The responder.
    #[error("cannot start active responses")]
    Respond(#[from] respond::StartError),
    /// The collectors.
    #[error("cannot read logs")]
    Collect(#[from] CollectError),
    /// The mail spool.
    #[error("cannot open the mail spool")]
    Spool(#[from] SpoolError),
    /// The mail stage.
    #[error("cannot send mail")]
    Mail(#[from] MailError),
    /// The syslog outputs.
    #[error("cannot send alerts to syslog servers")]
    Syslog(#[from] SyslogError),
    /// No thread.
    #[error("cannot start a thread")]
    Thread(#[source] std::io::Error),
}

/// Every running stage.
pub(super) struct Stages {
    pub(super) collector: CollectorHandle,
    /// Shared with conversations that may take long.
    pub(super) integrity: Arc<integrity::State>,
    /// The notice of file integrity that was recorded last when the daemon started.
    pub(super) committed_notice: u64,
    /// What file integrity hands its news to, whenever it is started.
    pub(super) batches: Sender<LogBatch>,
    pub(super) analysis: AnalysisHandle,
    pub(super) requests: Sender<respond::Request>,
    pub(super) responder: ResponderHandle,
    pub(super) recorder: RecordHandle,
    pub(super) mail: Option<MailHandle>,
    pub(super) spool: Option<MailSpool>,
    pub(super) syslog: Option<SyslogHandle>,
    /// What others could change of our own directories, with what to do.
    pub(super) distrusted: Vec<Problem>,
}

impl Stages {
    /// Starts every stage, the last one first: whatever a stage hands on finds a taker.
    pub(super) fn start(config: &Config, mut engine: Engine, mode: Mode) -> Result<Self, StartError> {
        let zone = TimeZone::system();
        let spool = open_spool(config, mode, &zone)?;
        let boxed = |spool: &MailSpool| Box::new(spool.clone()) as Box<dyn AlertSpool + Send>;
        // Before anything that could crash.
        let (mut died, suspects) = set_aside::begin(&config.paths.state);
        let (recorder, recovered) = Recorder::open(RecorderOptions {
            config: config.record.clone(),
            logs: config.paths.logs.clone(),
            state: config.paths.state.clone(),
            zone: zone.clone(),
            spool: spool.as_ref().map(boxed),
            left_out: died.joined_text,
        })?;
        died.compare(recovered.next_sequence, recovered.left_out.as_ref().map(set_aside::text_left_out));
        engine.restore_state(&recovered.rule_state);
        let (committed, committed_alerts) = bounded(COMMITTED);
        let syslog = match config.syslog_outputs.as_slice() {
            [] => None,
            _ if mode == Mode::DryRun => None,
            outputs => Some(syslog::start(outputs, committed_alerts, &hostname::full(), zone.clone())?),
        };
        let (processed, batches_to_record) = bounded(BATCHES);
        let recorder = record::start(recorder, batches_to_record, committed).map_err(StartError::Thread)?;

        let (requests, to_respond) = bounded(REQUESTS);
        let responder = respond::start(responder_options(config, mode), to_respond)?;

        // It asks the responder what was done; what is to be mailed waits on disk.
        let mail = spool.as_ref().map(|spool| start_mail(config, spool, responder.questions())).transpose()?;
        let (batches, to_analyse) = bounded(BATCHES);
        let channels = AnalysisChannels { batches: to_analyse, responder: requests.clone(), recorder: processed };
        let (lost, pieces) = (std::mem::take(&mut died.lost), died.pieces());
        let inherited = Inherited {
            next_sequence: recovered.next_sequence,
            watch: Watch::new(died, suspects),
            quarantine: Quarantine::new(&config.paths.state),
        };
        let analysis = analysis::start(engine, config, inherited, channels).map_err(StartError::Thread)?;
        for lost in lost {
            // The channel is empty yet.
            let _ = batches.send(analysis::notice_of(lost, now()));
        }

        if recovered.kept_bytes > 0 {
            report_restored_state(&batches, recovered.kept_bytes);
        }
        let committed = recovered.positions.get(fim::monitor::POSITION).and_then(|at| at.parse().ok()).unwrap_or(0);
        let first_start = recovered.positions.is_empty() && recovered.next_sequence <= 1;
        let for_integrity = batches.clone();
        let collector = collect::start(
            CollectOptions {
                sources: config.collect.clone(),
                first_start,
                resume: recovered.positions,
                tuning: CollectTuning { read_once: !config.analysis.strict_ossec, ..CollectTuning::default() },
                left_out: pieces,
            },
            batches,
        )?;
        // Ready means: whatever is written from now on is read, also after a `kill -9`. Before the
        // first commit of the positions, the next start would begin at the ends of the files.
        let _ = collector.announced().recv_timeout(COMMIT_PATIENCE);
        let _ = analysis.committed().recv_timeout(COMMIT_PATIENCE);
        Ok(Self {
            collector,
            // Marks of many directories and a large baseline take their time: nobody waits for them at boot.
            integrity: Arc::new(integrity::State::Starting),
            committed_notice: committed,
            batches: for_integrity,
            analysis,
            requests,
            responder,
            recorder,
            mail,
            spool,
            syslog,
            distrusted: Vec::new(),
        })
    }

    /// Stops every stage, the first one first: each hands on what it has before the next one stops.
    pub(super) fn stop(self) {
        // On a full disk everything before it waits for the recorder.
        self.recorder.begin_stop();
        if let Some(integrity) = Arc::into_inner(self.integrity) {
            integrity.stop();
        }
        self.collector.stop();
        drop(self.batches);
        self.analysis.join();
        self.recorder.stop();
        if let Some(syslog) = self.syslog {
            syslog.stop();
        }
        if let Some(mail) = self.mail {
            mail.stop();
        }
        drop(self.requests);
        self.responder.join();
    }
}

/// An alert about alert files that hold more than the journal says (rule 99111).
fn report_restored_state(batches: &Sender<LogBatch>, kept_bytes: u64) {
    let source = Arc::new(LogSource { location: "hidsd".to_owned(), channel: Channel::Log });
    let mut batch = LogBatch::new(source, now());
    batch.push(format!("ossec: State older than the alert files: {kept_bytes} bytes of alerts kept.").as_bytes());
    // The channel is empty: nobody else sends yet.
    let _ = batches.try_send(batch);
}

/// The mail spool, when mail is on and may be sent.
pub(super) fn open_spool(config: &Config, mode: Mode, zone: &TimeZone) -> Result<Option<MailSpool>, SpoolError> {
    if !config.mail.enabled || mode == Mode::DryRun {
        return Ok(None);
    }
    let options =
        SpoolOptions { zone: zone.clone(), full_subject: config.mail.full_subject, limits: SpoolLimits::default() };
    MailSpool::open(&config.paths.state.join("mail"), options).map(Some)
}

/// Starts to send what the spool gives out.
pub(super) fn start_mail(
    config: &Config,
    spool: &MailSpool,
    questions: Sender<respond::Request>,
) -> Result<MailHandle, MailError> {
    let options = MailOptions {
        hostname: hostname::full(),
        zone: TimeZone::system(),
        timing: MailTiming::default(),
        standings: Arc::new(AskResponder(questions)),
    };
    mail::start(config.mail.clone(), spool.clone(), options)
}

fn responder_options(config: &Config, mode: Mode) -> ResponderOptions {
    ResponderOptions {
        config: config.respond.clone(),
        state: config.paths.state.clone(),
        logs: config.paths.logs.clone(),
        mode,
        scripts: respond::ScriptLimits::default(),
        resolver_files: None,
    }
}
