//! Which key does what, and the line that says so.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::cursor::Motion;
use super::input::Edit;

/// The panes, in the order of their number keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Pane {
    #[default]
    Overview,
    Alerts,
    Blocks,
    Files,
    Sources,
    Rules,
    Lines,
}

impl Pane {
    /// All of them.
    pub(super) const ALL: [Self; 7] =
        [Self::Overview, Self::Alerts, Self::Blocks, Self::Files, Self::Sources, Self::Rules, Self::Lines];

    /// Its title.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Alerts => "Alerts",
            Self::Blocks => "Blocks",
            Self::Files => "Files",
            Self::Sources => "Sources",
            Self::Rules => "Rules",
            Self::Lines => "Try",
        }
    }

    /// The key that leads to it, less one.
    pub(super) fn index(self) -> usize {
        Self::ALL.iter().position(|pane| *pane == self).unwrap_or(0)
    }

    fn beside(self, steps: usize) -> Self {
        Self::ALL[(self.index() + steps) % Self::ALL.len()]
    }
}

/// What has the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// The list of a pane.
    List,
    /// A text above the pane.
    Text,
    /// A question that `y` or `n` answers.
    Confirm,
    /// A line that is typed.
    Edit,
    /// The line of the pane that tries lines.
    TryLine,
}

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Quit,
    Suspend,
    Redraw,
    Help,
    Show(Pane),
    Move(Motion),
    Open,
    Close,
    Filter,
    Unblock,
    Why,
    Add,
    Allow,
    Accept,
    Sort,
    Silence,
    Refresh,
    Type,
    Edit(Edit),
    Submit,
    Yes,
    No,
}

/// What `key` asks for.
pub(super) fn command(key: KeyEvent, mode: Mode, pane: Pane) -> Option<Command> {
    if key.kind == KeyEventKind::Release {
        return None;
    }
    if key.modifiers.contains(KeyModifiers::CONTROL) {
        return with_control(key.code, mode);
    }
    match mode {
        Mode::Confirm => match key.code {
            KeyCode::Char('y' | 'Y') => Some(Command::Yes),
            _ => Some(Command::No),
        },
        Mode::Edit | Mode::TryLine => in_line(key.code, mode, pane),
        Mode::Text => in_text(key.code),
        Mode::List => in_list(key.code, pane),
    }
}

fn with_control(code: KeyCode, mode: Mode) -> Option<Command> {
    let is_line = matches!(mode, Mode::Edit | Mode::TryLine);
    match code {
        KeyCode::Char('c') => Some(Command::Quit),
        KeyCode::Char('z') => Some(Command::Suspend),
        KeyCode::Char('l') => Some(Command::Redraw),
        KeyCode::Char('u') if is_line => Some(Command::Edit(Edit::Clear)),
        KeyCode::Char('a') if is_line => Some(Command::Edit(Edit::Start)),
        KeyCode::Char('e') if is_line => Some(Command::Edit(Edit::End)),
        KeyCode::Char('h') if is_line => Some(Command::Edit(Edit::Backspace)),
        // What terminals without bracketed paste send for the end of a pasted line.
        KeyCode::Char('j') if is_line => Some(Command::Submit),
        KeyCode::Char('f') => Some(Command::Move(Motion::PageDown)),
        KeyCode::Char('b') => Some(Command::Move(Motion::PageUp)),
        _ => None,
    }
}

fn in_line(code: KeyCode, mode: Mode, pane: Pane) -> Option<Command> {
    Some(match code {
        KeyCode::Char(char) => Command::Edit(Edit::Insert(char)),
        KeyCode::Backspace => Command::Edit(Edit::Backspace),
        KeyCode::Delete => Command::Edit(Edit::Delete),
        KeyCode::Left => Command::Edit(Edit::Left),
        KeyCode::Right => Command::Edit(Edit::Right),
        KeyCode::Home => Command::Edit(Edit::Start),
        KeyCode::End => Command::Edit(Edit::End),
        KeyCode::Enter => Command::Submit,
        KeyCode::Esc => Command::Close,
        KeyCode::Tab if mode == Mode::TryLine => Command::Show(pane.beside(1)),
        KeyCode::BackTab if mode == Mode::TryLine => Command::Show(pane.beside(Pane::ALL.len() - 1)),
        KeyCode::Up | KeyCode::Down | KeyCode::PageUp | KeyCode::PageDown if mode == Mode::TryLine => {
            Command::Move(motion(code)?)
        }
        _ => return None,
    })
}

fn in_text(code: KeyCode) -> Option<Command> {
    match code {
        KeyCode::Esc | KeyCode::Enter | KeyCode::Backspace | KeyCode::Char('q' | '?') => Some(Command::Close),
        code => motion(code).map(Command::Move),
    }
}

