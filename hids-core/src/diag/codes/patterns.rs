//! Codes about patterns.

use super::entry::{Code, ERROR, WARNING};

pub(super) const PATTERNS: &[Code] = &[
    Code::new(
        "P001",
        ERROR,
        "Invalid pattern",
        "The pattern cannot be compiled in the dialect of its element, or is longer than allowed. The message says \
         where it goes wrong.",
    ),
    Code::new(
        "P010",
        WARNING,
        "Nothing can match this pattern",
        "`^` is always the start and `$` always the end of the text in OSSEC's dialects, also in the middle of a \
         pattern.",
    ),
    Code::new(
        "P011",
        WARNING,
        "Part of a pattern that nothing can match",
        "One of the alternatives has an anchor where no text can have it.",
    ),
    Code::new(
        "P012",
        WARNING,
        "Pattern wants a control byte",
        "In the strict mode tabs and other control bytes are removed from every line before patterns see it, as \
         OSSEC does.",
    ),
    Code::new(
        "P013",
        WARNING,
        "Pattern with a back-reference",
        "Its time grows with the square of the line. A line made for it uses up the allowed steps and then counts as \
         not matching, so that an attacker can hide from the rule.",
    ),
    Code::new(
        "P014",
        WARNING,
        "Characters that stand for themselves here",
        "`*`, `.` or a class of another dialect has no special meaning in this one. Use the element for the dialect \
         that you mean, or its _pcre2 form.",
    ),
    Code::new(
        "P015",
        WARNING,
        "Pattern with a line break",
        "Only events of several lines have one. Write the pattern with its end tag on one line.",
    ),
    Code::new(
        "P016",
        WARNING,
        "Pattern that only PCRE2 understands",
        "Recursion, conditions, verbs and callouts run in PCRE2 with few steps and only on lines of up to 6 KiB, \
         because nothing else bounds their time.",
    ),
];
