//! Result of the file sensor's self-test, in a few lines of `hidsctl status`.

use std::fmt::Write as _;

use serde_json::Value;

use super::blocks::plain;
use super::output;
use crate::sensors::selftest::OperationUnderTest;

/// One line for each outcome, with the operations that had it.
pub(super) fn text(proven: &Value) -> String {
    let mut out = String::from("  self test:\n");
    let text = |name: &str| output::visible(plain(&proven[name]).as_bytes());
    let _ = writeln!(out, "    {:<22} {}, marks on {}", text("filesystem"), text("tier"), text("marks"));
    let none = Vec::new();
    let operations = proven["operations"].as_array().unwrap_or(&none);
    for (outcome, title) in [
        (Outcome::Everything, "detected with process"),
        (Outcome::WhatOnly, "detected"),
        (Outcome::Nothing, "not detected"),
        (Outcome::Untried, "not applicable"),
    ] {
        let names = operations.iter().filter(|tested| Outcome::of(&tested["result"]) == outcome).map(|tested| {
            let name = output::visible(plain(&tested["operation"]).as_bytes());
            if matches!(outcome, Outcome::Everything | Outcome::WhatOnly) {
                return name;
            }
            let name = OperationUnderTest::named(&name).map_or(name, |operation| operation.describe().to_owned());
            match &tested["result"]["detail"] {
                Value::String(detail) => format!("{name} ({})", output::visible(detail.as_bytes())),
                _ => name,
            }
        });
        let names: Vec<String> = names.collect();
        let separator = if matches!(outcome, Outcome::Everything | Outcome::WhatOnly) { " " } else { ", " };
        if !names.is_empty() {
            let _ = writeln!(out, "    {title:<22} {}", names.join(separator));
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
        match (saw["tested"] == true, saw["what"] == true, saw["who"] == true) {
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
        let tested = |operation: &str, tried: bool, what: bool, who: bool| json!({ "operation": operation, "result": { "tested": tried, "what": what, "who": who, "detail": "why\n" } });
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
    detected with process  create write
    detected               chmod
    not detected           file deletion (why\\n)
    not applicable         writes through io_uring (why\\n)
";
        assert_eq!(text(&proven), expected);
    }
}
