//! Everything that the screen shows.

use std::collections::{HashMap, VecDeque};

use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use ratatui::crossterm::event::KeyEvent;

use super::asked::Waiting;
use crate::cli::top::alert_list::{AlertList, Held};
use crate::cli::top::ask::{Act, Answer, Failure, LastChange, Question};
use crate::cli::top::facts::{Facts, Rates, Source};
use crate::cli::top::input::Input;
use crate::cli::top::keys::{Mode, Pane};
use crate::cli::top::listing::Listing;
use crate::cli::top::tally::{RuleRow, Span, Tally};
use crate::cli::top::wrap;
use crate::fim::protocol::ListItem;
use crate::record::RecordedAlert;
use crate::respond::BlockView;

/// Rows of the screen that belong to no list: header, headline, names of columns, notice, status line.
const CHROME_ROWS: u16 = 5;
/// Most lines that the pane for trying lines holds.
const MOST_LINES: usize = 2000;

/// Something has happened.
#[derive(Debug)]
pub(in crate::cli::top) enum Message {
    /// A key was pressed.
    Key(KeyEvent),
    /// A text was pasted.
    Paste(String),
    /// The terminal has this many columns and rows.
    Size(u16, u16),
    /// It is this time.
    Tick(Timestamp),
    /// The answer to a question.
    Answer(Question, Result<Answer, Failure>),
    /// What was recorded before.
    History {
        /// Counts of the last day.
        tally: Box<Tally>,
        /// The newest alerts, oldest first.
        alerts: VecDeque<Held>,
        /// Whether older alerts exist.
        is_cut: bool,
    },
    /// A new alert.
    Alert(Box<RecordedAlert>),
    /// Why alerts cannot be read now; `None` = they can.
    AlertTrouble(Option<String>),
}

/// Something is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::top) enum Effect {
    /// Ask; the answer comes as a message.
    Ask(Question),
    /// End.
    Quit,
    /// Stop until the shell continues the program.
    Suspend,
    /// Draw everything again.
    Redraw,
}

/// How the daemon fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli::top) enum Link {
    /// It has not answered yet.
    #[default]
    Unknown,
    /// It answers.
    Up,
    /// It does not run.
    Down,
    /// It does not answer, for this reason.
    Silent(String),
}

/// A question or a line at the bottom of the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::top) enum Prompt {
    /// Is this to be done?
    Confirm(Act),
    /// A filter.
    Filter(Input),
    /// Whom to block, and for how long.
    Block(Input),
}

/// A text above the pane.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::cli::top) struct Text {
    /// Its title.
    pub title: String,
    /// The text, safe for a terminal.
    pub body: String,
    /// The first line in view.
    pub first: usize,
}

/// What came of the last action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli::top) struct Notice {
    /// A line.
    pub text: String,
    /// Whether something went wrong.
    pub is_error: bool,
}

/// What the pane for trying lines holds.
#[derive(Debug, Default)]
pub(in crate::cli::top) struct TryLines {
    /// The line that is typed.
    pub input: Input,
    /// Whether keys go to the line.
    pub is_typing: bool,
    /// Lines and answers so far.
    pub output: VecDeque<String>,
    /// How many rows the view is above the end.
    pub above_end: usize,
    /// Pasted lines that wait for the answer to the one before.
    pub waiting: VecDeque<String>,
    /// Whether a line is being analysed.
    pub is_busy: bool,
}

impl TryLines {
    /// Adds a text.
    pub(in crate::cli::top) fn say(&mut self, text: &str) {
        self.output.extend(text.lines().map(str::to_owned));
        let excess = self.output.len().saturating_sub(MOST_LINES);
        self.output.drain(..excess);
        self.above_end = 0;
    }
}

/// What does not change while the screen is shown.
#[derive(Debug)]
pub(in crate::cli::top) struct Place {
    /// Name of this host.
    pub host: String,
    /// The administrator's time zone.
    pub zone: TimeZone,
}

/// What the daemon says of itself.
#[derive(Debug, Default)]
pub(in crate::cli::top) struct Daemon {
    /// Whether it answers.
    pub link: Link,
    /// Its status.
    pub facts: Option<Facts>,
    /// How fast sources grow.
    pub rates: Rates,
}

/// What was recorded.
#[derive(Debug, Default)]
pub(in crate::cli::top) struct Records {
    /// Counts of alerts.
    pub tally: Tally,
    /// Whether recorded alerts have been read.
    pub has_history: bool,
    /// Why alerts cannot be read.
    pub trouble: Option<String>,
    /// The newest alerts.
    pub alerts: AlertList,
}

