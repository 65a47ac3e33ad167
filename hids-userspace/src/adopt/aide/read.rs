//! aide.conf: variables, conditions, included files, groups, and lines that select paths.

use std::collections::BTreeMap;

use super::groups::{self, Attributes};
use crate::adopt::system::System;
use crate::adopt::translated::Translated;

/// Most files that are read, and deepest inclusion.
const MOST_FILES: usize = 500;
const MOST_DEPTH: usize = 16;
/// Most selections.
const MOST_LINES: usize = 20_000;
/// Longest line once variables are put in.
const MOST_BYTES: usize = 4096;

/// How a line selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// The path and everything below it.
    Tree,
    /// `=`: the path itself.
    Only,
    /// `!`: nothing of it.
    Not,
}

/// A line that selects paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// How.
    pub how: How,
    /// The regular expression, which begins at the start of a path.
    pub regex: String,
    /// What is compared; of `!` nothing.
    pub attributes: Attributes,
    /// File and line.
    pub place: String,
}

/// Reads a configuration with what it includes; `None` if it cannot be read.
pub(crate) fn read(system: &System, path: &str, report: &mut Translated) -> Option<Vec<Selection>> {
    system.read(path)?;
    let mut reader = Reader {
        system,
        report,
        files: 0,
        variables: BTreeMap::new(),
        groups: groups::predefined(),
        selections: Vec::new(),
    };
    reader.file(path, 0);
    Some(reader.selections)
}

struct Reader<'a> {
    system: &'a System,
    report: &'a mut Translated,
    files: usize,
    variables: BTreeMap<String, String>,
    groups: BTreeMap<String, Attributes>,
    selections: Vec<Selection>,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, depth: usize) {
        self.files += 1;
        if depth > MOST_DEPTH || self.files > MOST_FILES {
            self.report.not(path, "too many included files");
            return;
        }
        let Some(text) = self.system.read_text(path) else {
            self.report.not(path, "the included file cannot be read");
            return;
        };
        // Whether the lines of each open condition count; the last one is the innermost.
        let mut open: Vec<bool> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let place = format!("{path}:{}", index + 1);
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Some(macro_line) = line.strip_prefix("@@").filter(|rest| !rest.starts_with('{')) {
                self.macro_line(macro_line, &mut open, &place, path, depth);
            } else if open.iter().all(|counts| *counts) {
                self.line(line, place);
            }
        }
    }

    fn macro_line(&mut self, line: &str, open: &mut Vec<bool>, place: &str, path: &str, depth: usize) {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        match name {
            "ifdef" => return open.push(self.variables.contains_key(rest)),
            "ifndef" => return open.push(!self.variables.contains_key(rest)),
            // Another condition than on variables: its lines count, and those after `@@else` do not.
            "ifhost" | "ifnhost" | "if" => {
                self.report.not(format!("{place}: @@{line}"), "this condition is taken as true");
                return open.push(true);
            }
            "else" => {
                if let Some(last) = open.last_mut() {
                    *last = !*last;
                }
                return;
            }
            "endif" => {
                open.pop();
                return;
            }
            _ => {}
        }
        if !open.iter().all(|counts| *counts) {
            return;
        }
        match name {
            "define" => {
                let (name, value) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                let value = self.expanded(value.trim()).unwrap_or_default();
                self.variables.insert(name.to_owned(), value);
            }
            "undef" => drop(self.variables.remove(rest)),
            "include" => self.include(rest, place, path, depth),
            _ => self.report.not(format!("{place}: @@{line}"), "not supported: nothing is run to make a configuration"),
        }
    }

    /// A file, or the files of a directory whose names fit; of patterns only the end of a name is understood.
    fn include(&mut self, rest: &str, place: &str, path: &str, depth: usize) {
        let Some(rest) = self.expanded(rest) else {
            return self.report.not(format!("{place}: {rest}"), "unknown variable");
        };
        let mut words = rest.split_whitespace();
        let Some(target) = words.next() else { return };
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let target = if target.starts_with('/') { target.to_owned() } else { format!("{folder}/{target}") };
        if !self.system.has_directory(&target) {
            return self.file(&target, depth + 1);
        }
        if let Some(pattern) = words.next().filter(|pattern| !USUAL_NAMES.contains(pattern)) {
            self.report.not(format!("{place}: {pattern}"), "all files of the directory are read");
        }
        for name in self.system.names(&target) {
            if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-') {
                self.file(&format!("{target}/{name}"), depth + 1);
            }
        }
    }

    fn line(&mut self, line: &str, place: String) {
        let Some(line) = self.expanded(line) else {
            return self.report.not(format!("{place}: {line}"), "unknown variable");
        };
        let (how, rest) = match line.as_bytes()[0] {
            b'!' => (How::Not, line[1..].trim_start()),
            b'=' => (How::Only, line[1..].trim_start()),
            b'/' => (How::Tree, line.as_str()),
            _ => return self.assignment(&line, &place),
        };
        let (regex, expression) = split_regex(rest);
        let attributes = match groups::evaluate(expression, &self.groups) {
            Some(attributes) => attributes,
            None if how == How::Not => Attributes::default(),
            None => return self.report.not(format!("{place}: {line}"), "unknown group"),
        };
        if self.selections.len() < MOST_LINES {
            self.selections.push(Selection { how, regex, attributes, place });
        } else {
            self.report.omitted += 1;
        }
    }

    /// `NAME = p+u+g`; options of AIDE itself have lower-case names and say nothing of files.
    fn assignment(&mut self, line: &str, place: &str) {
        let Some((name, expression)) = line.split_once('=') else {
            return self.report.not(format!("{place}: {line}"), "not understood");
        };
        let name = name.trim();
        if let Some(attributes) = groups::evaluate(expression.trim(), &self.groups) {
            self.groups.insert(name.to_owned(), attributes);
        }
    }

    /// With `@@{NAME}` put in.
    fn expanded(&self, text: &str) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("@@{") {
            let (name, behind) = behind.split_once('}')?;
            out.push_str(before);
            out.push_str(self.variables.get(name)?);
            if out.len() > MOST_BYTES {
                return None;
            }
            rest = behind;
        }
        out.push_str(rest);
        (!out.is_empty() && out.len() <= MOST_BYTES).then_some(out)
    }
}

/// Patterns for names of included files that mean what is read anyway.
const USUAL_NAMES: [&str; 2] = ["^[a-zA-Z0-9_-]+$", "^[a-zA-Z0-9_-]*$"];

/// The expression up to a blank that is not escaped, and what follows it.
fn split_regex(text: &str) -> (String, &str) {
    let mut is_escaped = false;
    for (at, char) in text.char_indices() {
        if char.is_whitespace() && !is_escaped {
            return (text[..at].to_owned(), text[at..].trim());
        }
        is_escaped = char == '\\' && !is_escaped;
    }
    (text.to_owned(), "")
}
