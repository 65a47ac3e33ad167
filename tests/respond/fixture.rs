//! A running responder, alerts for it, and answers from it.

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};
use hids_core::model::{
    Alert, AlertId, Channel, EvidenceLine, Field, FieldName, Fields, Level, LogSource, RuleFacts, RuleId, RuleStep,
    Timestamp,
};
use hids_tests::wait;
use hids_userspace::config::{Expect, NeverBlock, RespondConfig, Response, ResponseKind};
use hids_userspace::respond::{
    self, BlockView, BlocksView, Mode, Page, Reply, ReportView, Request, ResponderHandle, ResponderOptions,
    ScriptLimits, WhyView,
};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// Where a responder keeps its files.
pub(crate) struct Place(pub TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.path().join(file)).unwrap_or_default()
    }

    /// A responder that blocks for `seconds`.
    pub(crate) fn start(&self, seconds: u64) -> Responder {
        self.start_with(self.options(blocking(seconds)))
    }

    pub(crate) fn options(&self, config: RespondConfig) -> ResponderOptions {
        ResponderOptions {
            config,
            state: self.path().into(),
            logs: self.path().into(),
            mode: Mode::Act,
            scripts: ScriptLimits::default(),
            resolver_files: Some(Vec::new()),
        }
    }

    pub(crate) fn start_with(&self, options: ResponderOptions) -> Responder {
        let (requests, queue) = bounded(1024);
        let handle = respond::start(options, queue).expect("a responder");
        Responder { requests: Some(requests), handle: Some(handle) }
    }
}

/// firewall-drop from level 6 up.
pub(crate) fn blocking(seconds: u64) -> RespondConfig {
    let response = Response {
        name: "firewall-drop".into(),
        kind: ResponseKind::Block,
        executable: "/var/ossec/active-response/bin/firewall-drop.sh".into(),
        expects: vec![Expect::SourceAddress],
        level: Some(Level(6)),
        rules: Vec::new(),
        group: None,
        timeout: Some(Duration::from_secs(seconds)),
    };
    RespondConfig { responses: vec![response], ..RespondConfig::default() }
}

pub(crate) fn white_list(mut config: RespondConfig, net: &str) -> RespondConfig {
    config.never_block.push((net.parse().expect("a network"), NeverBlock::Protect));
    config
}

pub(crate) struct Responder {
    requests: Option<Sender<Request>>,
    handle: Option<ResponderHandle>,
}

impl Responder {
    pub(crate) fn send(&self, request: Request) {
        self.requests.as_ref().expect("running").send(request).expect("the responder lives");
    }

    pub(crate) fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> T {
        let (reply, answer) = oneshot::channel();
        self.send(request(reply));
        answer.blocking_recv().expect("an answer")
    }

    /// An alert about `source`, handled when this returns.
    pub(crate) fn alert(&self, source: &str) {
        self.send(Request::Alert(alert(source)));
        self.report();
    }

    pub(crate) fn report(&self) -> ReportView {
        self.ask(Request::Report)
    }

    pub(crate) fn list(&self) -> Vec<BlockView> {
        self.page(Page::default()).blocks
    }

    pub(crate) fn page(&self, page: Page) -> BlocksView {
        self.ask(|reply| Request::List(page, reply))
    }

    /// Asks as an administrator does: not behind the alerts that follow.
    pub(crate) fn question<T>(&self, request: impl FnOnce(Reply<T>) -> Request) -> T {
        let (reply, answer) = oneshot::channel();
        let questions = self.handle.as_ref().expect("running").questions();
        questions.send(request(reply)).expect("the responder lives");
        answer.blocking_recv().expect("an answer")
    }

    /// The counters without waiting for the responder.
    pub(crate) fn published(&self) -> ReportView {
        self.handle.as_ref().expect("running").report()
    }

    pub(crate) fn sender(&self) -> Sender<Request> {
        self.requests.clone().expect("running")
    }

    pub(crate) fn why(&self, address: &str) -> WhyView {
        let address = address.parse().expect("an address");
        self.ask(|reply| Request::Why { address, reply })
    }

    pub(crate) fn block_of(&self, address: &str) -> Option<BlockView> {
        let address: IpAddr = address.parse().expect("an address");
        self.list().into_iter().find(|view| view.address == address)
    }

    pub(crate) fn wait_until_unblocked(&self, address: &str) {
        wait::until("the end of the block", wait::PATIENCE, || self.block_of(address).is_none()).expect("unblocked");
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.requests.take();
        if let Some(handle) = self.handle.take() {
            handle.join();
        }
    }
}

/// Rule 5712 has counted eight wrong passwords of `source`.
pub(crate) fn alert(source: &str) -> Arc<Alert> {
    alert_with(&[(FieldName::SrcIp, source.as_bytes())])
}

pub(crate) fn alert_with(fields: &[(FieldName, &[u8])]) -> Arc<Alert> {
    let now = Timestamp::from_unix_seconds(1_795_558_167);
    let step = |id, level, description: &str| RuleStep {
        id: RuleId(id),
        level: Level(level),
        description: description.into(),
    };
    let line = b"Nov 24 22:09:27 www1 sshd[7]: Failed password for root from \x1b[2J".to_vec();
    Arc::new(Alert {
        id: AlertId { epoch_seconds: 1_795_558_167, sequence: 15 },
        time: now,
        rule: Arc::new(RuleFacts {
            id: RuleId(5712),
            level: Level(10),
            description: "many wrong passwords".into(),
            group: "syslog,sshd,".into(),
            cve: None,
            info: None,
            mitre: Vec::new(),
            frequency: Some(8),
            may_respond: true,
        }),
        fired_times: 1,
        chain: [step(5700, 0, "sshd"), step(5710, 5, "wrong password"), step(5712, 10, "many wrong passwords")].into(),
        recorded: true,
        mailed: false,
        decoder: None,
        fields: Fields(
            fields.iter().map(|(name, value)| Field { name: name.clone(), value: value.to_vec() }).collect(),
        ),
        hostname: b"www1".to_vec(),
        program_name: None,
        source: Arc::new(LogSource { location: "/var/log/auth.log".into(), channel: Channel::Log }),
        full_log: line.clone(),
        log_offset: 0,
        evidence: vec![EvidenceLine { time: now, full_log: b"earlier line".to_vec() }],
        target: None,
        previous_output: None,
        notice: None,
        untrusted: None,
    })
}
