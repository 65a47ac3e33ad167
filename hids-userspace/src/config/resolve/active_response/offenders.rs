//! `<repeated_offenders>`: longer blocks for those who come back.

use std::time::Duration;

use super::Context;
use crate::config::known::SectionKind::ActiveResponse;
use crate::config::value::{digits, span_of};

/// Most steps (OSSEC `src/os_execd/config.c`).
const STEP_LIMIT: usize = 5;
/// Longest step: a year.
const LONGEST_MINUTES: u64 = 525_600;

/// Block times of the second, third … offence. Only the first such element of the file counts.
pub(super) fn resolve(context: &mut Context<'_>) -> Vec<Duration> {
    let raw = context.raw;
    let mut elements = raw.all(ActiveResponse, "repeated_offenders");
    let Some(element) = elements.next() else { return Vec::new() };
    for later in elements {
        let (line, _) = element.name.span.file.line_column(element.name.span.start);
        let message =
            format!("`<repeated_offenders>` of line {line} applies to all responses; this one is ignored, as in OSSEC");
        context.problems.warning("C091", &later.name.span, message, "remove it");
    }
    let mut steps = Vec::new();
    let mut ended = false;
    for part in super::super::items(&element.text.value) {
        let span = span_of(element, part);
        match digits(part) {
            Some(0) => {
                context.problems.warning("C091", &span, "a 0 ends the list, as in OSSEC", "remove it and what follows");
                ended = true;
            }
            Some(minutes) if minutes <= LONGEST_MINUTES => {
                if !ended {
                    steps.push(Duration::from_secs(minutes * 60));
                }
            }
            _ => {
                let message = format!(
                    "`<repeated_offenders>` must be minutes up to {LONGEST_MINUTES}, found \
                     \"{part}\""
                );
                context.problems.error("C091", &span, message, "use comma-separated numbers, for example 30,60,120");
            }
        }
    }
    if steps.len() > STEP_LIMIT {
        let message = format!("only the first {STEP_LIMIT} values are used, as in OSSEC");
        context.problems.warning("C091", &element.text.span, message, "");
        steps.truncate(STEP_LIMIT);
    }
    steps
}
