//! The newest alerts, in bounded memory, and those of them that a filter wants.

use std::collections::VecDeque;

use super::cursor::{Cursor, Motion};
use super::filter::AlertFilter;
use crate::record::RecordedAlert;

/// Most alerts that are held.
pub(super) const MOST: usize = 10_000;

/// Longest record that is held whole; of a longer one the details are read from its file again.
const MOST_RECORD_BYTES: usize = 3 * 1024;
/// What is held of each text for the list and the filter.
const MOST_TEXT_BYTES: usize = 1024;

/// An alert of the list.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    /// The alert with its texts cut; `json` is empty if the record is too long.
    pub alert: RecordedAlert,
}

impl Held {
    /// Cuts what is too long.
    pub(super) fn of(mut alert: RecordedAlert) -> Self {
        let subject = &mut alert.subject;
        let optional = [&mut subject.srcip, &mut subject.dstuser, &mut subject.srcuser, &mut subject.file];
        [
            &mut alert.description,
            &mut alert.full_log,
            &mut alert.location,
            &mut alert.group,
            &mut alert.hostname,
            &mut alert.local_time,
        ]
        .into_iter()
        .chain(optional.into_iter().flatten())
        .for_each(shorten);
        alert.evidence = Vec::new();
        if alert.json.len() > MOST_RECORD_BYTES {
            alert.json = String::new();
        }
        Self { alert }
    }
}

fn shorten(text: &mut String) {
    if text.len() > MOST_TEXT_BYTES {
        let end = (0..=MOST_TEXT_BYTES).rev().find(|&end| text.is_char_boundary(end)).unwrap_or(0);
        text.truncate(end);
        text.shrink_to_fit();
    }
}

/// The alerts, a filter and a selection.
#[derive(Debug, Default)]
pub(super) struct AlertList {
    /// Oldest first.
    held: VecDeque<Held>,
    /// How many were dropped from the front: the number of the first one held.
    dropped: u64,
    /// Numbers of those that the filter wants, oldest first.
    wanted: VecDeque<u64>,
    filter: AlertFilter,
    /// The filter as typed.
    line: String,
    /// Row 0 is the newest alert.
    pub cursor: Cursor,
}

impl AlertList {
    /// Adds a newer alert. A selection other than the newest alert stays on its alert.
    pub(super) fn push(&mut self, alert: Held) {
        if self.filter.wants(&alert.alert) {
            self.wanted.push_back(self.dropped + self.held.len() as u64);
            if self.cursor.selected > 0 {
                self.cursor.selected += 1;
                self.cursor.top += 1;
            }
        }
        self.held.push_back(alert);
        if self.held.len() > MOST {
            self.held.pop_front();
            self.dropped += 1;
            if self.wanted.front().is_some_and(|&first| first < self.dropped) {
                self.wanted.pop_front();
            }
        }
    }

    /// Starts again with what is recorded, oldest first; `is_cut` if older alerts exist.
    pub(super) fn replace(&mut self, held: VecDeque<Held>, is_cut: bool) {
        self.held = held;
        self.dropped = u64::from(is_cut);
        self.cursor = Cursor::default();
        self.choose();
    }

    /// Takes another filter; the newest alert that fits is selected.
    pub(super) fn set_filter(&mut self, line: &str, filter: AlertFilter) {
        line.clone_into(&mut self.line);
        self.filter = filter;
        self.cursor = Cursor::default();
        self.choose();
    }

    fn choose(&mut self) {
        let numbers = self.dropped..;
        let wanted = numbers.zip(&self.held).filter(|(_, held)| self.filter.wants(&held.alert));
        self.wanted = wanted.map(|(number, _)| number).collect();
    }

    /// The filter as typed.
    pub(super) fn filter_line(&self) -> &str {
        &self.line
    }

    /// How many alerts the filter wants.
    pub(super) fn len(&self) -> usize {
        self.wanted.len()
    }

    /// How many are held.
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Whether older alerts exist that are not held.
    pub(super) const fn is_cut(&self) -> bool {
        self.dropped > 0
    }

    /// The alert of a row.
    pub(super) fn row(&self, row: usize) -> Option<&Held> {
        let number = self.wanted.get(self.wanted.len().checked_sub(row + 1)?)?;
        self.held.get(usize::try_from(number.checked_sub(self.dropped)?).ok()?)
    }

    /// Moves the selection.
    pub(super) fn go(&mut self, motion: Motion, page: usize) {
        self.cursor.go(motion, page, self.len());
    }

    /// Keeps the selection in the list and in view.
    pub(super) fn settle(&mut self, page: usize) {
        let total = self.len();
        self.cursor.settle(page, total);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn held(rule: usize, log: &str) -> Held {
        let alert = json!({
            "rule": { "level": 5, "comment": "c", "sidid": rule }, "TimeStamp": 1000, "full_log": log,
        });
        Held::of(RecordedAlert::from_json(&alert.to_string()).expect("an alert"))
    }

    fn rules(list: &AlertList) -> Vec<u32> {
        (0..list.len()).filter_map(|row| list.row(row)).map(|held| held.alert.rule.0).collect()
    }

    #[test]
    fn the_newest_come_first_and_a_selection_stays_on_its_alert() {
        let mut list = AlertList::default();
        (1..=3).for_each(|rule| list.push(held(rule, "x")));
        assert_eq!(rules(&list), [3, 2, 1]);
        list.push(held(4, "x"));
        assert_eq!(list.cursor.selected, 0, "the newest alert stays selected");
        list.go(Motion::Down, 10);
        list.push(held(5, "x"));
        assert_eq!(list.row(list.cursor.selected).map(|held| held.alert.rule.0), Some(3));
    }

    #[test]
    fn old_ones_are_dropped_and_that_is_known() {
        let mut list = AlertList::default();
        list.set_filter("odd", AlertFilter::parse("odd").expect("a filter"));
        for rule in 1..=MOST + 3 {
            list.push(held(rule, if rule % 2 == 1 { "odd" } else { "even" }));
        }
        assert_eq!((list.held(), list.len(), list.is_cut()), (MOST, MOST / 2, true));
        assert_eq!(rules(&list).first().copied(), Some(10_003));
        assert_eq!(rules(&list).last().copied(), Some(5));
        list.set_filter("", AlertFilter::default());
        assert_eq!((list.len(), rules(&list).last().copied()), (MOST, Some(4)));
    }

    #[test]
    fn a_list_that_is_read_again_keeps_its_filter() {
        let mut list = AlertList::default();
        list.set_filter("wanted", AlertFilter::parse("wanted").expect("a filter"));
        list.replace((1..=4).map(|rule| held(rule, if rule < 3 { "wanted" } else { "x" })).collect(), true);
        assert_eq!((rules(&list), list.held(), list.is_cut()), (vec![2, 1], 4, true));
        list.push(held(9, "wanted"));
        assert_eq!(rules(&list), [9, 2, 1]);
    }

    #[test]
    fn long_texts_take_bounded_memory() {
        let long = held(1, &"ä".repeat(100_000));
        assert!(long.alert.full_log.len() <= MOST_TEXT_BYTES && long.alert.json.is_empty());
        assert!(!held(1, "short").alert.json.is_empty());
    }
}