/// Who is blocked.
#[derive(Debug, Default)]
pub(in crate::cli::top) struct Blocks {
    /// The first blocks.
    pub list: Listing<BlockView>,
    /// How many blocks there are.
    pub total: usize,
}

/// Files that differ from the baseline.
#[derive(Debug, Default)]
pub(in crate::cli::top) struct Files {
    /// The first changed files.
    pub list: Listing<ListItem>,
    /// Whether there are more.
    pub has_more: bool,
    /// What changed last in files that were in view, with the number of their changes then.
    pub last_changes: HashMap<Vec<u8>, (u32, LastChange)>,
}

/// Rules that raise alerts.
#[derive(Debug, Default)]
pub(in crate::cli::top) struct Rules {
    /// Rules by their alerts.
    pub list: Listing<RuleRow>,
    /// What they are sorted by.
    pub span: Span,
}

/// Everything that the screen shows.
#[derive(Debug)]
pub(in crate::cli::top) struct App {
    /// See [`Place`].
    pub place: Place,
    /// The pane in front.
    pub pane: Pane,
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// The time of the last tick.
    pub now: Timestamp,
    /// See [`Daemon`].
    pub daemon: Daemon,
    /// See [`Records`].
    pub records: Records,
    /// See [`Blocks`].
    pub blocks: Blocks,
    /// See [`Files`].
    pub files: Files,
    /// Log sources.
    pub sources: Listing<Source>,
    /// See [`Rules`].
    pub rules: Rules,
    /// The pane for trying lines.
    pub lines: TryLines,
    /// A text above the pane.
    pub text: Option<Text>,
    /// A question at the bottom.
    pub prompt: Option<Prompt>,
    /// What came of the last action.
    pub notice: Option<Notice>,
    /// Questions without an answer.
    pub waiting: Waiting,
}

impl App {
    /// An empty screen.
    pub(in crate::cli::top) fn new(place: Place, now: Timestamp) -> Self {
        Self {
            place,
            pane: Pane::default(),
            size: (80, 24),
            now,
            daemon: Daemon::default(),
            records: Records::default(),
            blocks: Blocks::default(),
            files: Files::default(),
            sources: Listing::default(),
            rules: Rules::default(),
            lines: TryLines::default(),
            text: None,
            prompt: None,
            notice: None,
            waiting: Waiting::default(),
        }
    }

    /// What has the keys.
    pub(in crate::cli::top) fn mode(&self) -> Mode {
        match (&self.prompt, &self.text) {
            (Some(Prompt::Confirm(_)), _) => Mode::Confirm,
            (Some(_), _) => Mode::Edit,
            (None, Some(_)) => Mode::Text,
            (None, None) if self.pane == Pane::Lines && self.lines.is_typing => Mode::TryLine,
            (None, None) => Mode::List,
        }
    }

    /// Whether the daemon decides about blocks and enforces none.
    pub(in crate::cli::top) fn is_dry_run(&self) -> bool {
        self.daemon.facts.as_ref().is_some_and(|facts| facts.mode == "dry-run")
    }

    /// Rows of a list that fit.
    pub(in crate::cli::top) fn page(&self) -> usize {
        self.size.1.saturating_sub(CHROME_ROWS).max(1).into()
    }

    /// Rows of a text that fit: it has no names of columns.
    pub(in crate::cli::top) fn text_page(&self) -> usize {
        self.page() + 1
    }

    /// Columns of a text.
    pub(in crate::cli::top) fn columns(&self) -> usize {
        self.size.0.max(1).into()
    }

    /// The text above the pane in lines that fit.
    pub(in crate::cli::top) fn text_lines(&self) -> Vec<String> {
        self.text.as_ref().map(|text| wrap::wrap(&text.body, self.columns())).unwrap_or_default()
    }

    /// Lines and answers of the pane for trying lines, in lines that fit.
    pub(in crate::cli::top) fn tried_lines(&self) -> Vec<String> {
        self.lines
            .output
            .iter()
            .flat_map(|line| wrap::wrap(if line.is_empty() { "\n" } else { line }, self.columns()))
            .collect()
    }

    /// Keeps all selections in their lists and in view.
    pub(in crate::cli::top) fn settle(&mut self) {
        let page = self.page();
        self.records.alerts.settle(page);
        self.blocks.list.settle(page);
        self.files.list.settle(page);
        self.sources.settle(page);
        self.rules.list.settle(page);
    }

    /// Shows a text above the pane.
    pub(in crate::cli::top) fn show_text(&mut self, title: String, body: String) {
        self.text = Some(Text { title, body, first: 0 });
    }

    /// Shows what came of an action.
    pub(in crate::cli::top) fn say(&mut self, text: impl Into<String>, is_error: bool) {
        self.notice = Some(Notice { text: text.into(), is_error });
    }
}
