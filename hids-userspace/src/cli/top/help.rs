//! The help: every key, and the command that does the same.

use std::fmt::Write as _;

use super::filter;

/// What moves and switches everywhere.
const EVERYWHERE: &[(&str, &str)] = &[
    ("1-7, Tab", "switch to another pane"),
    ("Up, Down, j, k", "select; PgUp, PgDn, Home, End: further"),
    ("/", "filter the list; an empty line shows everything"),
    ("r", "read again now"),
    ("Ctrl-L", "draw the screen again"),
    ("Ctrl-Z", "stop; fg continues"),
    ("q, Ctrl-C", "quit"),
];

/// The help's text.
pub(super) fn text() -> String {
    let mut out = String::from("Keys\n");
    let mut rows = |rows: &[(&str, &str)]| {
        for (key, what) in rows {
            let _ = writeln!(out, "  {key:<15} {what}");
        }
    };
    rows(EVERYWHERE);
    rows(&[("", ""), ("Pane, key", "Command that does the same")]);
    rows(&[
        ("1 Overview", "hidsctl status"),
        ("2 Alerts", "hidsctl alerts --follow"),
        ("   /", "hidsctl alerts --level 7 --ip ADDRESS --rule ID ..."),
        ("   Enter", "hidsctl alerts --full"),
        ("3 Blocks", "hidsctl blocks list"),
        ("   u", "hidsctl unblock ADDRESS"),
        ("   w, Enter", "hidsctl why ADDRESS"),
        ("   +", "hidsctl blocks add ADDRESS --timeout TIME"),
        ("   a", "hidsctl allow add ADDRESS"),
        ("4 Files", "hidsctl fim diff"),
        ("   Enter", "hidsctl fim why PATH"),
        ("   A", "hidsctl fim accept PATH"),
        ("5 Sources", "hidsctl status"),
        ("6 Rules", "hidsctl alerts top --by rule"),
        ("   Enter", "hidsctl rules show ID"),
        ("   t", "sort by the last hour or the last day"),
        ("   s", "hidsctl rules silence ID --reload"),
        ("7 Try", "hidsctl logtest"),
    ]);
    let _ = write!(out, "\nFilter of the alerts\n  {}\n", filter::WORDS);
    out.push_str("  Equal words: one has to match; different words and texts: all.\n");
    out
}
