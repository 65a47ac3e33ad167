//! A line that is being typed.

/// Longest line; further characters are ignored.
const MOST_CHARS: usize = 16 * 1024;

/// One change of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Insert(char),
    Backspace,
    Delete,
    Left,
    Right,
    Start,
    End,
    Clear,
}

/// A line and where the next character goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Input {
    chars: Vec<char>,
    at: usize,
}

impl Input {
    /// A line that stands already, to be continued.
    pub(super) fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().take(MOST_CHARS).collect();
        Self { at: chars.len(), chars }
    }

    /// The line.
    pub(super) fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// What stands before and behind the place of the next character.
    pub(super) fn parts(&self) -> (String, String) {
        let (before, behind) = self.chars.split_at(self.at.min(self.chars.len()));
        (before.iter().collect(), behind.iter().collect())
    }

    /// Changes it.
    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Insert(char) if self.chars.len() < MOST_CHARS => {
                self.chars.insert(self.at, char);
                self.at += 1;
            }
            Edit::Insert(_) => {}
            Edit::Backspace if self.at > 0 => {
                self.at -= 1;
                self.chars.remove(self.at);
            }
            Edit::Delete if self.at < self.chars.len() => _ = self.chars.remove(self.at),
            Edit::Backspace | Edit::Delete => {}
            Edit::Left => self.at = self.at.saturating_sub(1),
            Edit::Right => self.at = (self.at + 1).min(self.chars.len()),
            Edit::Start => self.at = 0,
            Edit::End => self.at = self.chars.len(),
            Edit::Clear => *self = Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn characters_go_where_the_cursor_is() {
        let mut input = Input::of("ab");
        for edit in [Edit::Left, Edit::Insert('日'), Edit::Start, Edit::Delete, Edit::End, Edit::Insert('c')] {
            input.edit(edit);
        }
        assert_eq!(input.text(), "日bc");
        input.edit(Edit::Backspace);
        input.edit(Edit::Left);
        assert_eq!(input.parts(), ("日".into(), "b".into()));
        input.edit(Edit::Clear);
        assert_eq!(input, Input::default());
    }

    proptest! {
        #[test]
        fn any_edits_are_possible(edits in prop::collection::vec((0_u8..8, any::<char>()), 0..60)) {
            let mut input = Input::default();
            for (kind, char) in edits {
                input.edit(match kind {
                    0 => Edit::Backspace,
                    1 => Edit::Delete,
                    2 => Edit::Left,
                    3 => Edit::Right,
                    4 => Edit::Start,
                    5 => Edit::End,
                    6 => Edit::Clear,
                    _ => Edit::Insert(char),
                });
                let (before, behind) = input.parts();
                prop_assert_eq!(before + &behind, input.text());
            }
        }
    }
}
