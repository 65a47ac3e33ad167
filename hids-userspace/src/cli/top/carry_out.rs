//! Answers the questions of the screen: by the daemon, the recorded alerts, or the rules on this host.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use hids_core::diag::{Diagnostic, Severity};
use hids_core::engine::Engine;
use hids_core::model::{AlertId, Channel, LogSource, Timestamp};
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use super::ask::{Act, Answer, Failure, LastChange, Question};
use super::detail;
use crate::accounts::Names;
use crate::cli::blocks::BY_HAND;
use crate::cli::{Common, allow, blocks, fim, logtest, messages, rules, why};
use crate::control::{Client, ClientError, Request};
use crate::fim::protocol::{AcceptView, FimRequest, HistoryView, ListView, PathText};
use crate::record::{AlertQuery, Filters, read_alerts};
use crate::respond::{BlocksView, WhyView};

/// Blocks and changed files that are listed at most.
const MOST_ROWS: usize = 1000;
/// Changes of a file that are shown.
const MOST_HISTORY: usize = 50;
/// How long the daemon may take for its status, and for anything else.
const STATUS_PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// Where answers come from.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// Options of the command line.
    pub common: Common,
    /// The daemon's run directory.
    pub run: PathBuf,
    /// The directory of alerts.
    pub logs: PathBuf,
    /// The administrator's time zone.
    pub zone: TimeZone,
}

/// The rules, ready to try lines.
pub(super) type Tester = Option<(Engine, Arc<LogSource>)>;

impl World {
    /// Answers; waits for the daemon if need be.
    pub(super) fn answer(&self, question: &Question, tester: &mut Tester) -> Result<Answer, Failure> {
        self.try_answer(question, tester).map_err(|error| Failure {
            text: messages::sentence(&error),
            is_not_running: matches!(error.downcast_ref(), Some(ClientError::NotRunning { .. })),
        })
    }

    fn try_answer(&self, question: &Question, tester: &mut Tester) -> anyhow::Result<Answer> {
        Ok(match question {
            Question::Status => Answer::Status(Box::new(self.ask(&Request::Status, STATUS_PATIENCE)?)),
            Question::Blocks => {
                let request = Request::BlocksList { after: None, most: Some(MOST_ROWS) };
                let view: BlocksView = self.ask_for(&request)?;
                Answer::Blocks(view.blocks, view.total)
            }
            Question::Changes => {
                let below = PathText::from(&b"/"[..]);
                let request = FimRequest::List { below, after: None, limit: MOST_ROWS, changed: true };
                let view: ListView = self.ask_for(&Request::Fim(request))?;
                Answer::Changes(view.items, view.more)
            }
            Question::LastChange(path) => Answer::LastChange(self.last_change(path)?),
            Question::History(path) => {
                let request = FimRequest::Why { path: path.clone(), limit: MOST_HISTORY };
                let view: HistoryView = self.ask_for(&Request::Fim(request))?;
                Answer::Text(fim::history_text(&view, &Names::load()))
            }
            Question::Why(address) => {
                let view: WhyView = self.ask_for(&Request::Why { address: *address })?;
                Answer::Text(why::text(&view))
            }
            Question::Alert { id, time } => Answer::Text(self.alert(*id, *time)?),
            Question::Rule(id) => Answer::Text(rules::text(&self.common, *id)?),
            Question::Line(line) => Answer::Text(self.try_line(line, tester)?),
            Question::ForgetRules => {
                *tester = None;
                Answer::Done("the rules are read again before the next line".into())
            }
            Question::Act(act) => Answer::Done(self.act(act)?),
        })
    }

    fn ask(&self, request: &Request, patience: Duration) -> Result<serde_json::Value, ClientError> {
        Client::connect(&self.run)?.with_patience(patience)?.ask(request)
    }

    fn ask_for<T: DeserializeOwned>(&self, request: &Request) -> anyhow::Result<T> {
        let answer = self.ask(request, PATIENCE)?;
        serde_json::from_value(answer).context("version mismatch between hidsd and hidsctl")
    }

    fn last_change(&self, path: &PathText) -> anyhow::Result<LastChange> {
        let view: HistoryView = self.ask_for(&Request::Fim(FimRequest::Why { path: path.clone(), limit: 1 }))?;
        Ok(view.history.first().map(|item| LastChange::of(&item.time, &item.notice)).unwrap_or_default())
    }

    fn alert(&self, id: Option<AlertId>, time: Timestamp) -> anyhow::Result<String> {
        let query = AlertQuery {
            logs: self.logs.clone(),
            zone: self.zone.clone(),
            since: Some(time),
            until: Some(time),
            filters: Filters::default(),
        };
        for alert in read_alerts(query) {
            let alert = alert?;
            if alert.id == id {
                return Ok(detail::text(&alert, &self.zone));
            }
        }
        Err(anyhow!("this alert is no longer recorded"))
    }

    fn try_line(&self, line: &str, tester: &mut Tester) -> anyhow::Result<String> {
        let (engine, source) = match tester {
            Some(tester) => tester,
            None => {
                let (_, engine) =
                    logtest::prepare(&self.common, false).map_err(|problems| anyhow!(why_not(&problems)))?;
                let source = LogSource { location: "stdin".into(), channel: Channel::Log };
                tester.insert((engine, Arc::new(source)))
            }
        };
        Ok(logtest::analyse(engine, source, line.as_bytes()))
    }

    fn act(&self, act: &Act) -> anyhow::Result<String> {
        match act {
            Act::Unblock(address) => {
                self.ask(&Request::BlocksRemove { address: *address }, PATIENCE)?;
                Ok(format!("{address} unblocked"))
            }
            Act::Block { address, seconds } => {
                let request = Request::BlocksAdd { address: *address, seconds: *seconds, reason: BY_HAND.into() };
                let answer = self.ask(&request, PATIENCE)?;
                Ok(blocks::added(address, &answer))
            }
            Act::Accept(path) => {
                let request = FimRequest::Accept { paths: vec![path.clone()], packages: false };
                let view: AcceptView = self.ask_for(&Request::Fim(request))?;
                Ok(fim::accepted_text(&view))
            }
            Act::Allow(address) => allow::allowed(&self.common, *address),
            Act::Silence(rule) => {
                let text = rules::silenced(&self.common, *rule)?;
                self.ask(&Request::Reload, PATIENCE)?;
                Ok(text)
            }
        }
    }
}

/// The errors of a configuration, or of its rules.
fn why_not(problems: &[Diagnostic]) -> String {
    let errors = problems.iter().filter(|problem| problem.severity == Severity::Error);
    format!(
        "configuration has errors; `hidsctl check` shows them:\n{}",
        errors.map(Diagnostic::render).collect::<String>()
    )
}
