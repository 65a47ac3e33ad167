//! os_match: literals, alternatives and anchors; no escapes.

use std::fmt::Write as _;

use super::anchored::Anchored;
use super::automaton::Automaton;
use super::os_regex::push_literal;
use super::{PatternError, Program, Subject};

pub(super) fn compile(text: &str, subject: Subject) -> Result<Program, PatternError> {
    subject.check_length(text)?;
    if text.is_empty() {
        return Ok(Program::Always);
    }
    if let Some(anchored) = Anchored::parse(text, |byte| !b"^$|".contains(&byte)) {
        return Ok(Program::Anchored(anchored));
    }
    let (mut bytes, mut characters) = (String::new(), String::new());
    for char in text.chars() {
        let piece = match char {
            '^' => "\\A",
            // OSSEC passes this form to PCRE2, whose `$` takes a final newline.
            '$' => "(?:\\n?\\z)",
            '|' => "|",
            _ => {
                push_literal(&mut bytes, char);
                let _ = write!(characters, "\\x{{{:x}}}", u32::from(char));
                continue;
            }
        };
        bytes.push_str(piece);
        characters.push_str(piece);
    }
    Ok(Program::Automaton(Box::new(Automaton::for_subject(&bytes, characters, subject)?)))
}
