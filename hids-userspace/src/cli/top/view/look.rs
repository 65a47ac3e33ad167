//! Colours and emphasis. Without colours, what matters is bold or reversed.

use hids_core::model::Level;
use ratatui::style::{Color, Modifier, Style};

/// What the terminal can show and the administrator wants to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::top) struct Look {
    /// Whether there are colours.
    pub is_coloured: bool,
    /// Whether nothing but ASCII is shown.
    pub is_ascii: bool,
}

impl Look {
    fn colour(self, colour: Color) -> Style {
        if self.is_coloured { Style::new().fg(colour) } else { Style::new() }
    }

    /// An alert of this level, as `hidsctl alerts` has it.
    pub(super) fn level(self, level: Level) -> Style {
        match level.0 {
            12.. => self.bad(),
            10.. => self.colour(Color::Red),
            7.. => self.warning(),
            _ => Style::new(),
        }
    }

    /// Something is wrong.
    pub(super) fn bad(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Something needs attention.
    pub(super) fn warning(self) -> Style {
        self.colour(Color::Yellow)
    }

    /// All is well.
    pub(super) fn good(self) -> Style {
        self.colour(Color::Green)
    }

    /// Titles, names of columns and keys.
    pub(super) const fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// The selected row, the pane in front.
    pub(super) const fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}
