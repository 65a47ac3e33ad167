//! `hidsctl alerts`: recorded alerts, old and new, one line each; [`top`] counts them.

mod filter;
mod line;
mod top;

pub(super) use self::filter::{network, recorded};
pub(super) use self::line::{description, subject};

use std::io::{self, BufWriter, StdoutLock, Write as _};
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use jiff::tz::TimeZone;

use self::filter::FilterArgs;
use self::line::Line;
use super::exit::{Exit, WrongUsage};
use super::{Common, messages, output, times};
use crate::config;
use crate::platform::clock::now;
use crate::record::{AlertQuery, Follower, RecordedAlert, check_readable, newest_alerts, read_alerts};

/// How long one look for new alerts takes; Ctrl-C ends the command at any time.
const LOOK: Duration = Duration::from_secs(1);

/// Most alerts that are shown newest first without `--limit`: their texts are held in memory.
const MOST_REVERSED: usize = 10_000;

/// Which alerts, and how.
#[derive(Debug, Args)]
pub struct AlertsArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// Keep printing new alerts as they arrive
    #[arg(short, long, conflicts_with = "reverse")]
    follow: bool,
    /// Print the newest alerts first
    #[arg(short, long)]
    reverse: bool,
    /// Print the complete text of alerts, as in alerts.log
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    filter: FilterArgs,
}

impl AlertsArgs {
    /// Whether it ends only when its user ends it.
    pub(super) fn is_endless(&self) -> bool {
        self.follow
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Count alerts by rule, source address, user and file
    Top(top::TopArgs),
}

/// Prints alerts: one line each, in the layout of alerts.log, or one JSON object a line.
pub(super) fn run(common: &Common, args: &AlertsArgs) -> anyhow::Result<Exit> {
    let logs = config::locate(&common.load_options(false)).logs;
    // What cannot be read is not the same as no alerts.
    check_readable(&logs)?;
    let zone = TimeZone::system();
    let mut query = args.filter.query(logs, now(), &zone)?;
    let midnight = times::midnight(now(), &zone);
    if let Some(Action::Top(top)) = &args.action {
        if args.follow || args.reverse || args.full {
            let error = anyhow!("alerts top does not support --follow, --reverse and --full");
            return Err(error.context(WrongUsage));
        }
        query.since = query.since.or(Some(midnight));
        return top::run(common, top, &query, args.filter.limit());
    }
    let limit = args.filter.limit();
    // With --follow alone only new alerts are wanted.
    let wants_old = !args.follow || query.since.is_some() || limit.is_some();
    // The newest alerts may be of other days.
    query.since = query.since.or(limit.is_none().then_some(midnight));
    let form = match (common.json, args.full) {
        (true, _) => Form::Json,
        (_, true) => Form::Full,
        _ => Form::Line(Line::on_screen(zone)),
    };
    let mut printer = Printer { form, out: BufWriter::new(io::stdout().lock()) };
    // Opened before the old ones are read, so that none falls between them.
    let follower = if args.follow { Some(Follower::open(&query.logs)?) } else { None };
    match (wants_old, limit, args.reverse) {
        (false, ..) => {}
        (_, None, false) => printer.all(&query)?,
        (_, limit, reverse) => printer.newest(&query, limit, reverse)?,
    }
    printer.out.flush()?;
    if let Some(follower) = follower {
        printer.follow(&query, follower)?;
    }
    Ok(Exit::Success)
}

/// How an alert is printed.
enum Form {
    Json,
    Full,
    Line(Line),
}

impl Form {
    fn text(&self, alert: &RecordedAlert) -> String {
        match self {
            Self::Json => alert.json.clone(),
            Self::Full => alert.text(),
            Self::Line(line) => line.text(alert),
        }
    }
}

struct Printer {
    form: Form,
    out: BufWriter<StdoutLock<'static>>,
}

impl Printer {
    fn print(&mut self, alert: &RecordedAlert) -> anyhow::Result<()> {
        match &self.form {
            Form::Json => writeln!(self.out, "{}", alert.json)?,
            form => writeln!(self.out, "{}", output::for_stdout(&form.text(alert)))?,
        }
        Ok(())
    }

    fn all(&mut self, query: &AlertQuery) -> anyhow::Result<()> {
        for alert in read_alerts(query.clone()) {
            self.print(&alert?)?;
        }
        Ok(())
    }

    fn newest(&mut self, query: &AlertQuery, limit: Option<usize>, reverse: bool) -> anyhow::Result<()> {
        // One more, to see whether there are more.
        let most = limit.unwrap_or(MOST_REVERSED + 1);
        let mut texts = newest_alerts(query, most, |alert| self.form.text(alert))?;
        let is_cut = limit.is_none() && texts.len() == most;
        if is_cut {
            texts.pop_front();
        }
        if reverse {
            texts.make_contiguous().reverse();
        }
        for text in texts {
            writeln!(self.out, "{text}")?;
        }
        self.out.flush()?;
        if is_cut {
            messages::note(&format!("only the newest {MOST_REVERSED} alerts are shown; --limit shows more"));
        }
        Ok(())
    }

    fn follow(&mut self, query: &AlertQuery, mut follower: Follower) -> anyhow::Result<()> {
        while query.until.is_none_or(|until| now() <= until) {
            if let Some(alert) = follower.next(LOOK)?
                && query.wants(&alert)
            {
                self.print(&alert)?;
                self.out.flush()?;
            }
        }
        Ok(())
    }
}
