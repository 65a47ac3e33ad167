//! Which row of a list is selected and which part of it is in view.

/// Ways to move in a list or a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Motion {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
}

/// A selected row and the first row in view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The selected row.
    pub selected: usize,
    /// The first row in view.
    pub top: usize,
}

impl Cursor {
    /// Moves the selection.
    pub(super) fn go(&mut self, motion: Motion, page: usize, total: usize) {
        let page = page.max(1);
        self.selected = match motion {
            Motion::Up => self.selected.saturating_sub(1),
            Motion::Down => self.selected.saturating_add(1),
            Motion::PageUp => self.selected.saturating_sub(page),
            Motion::PageDown => self.selected.saturating_add(page),
            Motion::Home => 0,
            Motion::End => total.saturating_sub(1),
        };
        self.settle(page, total);
    }

    /// Keeps the selection inside a list of `total` rows, and in view.
    pub(super) fn settle(&mut self, page: usize, total: usize) {
        let page = page.max(1);
        self.selected = self.selected.min(total.saturating_sub(1));
        let last_top = total.saturating_sub(page);
        self.top = self.top.min(last_top).min(self.selected).max((self.selected + 1).saturating_sub(page));
    }
}

/// Moves the first line in view of a text of `total` lines.
pub(super) fn scroll(first: usize, motion: Motion, page: usize, total: usize) -> usize {
    let last = total.saturating_sub(page);
    let first = match motion {
        Motion::Up => first.saturating_sub(1),
        Motion::Down => first.saturating_add(1),
        Motion::PageUp => first.saturating_sub(page.max(1)),
        Motion::PageDown => first.saturating_add(page.max(1)),
        Motion::Home => 0,
        Motion::End => last,
    };
    first.min(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Motion; 6] = [Motion::Up, Motion::Down, Motion::PageUp, Motion::PageDown, Motion::Home, Motion::End];

    proptest! {
        #[test]
        fn the_selection_is_always_in_the_list_and_in_view(
            moves in prop::collection::vec((0_usize..6, 0_usize..30, 0_usize..100), 0..50),
        ) {
            let mut cursor = Cursor::default();
            for (motion, page, total) in moves {
                cursor.go(ALL[motion], page, total);
                let page = page.max(1);
                prop_assert!(cursor.selected < total.max(1), "{cursor:?}");
                prop_assert!(cursor.top <= cursor.selected && cursor.selected < cursor.top + page, "{cursor:?}");
                prop_assert!(cursor.top == 0 || cursor.top + page <= total, "no empty rows at the end: {cursor:?}");
            }
        }

        #[test]
        fn a_text_never_scrolls_past_its_end(
            motion in 0_usize..6, first in 0_usize..200, page in 0_usize..30, total in 0_usize..100,
        ) {
            let first = scroll(first, ALL[motion], page, total);
            prop_assert!(first == 0 || first + page <= total);
        }
    }
}
