//! The cases of `config/ruleset/tests`, in the `.ini` form of OSSEC's rule tests.

use std::path::Path;

use crate::files;

/// One line and what is expected of it.
#[derive(Clone, Debug, Default)]
pub struct Case {
    /// File, section and option: names the case in messages.
    pub name: String,
    /// The line.
    pub log: String,
    /// Whether all expectations are to hold (`pass`) or at least one is not (`fail`).
    pub passes: bool,
    /// What the section expects.
    pub expected: Expected,
}

/// What a section expects; `None` where it says nothing.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Rule id, empty for none.
    pub rule: Option<String>,
    /// Level (`alert`).
    pub level: Option<u16>,
    /// Name of the decoder, empty for none.
    pub decoder: Option<String>,
    /// Address of the peer, `none` for none.
    pub srcip: Option<String>,
    /// User, `none` for none.
    pub user: Option<String>,
    /// How often the line is fed; the last answer counts.
    pub repeat: Option<usize>,
    /// Whether a response at level 7 would block the peer.
    pub blocks: Option<bool>,
}

/// Every case of every file.
pub fn all() -> Vec<Case> {
    files::list("tests", "ini").iter().flat_map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vec<Case> {
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut cases = Vec::new();
    let mut section = String::new();
    let mut expected = Expected::default();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with(';') {
            continue;
        }
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = name.to_owned();
            expected = Expected::default();
            continue;
        }
        let place = format!("{file}:{}: [{section}]", number + 1);
        let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("{place}: no `=` in {line:?}"));
        match key.trim() {
            key if key.starts_with("log ") => cases.push(Case {
                name: format!("{place} {key}"),
                log: value.trim().to_owned(),
                passes: key.ends_with("pass"),
                expected: expected.clone(),
            }),
            key => set(&mut expected, key, value.trim(), &place),
        }
    }
    cases
}

fn set(expected: &mut Expected, key: &str, value: &str, place: &str) {
    let number = || value.parse().unwrap_or_else(|_| panic!("{place}: {key} wants a number, found {value:?}"));
    match key {
        "rule" => expected.rule = Some(value.to_owned()),
        "alert" => expected.level = Some(number()),
        "decoder" => expected.decoder = Some(value.to_owned()),
        "srcip" => expected.srcip = Some(value.to_owned()),
        "user" => expected.user = Some(value.to_owned()),
        "repeat" => expected.repeat = Some(usize::from(number())),
        "blocks" => expected.blocks = Some(value == "yes"),
        _ => panic!("{place}: unknown key {key:?}"),
    }
}

#[test]
fn the_cases_cover_injections_and_blocks() {
    let cases = all();
    assert!(cases.len() > 150, "only {} cases were found", cases.len());
    assert!(cases.iter().any(|case| case.expected.blocks == Some(true)));
    assert!(cases.iter().any(|case| case.log.contains("203.0.113.9") && case.expected.srcip.is_some()));
}
