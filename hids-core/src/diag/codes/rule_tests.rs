//! Codes about tests of rules.

use super::entry::{Code, ERROR, WARNING};

pub(super) const TESTS: &[Code] = &[
    Code::new("T001", ERROR, "Section without ]", "A section of a rule test has the form [name]."),
    Code::new(
        "T002",
        ERROR,
        "Line of a rule test that cannot be read",
        "Lines are a [section], key = value, an indented continuation, or a comment.",
    ),
    Code::new("T003", ERROR, "Key before the first section", "Keys belong to a [section]."),
    Code::new(
        "T004",
        ERROR,
        "Unknown key in a rule test",
        "Keys are rule, alert, decoder and the log lines, among others; the help line names a similar one.",
    ),
    Code::new("T005", WARNING, "Key given twice in a rule test", "The last one counts."),
    Code::new("T006", ERROR, "Value of a rule test cannot be used", "The message says what is wanted."),
    Code::new("T007", WARNING, "Rule test without a log line", "It tests nothing."),
    Code::new("T008", ERROR, "Rule test that expects nothing", "Add rule, alert or decoder."),
];
