//! Codes about lookup lists.

use super::entry::{Code, WARNING};

pub(super) const LISTS: &[Code] = &[
    Code::new("L001", WARNING, "Lookup list does not exist", "No rule with a look-up in it matches."),
    Code::new(
        "L002",
        WARNING,
        "Lookup list is not configured",
        "A rule names a list that no <list> in <rules> loads; the rule never matches.",
    ),
    Code::new(
        "L003",
        WARNING,
        "Key or value of a list is ambiguous",
        "A line with an IPv6 address can be split in two ways. Put the key in quotes.",
    ),
    Code::new(
        "L004",
        WARNING,
        "Key that is never found",
        "In the strict mode a key ends at its first colon, as in OSSEC, so that IPv6 addresses are not found.",
    ),
];
