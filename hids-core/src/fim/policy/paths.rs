//! Paths as bytes: what is below what, and which are left out.

use std::collections::HashSet;

use super::watch::{PathPattern, Watch};
use crate::pattern::{Dialect, MAX_PATTERN_BYTES, OSSEC_MAX_PATTERN_BYTES, Pattern, Subject};

/// What of `path` stands below `root`, without the slash between them; empty for the root itself.
pub(super) fn below<'a>(root: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(root.strip_suffix(b"/").unwrap_or(root))?;
    match rest.split_first() {
        None => Some(rest),
        Some((b'/', rest)) => Some(rest),
        Some(_) => None,
    }
}

/// Whether `rest`, a path below a root, lies in sub-directories more than `levels` deep.
pub(super) fn has_more_levels_than(rest: &[u8], levels: u32) -> bool {
    let levels = usize::try_from(levels).unwrap_or(usize::MAX);
    rest.iter().filter(|byte| **byte == b'/').nth(levels).is_some()
}

/// The watches with roots in one form, each root once.
pub(super) fn distinct(watches: Vec<Watch>) -> Vec<Watch> {
    let mut seen = HashSet::new();
    let plain = watches.into_iter().map(|watch| Watch { root: one_form(&watch.root), ..watch });
    plain.filter(|watch| watch.root.starts_with(b"/") && seen.insert(watch.root.clone())).collect()
}

/// `path` without repeated slashes and without one at its end.
pub(super) fn one_form(path: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(path.len());
    for &byte in path {
        if byte != b'/' || plain.last() != Some(&b'/') {
            plain.push(byte);
        }
    }
    if plain.len() > 1 && plain.last() == Some(&b'/') {
        plain.pop();
    }
    plain
}

/// `text` compiled, or put among the unusable ones.
pub(super) fn pattern(text: &str, subject: Subject, unusable: &mut Vec<String>) -> Option<Pattern> {
    match Pattern::with_subject(Dialect::OsMatch, text, subject) {
        Ok(pattern) => Some(pattern),
        Err(error) => {
            unusable.push(format!("\"{text}\": {error}"));
            None
        }
    }
}

/// Paths that patterns pick out. What holds for a directory holds for everything below it.
#[derive(Debug, Default)]
pub(super) struct PathSet {
    prefixes: Vec<Vec<u8>>,
    /// Without `$`: one that fits a directory's path also fits each path below it.
    open: Vec<Pattern>,
    /// With `$`: must be tried on the path and on each directory above it.
    ended: Vec<Pattern>,
}

impl PathSet {
    pub(super) fn new(patterns: Vec<PathPattern>, subject: Subject, unusable: &mut Vec<String>) -> Self {
        let (mut open, mut ended) = (Vec::new(), Vec::new());
        let mut set = Self::default();
        for written in patterns {
            match written {
                PathPattern::Prefix(prefix) if prefix.is_empty() => {
                    unusable.push("an empty path would be every path".to_owned());
                }
                PathPattern::Prefix(prefix) => set.prefixes.push(prefix),
                PathPattern::Sregex(text) if pattern(&text, subject, unusable).is_none() => {}
                PathPattern::Sregex(text) if text.contains('$') => ended.push(text),
                PathPattern::Sregex(text) => open.push(text),
            }
        }
        set.open = joined(open, subject, unusable);
        set.ended = joined(ended, subject, unusable);
        set
    }

    /// Whether `path`, or a directory on the way to it whose path is longer than `root_length` bytes, is in
    /// the set.
    pub(super) fn holds(&self, path: &[u8], root_length: usize) -> bool {
        if self.prefixes.iter().any(|prefix| starts_with_any_case(path, prefix))
            || self.open.iter().any(|pattern| pattern.is_match(path))
        {
            return true;
        }
        if self.ended.is_empty() {
            return false;
        }
        let fits = |path: &[u8]| self.ended.iter().any(|pattern| pattern.is_match(path));
        let slashes = path.iter().enumerate().skip(root_length + 1).filter(|(_, byte)| **byte == b'/');
        fits(path) || slashes.into_iter().any(|(at, _)| fits(&path[..at]))
    }
}

/// Many patterns as few: alternatives of os_match are joined by `|`.
fn joined(texts: Vec<String>, subject: Subject, unusable: &mut Vec<String>) -> Vec<Pattern> {
    let most = match subject {
        Subject::Bytes => MAX_PATTERN_BYTES,
        Subject::StrictUtf8 => OSSEC_MAX_PATTERN_BYTES,
    };
    let mut groups: Vec<String> = Vec::new();
    for text in texts {
        match groups.last_mut() {
            Some(group) if group.len() + 1 + text.len() <= most => {
                group.push('|');
                group.push_str(&text);
            }
            _ => groups.push(text),
        }
    }
    groups.iter().filter_map(|group| pattern(group, subject, unusable)).collect()
}

fn starts_with_any_case(path: &[u8], prefix: &[u8]) -> bool {
    path.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}
