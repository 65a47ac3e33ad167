//! fail2ban's INI files: sections of keys, values over several lines, and `%(name)s`.

use std::collections::BTreeMap;

/// Deepest interpolation.
const MOST_DEPTH: usize = 10;
/// Longest value after interpolation.
const MOST_BYTES: usize = 16 << 10;
/// The section whose keys hold for all others.
pub(super) const DEFAULT: &str = "DEFAULT";

/// Sections with their keys; what is read later wins.
#[derive(Clone, Debug, Default)]
pub(super) struct Ini {
    sections: BTreeMap<String, BTreeMap<String, String>>,
    /// In the order in which they were first seen.
    order: Vec<String>,
}

impl Ini {
    /// Reads another file over what is there.
    pub(super) fn read(&mut self, text: &str) {
        let mut section = String::new();
        let mut key: Option<String> = None;
        for line in text.lines() {
            let trimmed = line.trim();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            if line.starts_with([' ', '\t'])
                && let Some(key) = &key
            {
                let value = self.sections.entry(section.clone()).or_default().entry(key.clone()).or_default();
                value.push('\n');
                value.push_str(without_remark(trimmed));
                continue;
            }
            if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                section = name.trim().to_owned();
                key = None;
                if !self.order.contains(&section) {
                    self.order.push(section.clone());
                }
                continue;
            }
            let Some((name, value)) = trimmed.split_once(['=', ':']) else { continue };
            let name = name.trim().to_ascii_lowercase();
            let value = without_remark(value.trim()).to_owned();
            self.sections.entry(section.clone()).or_default().insert(name.clone(), value);
            key = Some(name);
        }
    }

    /// Names of the sections but for `DEFAULT` and `INCLUDES`, in order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.order.iter().map(String::as_str).filter(|name| !matches!(*name, DEFAULT | "INCLUDES" | ""))
    }

    /// The value of a key as written, of the section itself or by default.
    pub(super) fn raw(&self, section: &str, key: &str) -> Option<&str> {
        let own = self.sections.get(section).and_then(|keys| keys.get(key));
        own.or_else(|| self.sections.get(DEFAULT).and_then(|keys| keys.get(key))).map(String::as_str)
    }

    /// Whether the section itself sets the key.
    pub(super) fn is_own(&self, section: &str, key: &str) -> bool {
        self.sections.get(section).is_some_and(|keys| keys.contains_key(key))
    }

    /// The value of a key with everything put in; `None` if there is none or it cannot be resolved.
    pub(super) fn value(&self, section: &str, key: &str) -> Option<String> {
        self.expanded(section, self.raw(section, key)?, 0)
    }

    fn expanded(&self, section: &str, text: &str, depth: usize) -> Option<String> {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('%') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(behind) = rest.strip_prefix('%') {
                out.push('%');
                rest = behind;
            } else if let Some((name, behind)) = rest.strip_prefix('(').and_then(|rest| rest.split_once(")s")) {
                let name = name.to_ascii_lowercase();
                if depth >= MOST_DEPTH {
                    return None;
                }
                if name == "__name__" {
                    out.push_str(section);
                } else {
                    // `section/key`; `known/key` is the value before this one, which is not kept.
                    let (from, key) = name.split_once('/').unwrap_or((section, &name));
                    out.push_str(&self.expanded(section, self.raw(from, key)?, depth + 1)?);
                }
                rest = behind;
            } else {
                out.push('%');
            }
            if out.len() > MOST_BYTES {
                return None;
            }
        }
        out.push_str(rest);
        (out.len() <= MOST_BYTES).then_some(out)
    }
}

/// A remark begins with a semicolon behind a blank.
fn without_remark(value: &str) -> &str {
    value.split(" ;").next().unwrap_or(value).trim_end()
}
