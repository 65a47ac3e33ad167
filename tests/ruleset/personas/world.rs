//! A host with a clock, its rules, and what it blocks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hids_core::diag::{Diagnostic, SourceFile};
use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use hids_core::model::{AlertId, AttackedTarget, Channel, EventRef, Level, LogSource, Timestamp};
use hids_core::respond::{
    Action, Expect, MachineAddresses, NeverBlock, Planner, Policy, ProtectedSet, Response, ResponseKind,
};

use crate::files;

pub(super) const MINUTE: i64 = 60;
pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 86_400;
/// Monday, 2 November 2026, 00:00 UTC.
const START: i64 = 1_793_577_600;

/// An alert that somebody sees.
#[derive(Clone, Debug)]
pub(super) struct Alerted {
    pub at: i64,
    pub rule: u32,
    pub level: u16,
    pub mailed: bool,
    pub target: Option<AttackedTarget>,
}

/// Lines to come, and what came of those before.
pub(super) struct World {
    engine: Engine,
    planner: Planner,
    source: Arc<LogSource>,
    lines: Vec<(i64, String, String)>,
    /// When each address was blocked first.
    pub blocked: BTreeMap<String, i64>,
    pub alerts: Vec<Alerted>,
}

impl World {
    pub(super) fn new() -> Self {
        Self::with_rules("")
    }

    /// With rules of the administrator's own behind the shipped ones.
    pub(super) fn with_rules(own: &str) -> Self {
        let mut rules = files::sources("rules");
        rules.push(SourceFile::new("local_rules.xml", own.to_owned()));
        let sources = RulesetSources { decoders: files::sources("decoders"), rules, lists: Vec::new() };
        let white_list = ["127.0.0.1/32", "192.168.1.2/32"].map(|net| net.parse().expect("a network"));
        let options =
            EngineOptions { excepted: white_list.map(|net| (net, true)).to_vec(), ..EngineOptions::default() };
        let (engine, problems) = Engine::compile(&sources, options);
        let text: String = problems.iter().map(Diagnostic::render).collect();
        let engine = engine.unwrap_or_else(|| panic!("{text}"));
        // As in tests/data/guide.conf.
        let response = Response {
            name: "firewall-drop".into(),
            kind: ResponseKind::Block,
            executable: "/var/ossec/active-response/bin/firewall-drop.sh".into(),
            expects: vec![Expect::SourceAddress],
            level: Some(Level(7)),
            rules: Vec::new(),
            group: None,
            timeout: Some(Duration::from_secs(1200)),
        };
        let policy = Policy { responses: vec![response], repeated_offenders: Vec::new() };
        let listed = white_list.map(|net| (net, NeverBlock::Protect));
        let planner = Planner::new(policy, ProtectedSet::new(&listed, &[], MachineAddresses::default()));
        let source = Arc::new(LogSource { location: "/var/log/all.log".to_owned(), channel: Channel::Log });
        Self { engine, planner, source, lines: Vec::new(), blocked: BTreeMap::new(), alerts: Vec::new() }
    }

    /// A line that something from `from` causes `at` seconds after the start.
    pub(super) fn line(&mut self, at: i64, from: &str, line: impl Into<String>) {
        self.lines.push((at, from.to_owned(), line.into()));
    }

    /// A syslog line of `program`.
    pub(super) fn syslog(&mut self, at: i64, from: &str, program: &str, message: &str) {
        let time = clock(at).strftime("%b %e %H:%M:%S").to_string();
        self.line(at, from, format!("{time} web1 {program}: {message}"));
    }

    /// A line of an access log in the combined form.
    pub(super) fn request(&mut self, at: i64, from: &str, request: &str, status: u16, agent: &str) {
        let time = clock(at).strftime("%d/%b/%Y:%H:%M:%S +0000").to_string();
        self.line(at, from, format!("{from} - - [{time}] \"{request} HTTP/1.1\" {status} 512 \"-\" \"{agent}\""));
    }

    /// A wrong password at sshd, as PAM and sshd log it.
    pub(super) fn ssh_failure(&mut self, at: i64, from: &str, user: &str) {
        let pam = format!(
            "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={from}  user={user}"
        );
        self.syslog(at, from, "sshd[811]", &pam);
        self.syslog(at, from, "sshd[811]", &format!("Failed password for {user} from {from} port 50022 ssh2"));
    }

    pub(super) fn ssh_login(&mut self, at: i64, from: &str, user: &str) {
        self.syslog(at, from, "sshd[811]", &format!("Accepted password for {user} from {from} port 50022 ssh2"));
        let opened = format!("pam_unix(sshd:session): session opened for user {user}(uid=1000) by (uid=0)");
        self.syslog(at, from, "sshd[811]", &opened);
    }

    pub(super) fn imap_failure(&mut self, at: i64, from: &str, user: &str) {
        let text = format!(
            "imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<{user}>, method=PLAIN, rip={from}, lip=192.0.2.1, TLS, session=<AbCdEf>"
        );
        self.syslog(at, from, "dovecot", &text);
    }

    pub(super) fn imap_login(&mut self, at: i64, from: &str, user: &str) {
        let text = format!(
            "imap-login: Login: user=<{user}>, method=PLAIN, rip={from}, lip=192.0.2.1, mpid=812, TLS, session=<AbCdEf>"
        );
        self.syslog(at, from, "dovecot", &text);
    }

    /// Lets the time of all lines pass.
    pub(super) fn run(&mut self) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.sort_by_key(|(at, ..)| *at);
        for (number, (at, from, line)) in lines.into_iter().enumerate() {
            let now = Timestamp::from_unix_seconds(START + at);
            self.planner.expire(now);
            let is_blocked = |address: IpAddr| self.planner.blocks().contains_key(&address);
            if from.parse().is_ok_and(is_blocked) {
                continue;
            }
            let event = EventRef { source: &self.source, received: now, line: line.as_bytes(), notice: None };
            let outcome = self.engine.process(event, now);
            if !outcome.is_alert() {
                continue;
            }
            let id = AlertId { epoch_seconds: START + at, sequence: number as u64 };
            let Some(alert) = outcome.to_alert(id) else { continue };
            self.alerts.push(Alerted {
                at,
                rule: alert.rule.id.0,
                level: alert.rule.level.0,
                mailed: alert.mailed,
                target: alert.target.as_deref().cloned(),
            });
            for action in self.planner.plan(&alert, now) {
                if let Action::Block(block) = action {
                    self.blocked.entry(block.address.to_string()).or_insert(at);
                }
            }
        }
    }

    /// Runs, and expects that nobody is blocked.
    #[track_caller]
    pub(super) fn blocks_nobody(&mut self) {
        self.run();
        let serious: Vec<_> = self.alerts.iter().filter(|alert| alert.level >= 7).take(5).collect();
        assert!(self.blocked.is_empty(), "{:?}: {serious:?}", self.blocked);
    }

    /// Runs, and expects that this address is blocked and no other; when.
    #[track_caller]
    pub(super) fn blocks_only(&mut self, address: &str) -> i64 {
        self.run();
        assert_eq!(self.blocked.keys().map(String::as_str).collect::<Vec<_>>(), [address]);
        self.blocked[address]
    }

    /// The alerts of a rule.
    pub(super) fn of_rule(&self, rule: u32) -> Vec<Alerted> {
        self.alerts.iter().filter(|alert| alert.rule == rule).cloned().collect()
    }
}

fn clock(at: i64) -> jiff::Zoned {
    jiff::Timestamp::from_second(START + at).expect("a time").to_zoned(jiff::tz::TimeZone::UTC)
}
