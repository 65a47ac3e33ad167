//! Whether output is coloured, and in which colours.

use std::io;

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use hids_core::model::Level;

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Color {
    /// Makes it the choice of the whole program.
    pub(super) fn choose(self) {
        let choice = match self {
            Self::Auto => ColorChoice::Auto,
            Self::Always => ColorChoice::Always,
            Self::Never => ColorChoice::Never,
        };
        choice.write_global();
    }
}

/// Keeps the choice for when standard output is a pager's input.
pub(super) fn keep() {
    let choice = if is_wanted() { ColorChoice::Always } else { ColorChoice::Never };
    choice.write_global();
}

/// Whether standard output is to be coloured.
pub(super) fn is_wanted() -> bool {
    AutoStream::choice(&io::stdout()) != ColorChoice::Never
}

/// How an alert of this level stands out.
pub(super) fn of_level(level: Level) -> Style {
    let red = Style::new().fg_color(Some(AnsiColor::Red.into()));
    match level.0 {
        12.. => red.bold(),
        10.. => red,
        7.. => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severe_alerts_stand_out() {
        let shown = |level| {
            let style = of_level(Level(level));
            format!("{style}{level}{style:#}")
        };
        assert_eq!(shown(6), "6");
        assert_eq!(shown(7), "\u{1b}[33m7\u{1b}[0m");
        assert_eq!(shown(10), "\u{1b}[31m10\u{1b}[0m");
        assert_eq!(shown(12), "\u{1b}[1m\u{1b}[31m12\u{1b}[0m");
    }
}