fn in_list(code: KeyCode, pane: Pane) -> Option<Command> {
    let of_pane = match (pane, code) {
        (Pane::Blocks, KeyCode::Char('u')) => Some(Command::Unblock),
        (Pane::Blocks, KeyCode::Char('w')) => Some(Command::Why),
        (Pane::Blocks, KeyCode::Char('+')) => Some(Command::Add),
        (Pane::Blocks, KeyCode::Char('a')) => Some(Command::Allow),
        (Pane::Files, KeyCode::Char('A')) => Some(Command::Accept),
        (Pane::Rules, KeyCode::Char('t')) => Some(Command::Sort),
        (Pane::Rules, KeyCode::Char('s')) => Some(Command::Silence),
        (Pane::Lines, KeyCode::Enter | KeyCode::Char('i')) => Some(Command::Type),
        (Pane::Overview | Pane::Lines, KeyCode::Char('/')) => return None,
        _ => None,
    };
    of_pane.or_else(|| match code {
        KeyCode::Char('q') => Some(Command::Quit),
        KeyCode::Char('?') | KeyCode::F(1) => Some(Command::Help),
        KeyCode::Char('/') => Some(Command::Filter),
        KeyCode::Char('r') => Some(Command::Refresh),
        KeyCode::Char(digit @ '1'..='7') => Some(Command::Show(Pane::ALL[digit as usize - '1' as usize])),
        KeyCode::Tab | KeyCode::Right => Some(Command::Show(pane.beside(1))),
        KeyCode::BackTab | KeyCode::Left => Some(Command::Show(pane.beside(Pane::ALL.len() - 1))),
        KeyCode::Enter => Some(Command::Open),
        KeyCode::Esc => Some(Command::Close),
        code => motion(code).map(Command::Move),
    })
}

fn motion(code: KeyCode) -> Option<Motion> {
    Some(match code {
        KeyCode::Up | KeyCode::Char('k') => Motion::Up,
        KeyCode::Down | KeyCode::Char('j') => Motion::Down,
        KeyCode::PageUp => Motion::PageUp,
        KeyCode::PageDown | KeyCode::Char(' ') => Motion::PageDown,
        KeyCode::Home | KeyCode::Char('g') => Motion::Home,
        KeyCode::End | KeyCode::Char('G') => Motion::End,
        _ => return None,
    })
}

/// What the status line says: keys that work now, the most useful first.
pub(super) fn hints(mode: Mode, pane: Pane) -> Vec<(&'static str, &'static str)> {
    match mode {
        Mode::Confirm => return vec![("y", "yes"), ("n", "no")],
        Mode::Edit => return vec![("Enter", "apply"), ("Esc", "cancel"), ("^U", "clear")],
        Mode::TryLine => return vec![("Enter", "analyse"), ("Tab", "next pane"), ("PgUp", "scroll"), ("Esc", "keys")],
        Mode::Text => return vec![("Esc", "close"), ("Up/Down", "scroll")],
        Mode::List => {}
    }
    let mut hints = match pane {
        Pane::Overview => vec![("Enter", "problems")],
        Pane::Alerts => vec![("Enter", "details"), ("/", "filter")],
        Pane::Blocks => vec![("u", "unblock"), ("w", "why"), ("+", "block"), ("a", "allow"), ("/", "filter")],
        Pane::Files => vec![("Enter", "diff"), ("A", "accept"), ("/", "filter")],
        Pane::Sources => vec![("Enter", "details"), ("/", "filter")],
        Pane::Rules => vec![("Enter", "rule"), ("t", "hour/day"), ("s", "silence"), ("/", "filter")],
        Pane::Lines => vec![("i", "type a line")],
    };
    hints.extend([("1-7", "pane"), ("?", "help"), ("q", "quit")]);
    hints
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode) -> KeyEvent {
        KeyEvent::new(code, KeyModifiers::NONE)
    }

    #[test]
    fn letters_are_text_while_a_line_is_typed() {
        let typed = command(key(KeyCode::Char('q')), Mode::Edit, Pane::Alerts);
        assert_eq!(typed, Some(Command::Edit(Edit::Insert('q'))));
        assert_eq!(command(key(KeyCode::Char('q')), Mode::List, Pane::Alerts), Some(Command::Quit));
        let control = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        for mode in [Mode::List, Mode::Text, Mode::Confirm, Mode::Edit, Mode::TryLine] {
            assert_eq!(command(control, mode, Pane::Lines), Some(Command::Quit));
        }
    }

    #[test]
    fn only_y_confirms() {
        for code in [KeyCode::Enter, KeyCode::Esc, KeyCode::Char('n'), KeyCode::Char(' '), KeyCode::Tab] {
            assert_eq!(command(key(code), Mode::Confirm, Pane::Blocks), Some(Command::No), "{code:?}");
        }
        assert_eq!(command(key(KeyCode::Char('y')), Mode::Confirm, Pane::Blocks), Some(Command::Yes));
    }

    #[test]
    fn panes_are_reached_by_number_and_in_a_circle() {
        let show = |code, pane| command(key(code), Mode::List, pane);
        assert_eq!(show(KeyCode::Char('3'), Pane::Overview), Some(Command::Show(Pane::Blocks)));
        assert_eq!(show(KeyCode::Tab, Pane::Lines), Some(Command::Show(Pane::Overview)));
        assert_eq!(show(KeyCode::BackTab, Pane::Overview), Some(Command::Show(Pane::Lines)));
    }

    #[test]
    fn every_key_that_is_shown_works() {
        for pane in Pane::ALL {
            for (name, _) in hints(Mode::List, pane) {
                let code = match name {
                    "Enter" => KeyCode::Enter,
                    name => KeyCode::Char(name.chars().next().expect("a key")),
                };
                assert!(command(key(code), Mode::List, pane).is_some(), "{pane:?}: {name}");
            }
        }
    }
}
