//! Every code of a diagnostic, once: what it means, and how it can be graded.
//!
//! A code never changes its meaning, and one that is given up is not used again. `cargo xtask tidy` refuses a
//! code that is used but not listed, or listed but not used.

mod config;
mod decoders;
mod entry;
mod lists;
mod patterns;
mod rule_tests;
mod rules;
mod stages;
mod xml;

use std::fmt::Write as _;

pub use entry::Code;

/// The kinds of codes: what they are about, their letter, and the codes.
const KINDS: [(&str, char, &[&[Code]]); 7] = [
    ("Configuration", 'C', &[config::CONFIG, stages::STAGES]),
    ("XML", 'X', &[xml::XML]),
    ("Patterns", 'P', &[patterns::PATTERNS]),
    ("Decoders", 'D', &[decoders::DECODERS]),
    ("Rules", 'R', &[rules::RULES]),
    ("Lookup lists", 'L', &[lists::LISTS]),
    ("Rule tests", 'T', &[rule_tests::TESTS]),
];

/// All codes, by kind and number.
pub fn all() -> impl Iterator<Item = &'static Code> {
    KINDS.iter().flat_map(|(_, _, lists)| lists.iter().copied().flatten())
}

/// The code of this name; letters of both cases are the same.
pub fn find(name: &str) -> Option<&'static Code> {
    all().find(|code| code.name.eq_ignore_ascii_case(name))
}

/// `docs/diagnostics.md`.
pub fn page() -> String {
    let mut page = String::from(
        "# Diagnostics\n\nEach problem in the configuration, in decoders, rules, lists and rule tests has a code that \
         does not change: `rules.xml:12:9: error[R030]: …`. An **error** keeps the file from being used, a \
         **warning** names what is accepted but not wholly acted upon, a **note** is worth knowing. \
         `hidsctl explain CODE` prints what stands here, and this page is the output of \
         `hidsctl explain --markdown`.\n",
    );
    for (title, _, lists) in KINDS {
        let _ = write!(page, "\n## {title}\n\n| Code | Severity | Meaning |\n| --- | --- | --- |\n");
        for code in lists.iter().copied().flatten() {
            let (summary, explanation) = (cell(code.summary), cell(code.explanation));
            let _ = writeln!(page, "| {} | {} | **{summary}.** {explanation} |", code.name, code.severity_text());
        }
    }
    page
}

/// Text in a cell of a Markdown table; `<` outside of code spans would begin an HTML tag.
pub fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    let mut in_code = false;
    for char in text.chars() {
        in_code ^= char == '`';
        match char {
            '|' => cell.push_str("\\|"),
            '<' | '>' | '*' | '_' | '[' | ']' if !in_code => cell.extend(['\\', char]),
            _ => cell.push(char),
        }
    }
    cell
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_stands_once_in_order_under_its_letter() {
        for (title, letter, lists) in KINDS {
            let names: Vec<&str> = lists.iter().copied().flatten().map(|code| code.name).collect();
            let is_name = |name: &&str| {
                name.len() == 4 && name.starts_with(letter) && name.bytes().skip(1).all(|byte| byte.is_ascii_digit())
            };
            assert!(names.iter().all(is_name) && names.is_sorted_by(|a, b| a < b), "{title}: {names:?}");
        }
    }

    #[test]
    fn each_code_is_explained_in_whole_sentences() {
        for code in all() {
            assert!(!code.severities.is_empty() && code.severities.is_sorted_by(|a, b| a > b), "{}", code.name);
            assert!(!code.summary.ends_with('.') && code.summary.len() <= 90, "{}", code.name);
            assert!(code.explanation.ends_with('.') && code.explanation.len() >= 10, "{}", code.name);
        }
    }

    #[test]
    fn a_code_is_found_whatever_its_case() {
        assert_eq!(find("r030").map(|code| code.name), Some("R030"));
        assert!(find("R999").is_none() && find("").is_none());
    }

    #[test]
    fn angle_brackets_and_bars_are_text_in_the_page() {
        assert_eq!(cell("<a> or `<b>|`"), "\\<a\\> or `<b>\\|`");
    }
}
