//! `hidsctl status --check`: one line and an exit code, as monitoring systems expect of a plugin
//! (Nagios Plugins Development Guidelines: states, performance data after `|`).

use serde_json::Value;

use super::super::exit::Exit;
use super::super::{Common, output};
use super::{Sources, problems};
use crate::control::ClientError;

/// What a plugin can say; the number is its exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ok,
    Warning,
    Critical,
    Unknown,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Warning => "WARNING",
            Self::Critical => "CRITICAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The exit code of this number, whatever it is called elsewhere.
    fn exit(self) -> Exit {
        match self {
            Self::Ok => Exit::Success,
            Self::Warning => Exit::No,
            Self::Critical => Exit::Usage,
            Self::Unknown => Exit::NotRunning,
        }
    }
}

/// Prints the line. No daemon is critical; what keeps this program from asking it is unknown.
pub(super) fn run(common: &Common, status: anyhow::Result<Value>) -> anyhow::Result<Exit> {
    let (state, text) = match &status {
        Ok(status) => of_status(status),
        Err(error) => of_error(error),
    };
    match status {
        Ok(status) if common.json => output::print_json(&status)?,
        _ => output::print(&format!("HIDS {} - {text}\n", state.word()))?,
    }
    Ok(state.exit())
}

fn of_error(error: &anyhow::Error) -> (State, String) {
    let state = match error.downcast_ref::<ClientError>() {
        Some(ClientError::NotRunning { .. }) => State::Critical,
        _ => State::Unknown,
    };
    (state, plain_text(&format!("{error:#}")))
}

pub(super) fn of_status(status: &Value) -> (State, String) {
    let problems = problems(status);
    let sources = Sources::of(status);
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let (alerts, blocked) = (number(&status["record"]["today"]["alerts"]), number(&status["respond"]["blocked"]));
    let state = match problems.as_slice() {
        [] => State::Ok,
        all if all.iter().any(|problem| problem.is_critical) => State::Critical,
        _ => State::Warning,
    };
    let said = match problems.as_slice() {
        [] => format!(
            "{} of {} sources read, {} today, {blocked} blocked",
            sources.reading,
            sources.all,
            output::count(alerts, "alert")
        ),
        [only] => only.text.clone(),
        [first, rest @ ..] => format!("{} (and {})", first.text, output::count(rest.len() as u64, "more problem")),
    };
    let measured = format!(
        "alerts={alerts};;;0 blocked={blocked};;;0 problems={};;;0 sources={};;;0;{} mail_queue={};;;0",
        problems.len(),
        sources.reading,
        sources.all,
        number(&status["mail"]["queued"]),
    );
    (state, format!("{} | {measured}", plain_text(&said)))
}

/// On one line, without the sign that begins performance data.
fn plain_text(text: &str) -> String {
    output::visible(text.as_bytes()).replace('|', "/")
}
