//! What the file sensor proved at the start, in a few lines of `hidsctl status`.

use std::fmt::Write as _;

use serde_json::Value;

use super::blocks::plain;
use super::output;

/// One line for each outcome, with the operations that had it.
pub(super) fn text(proven: &Value) -> String {
    let mut out = String::from("  self test:\n");
    let text = |name: &str| output::visible(plain(&proven[name]).as_bytes());
    let _ = writeln!(out, "    {:<22} {}, marks on {}", text("filesystem"), text("tier"), text("marks"));
    let none = Vec::new();
    let operations = proven["operations"].as_array().unwrap_or(&none);
    for (outcome, title) in [
        (Outcome::Everything, "what and who seen"),
        (Outcome::WhatOnly, "only what seen"),
        (Outcome::Nothing, "NOT seen"),
        (Outcome::Untried, "not possible here"),
    ] {
        let names = operations.iter().filter(|tested| Outcome::of(&tested["saw"]) == outcome).map(|tested| {
            let name = output::visible(plain(&tested["operation"]).as_bytes());
            match (&tested["saw"]["detail"], outcome) {
                (Value::String(detail), Outcome::Nothing | Outcome::Untried) => {
                    format!("{name} ({})", output::visible(detail.as_bytes()))
                }
                _ => name.to_string(),
            }
        });
        let names: Vec<String> = names.collect();
        if !names.is_empty() {
            let _ = writeln!(out, "    {title:<22} {}", names.join(" "));
        }
    }
    out
}

/// What became of one operation.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Everything,
    WhatOnly,
    Nothing,
    Untried,
}

impl Outcome {
    fn of(saw: &Value) -> Self {
        match (saw["tried"] == true, saw["what"] == true, saw["who"] == true) {
            (false, ..) => Self::Untried,
            (_, false, _) => Self::Nothing,
            (_, _, false) => Self::WhatOnly,
            _ => Self::Everything,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn operations_stand_together_by_outcome() {
        let tested = |operation: &str, tried: bool, what: bool, who: bool| json!({ "operation": operation, "saw": { "tried": tried, "what": what, "who": who, "detail": "why\n" } });
        let proven = json!({
            "tier": "fanotify", "marks": "filesystem", "filesystem": "ext4",
            "operations": [
                tested("create", true, true, true), tested("write", true, true, true),
                tested("chmod", true, true, false), tested("unlink", true, false, false),
                tested("ring-write", false, false, false),
            ],
        });
        let expected = "  self test:
    ext4                   fanotify, marks on filesystem
    what and who seen      create write
    only what seen         chmod
    NOT seen               unlink (why\\x0a)
    not possible here      ring-write (why\\x0a)
";
        assert_eq!(text(&proven), expected);
    }
}
