//! Files named one by one or by folder, each loaded once.

use std::path::PathBuf;

use hids_core::pattern::Dialect;
use hids_core::xml::Element;

use super::{Context, patterns};
use crate::config::value::value_span;

/// Files in load order.
#[derive(Default)]
pub(super) struct FileList {
    pub paths: Vec<PathBuf>,
    /// Whether the administrator named any, found or not.
    pub named: bool,
    /// Whether something named could not be read, which has been reported.
    pub failed: bool,
}

impl FileList {
    /// Adds a file unless it is there already.
    pub(super) fn add(&mut self, path: PathBuf) -> bool {
        let new = !self.paths.contains(&path);
        if new {
            self.paths.push(path);
        }
        new
    }
}

/// `<rule_dir>` and `<decoder_dir>`: the files of a folder whose names fit, by name.
pub(super) fn files_in(text: &str, element: &Element, list: &mut FileList, context: &mut Context<'_>) {
    list.named = true;
    let attribute = element.attribute("pattern");
    let pattern = match attribute {
        Some(attribute) => match patterns::compile(&attribute.value, Dialect::OsRegex, context.problems) {
            Some(pattern) => Some(pattern),
            None => {
                list.failed = true;
                return;
            }
        },
        None => None,
    };
    // The pattern is tried against the text as written, not the absolute path.
    let fits = |name: &str| match &pattern {
        Some(pattern) => pattern.is_match(format!("{text}/{name}").as_bytes()),
        None => name.ends_with(".xml"),
    };
    let folder = context.path(text);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) => {
            list.failed = true;
            let message = format!("cannot read directory {}: {error}; OSSEC ignores it silently", folder.display());
            context.problems.error(
                "C041",
                &value_span(element),
                message,
                "check the name; it is relative to the installation directory",
            );
            return;
        }
    };
    let mut names: Vec<String> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    let before = list.paths.len();
    let mut skipped = 0;
    for name in names {
        let path = folder.join(&name);
        if !fits(&name) || !path.is_file() {
            continue;
        }
        // As in OSSEC, a file of the same name that is listed already counts instead.
        if list.paths.iter().any(|known| known.file_name() == path.file_name()) {
            skipped += 1;
        } else {
            list.paths.push(path);
        }
    }
    if list.paths.len() == before && skipped == 0 {
        let message = match attribute {
            Some(attribute) => format!("no file in {} matches the pattern {}", folder.display(), attribute.value.value),
            None => format!("no file in {} ends in .xml", folder.display()),
        };
        context.problems.warning(
            "C044",
            &value_span(element),
            message,
            "use a pattern=\"…\" attribute for other names",
        );
    }
}
