//! A list with a text filter and a selection that stays on its item when the list is read again.

use std::net::IpAddr;

use super::cursor::{Cursor, Motion};
use super::facts::Source;
use super::tally::RuleRow;
use crate::cli::output;
use crate::fim::protocol::ListItem;
use crate::respond::BlockView;

/// An item of a list.
pub(super) trait Item {
    /// What makes it the same item after the list was read again.
    type Key: PartialEq;
    /// See [`Item::Key`].
    fn key(&self) -> Self::Key;
    /// What a filter searches.
    fn text(&self) -> String;
}

/// The list.
#[derive(Debug)]
pub(super) struct Listing<T> {
    items: Vec<T>,
    /// Those that fit the filter.
    shown: Vec<usize>,
    filter: String,
    /// The selection among those shown.
    pub cursor: Cursor,
    /// Whether it has been read.
    pub is_read: bool,
}

impl<T> Default for Listing<T> {
    fn default() -> Self {
        Self { items: Vec::new(), shown: Vec::new(), filter: String::new(), cursor: Cursor::default(), is_read: false }
    }
}

impl<T: Item> Listing<T> {
    /// Takes the items as they are now.
    pub(super) fn set(&mut self, items: Vec<T>) {
        let selected = self.selected().map(T::key);
        let offset = self.cursor.selected - self.cursor.top.min(self.cursor.selected);
        self.items = items;
        self.is_read = true;
        self.choose();
        let place = selected.and_then(|key| self.rows().position(|item| item.key() == key));
        if let Some(place) = place {
            self.cursor = Cursor { selected: place, top: place.saturating_sub(offset) };
        }
    }

    /// Takes another filter; empty = everything.
    pub(super) fn set_filter(&mut self, filter: &str) {
        self.filter = filter.trim().to_owned();
        self.cursor = Cursor::default();
        self.choose();
    }

    fn choose(&mut self) {
        let wanted = self.filter.to_lowercase();
        let fits = |item: &T| wanted.is_empty() || item.text().to_lowercase().contains(&wanted);
        self.shown = (0..self.items.len()).filter(|&index| fits(&self.items[index])).collect();
    }

    /// The filter.
    pub(super) fn filter(&self) -> &str {
        &self.filter
    }

    /// Items that fit the filter.
    pub(super) fn rows(&self) -> impl Iterator<Item = &T> {
        self.shown.iter().map(|&index| &self.items[index])
    }

    /// How many fit the filter.
    pub(super) fn len(&self) -> usize {
        self.shown.len()
    }

    /// How many there are.
    pub(super) fn total(&self) -> usize {
        self.items.len()
    }

    /// The selected item.
    pub(super) fn selected(&self) -> Option<&T> {
        self.shown.get(self.cursor.selected).map(|&index| &self.items[index])
    }

    /// Moves the selection.
    pub(super) fn go(&mut self, motion: Motion, page: usize) {
        let total = self.len();
        self.cursor.go(motion, page, total);
    }

    /// Keeps the selection in the list and in view.
    pub(super) fn settle(&mut self, page: usize) {
        let total = self.len();
        self.cursor.settle(page, total);
    }
}

impl Item for BlockView {
    type Key = IpAddr;

    fn key(&self) -> IpAddr {
        self.address
    }

    fn text(&self) -> String {
        let rule = self.rule.map(|rule| rule.to_string()).unwrap_or_default();
        format!("{} {rule} {} {}", self.address, self.description, self.response)
    }
}

impl Item for ListItem {
    type Key = Vec<u8>;

    fn key(&self) -> Vec<u8> {
        self.path.as_bytes().to_vec()
    }

    fn text(&self) -> String {
        output::visible(self.path.as_bytes())
    }
}

impl Item for Source {
    type Key = String;

    fn key(&self) -> String {
        self.path.clone()
    }

    fn text(&self) -> String {
        format!("{} {} {}", self.path, self.state, self.reason.as_deref().unwrap_or_default())
    }
}

impl Item for RuleRow {
    type Key = u32;

    fn key(&self) -> u32 {
        self.id
    }

    fn text(&self) -> String {
        format!("{} level {} {}", self.id, self.level, self.description)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(names: &[&str]) -> Vec<Source> {
        names.iter().map(|&name| Source { path: name.into(), ..Source::default() }).collect()
    }

    #[test]
    fn a_selection_stays_on_its_item() {
        let mut list = Listing::default();
        list.set(sources(&["/b", "/c", "/d"]));
        list.go(Motion::Down, 10);
        list.set(sources(&["/a", "/b", "/c", "/d"]));
        assert_eq!(list.selected().map(|source| source.path.as_str()), Some("/c"));
        list.set(sources(&["/a"]));
        list.settle(10);
        assert_eq!(list.selected().map(|source| source.path.as_str()), Some("/a"));
    }

    #[test]
    fn a_filter_is_a_text_in_any_case() {
        let mut list = Listing::default();
        list.set(sources(&["/var/log/Auth.log", "/var/log/mail.log"]));
        list.set_filter(" auth ");
        assert_eq!((list.len(), list.total(), list.filter()), (1, 2, "auth"));
        list.set_filter("nothing");
        assert!(list.selected().is_none());
    }
}
