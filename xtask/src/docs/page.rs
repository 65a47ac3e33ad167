//! docs/json.md: promises, a section for each schema, the parts that they share.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use super::{SUFFIX, example, field};

const HEAD: &str = "\
# JSON output

<!-- Made by `cargo xtask docs` from docs/schema/. -->

`hidsctl --json` is an interface for programs. Each form of output has a JSON Schema (draft 2020-12) in `docs/schema/`, \
installed in `/usr/share/hids/schema/`; a test holds what every command prints against its schema.

## What programs can rely on

- **Names, types and meanings of the fields below stay** within a major version. A field without *optional* is always \
present. A field that is *optional* is absent in the cases that its description names.
- **Further fields, further values of a string with a list of values, and further kinds of messages may be added** at \
any time: ignore what you do not know. The schemas therefore allow further fields.
- **Texts for people may change**: fields that are described as such, `message`, `help`, `reason`, `remedy` and `text`.
- **One document or one object per line** on standard output, UTF-8. Each section says which. Control characters and \
characters that change the direction of text are escaped.
- **Errors, warnings and notes** go to standard error, one object per line, as [messages](#messages). Standard output \
is empty if a command could not answer.
- **Times** are in RFC 3339 with milliseconds and offset. Only records of alerts keep the forms of OSSEC \
([alerts](#alerts), [file_notice](#file_notice)). Spans are numbers of seconds, sizes numbers of bytes, unless the name \
ends otherwise (`_ms`).
- **Keys** are in lower case with underscores, except those of OSSEC in records of alerts.
- **Exit statuses**: 0 success, 1 negative result, 2 usage error, 3 hidsd is not running, 4 failure, 5 success, but \
some changes require a restart. Sections name those that have a particular meaning; [fim check](#fim-check) has the \
numbers of AIDE.

`hidsctl completions` prints a script and `hidsctl top` needs a terminal: neither has JSON output. `hidsctl status --check --json` prints the document of \
[status](#status) and exits as monitoring plugins do.
";

/// The whole page.
pub(super) fn page(schemas: &BTreeMap<String, Value>) -> String {
    let mut out = String::from(HEAD);
    out.push_str("\n## Commands\n\n| Command | Output |\n| --- | --- |\n");
    for (name, schema) in schemas {
        let (command, title) = (text(&schema["x-hidsctl"]["example"]), text(&schema["title"]));
        let _ = writeln!(out, "| `{command}` | [{title}](#{name}) |");
    }
    schemas.iter().for_each(|(name, schema)| out.push_str(&section(name, schema)));
    out.push_str("\n## Parts\n\nObjects and strings of the same form in several documents.\n");
    for (name, part) in parts(schemas) {
        let _ = write!(out, "\n### {name}\n\n{}\n", text(&part["description"]));
        let table = field::table(part);
        if !table.is_empty() {
            let _ = write!(out, "\n{table}");
        }
    }
    out
}

fn section(name: &str, schema: &Value) -> String {
    let facts = &schema["x-hidsctl"];
    let form = if facts["output"] == "lines" { "One object per line" } else { "One document" };
    let mut out = format!("\n### {name}\n\n{}: `{}`\n\n", text(&schema["title"]), text(&facts["example"]));
    let description = text(&schema["description"]);
    let blank = if description.is_empty() { "" } else { " " };
    let _ = writeln!(out, "{form}; schema [{name}{SUFFIX}](schema/{name}{SUFFIX}).{blank}{description}");
    let exits: Vec<String> = facts["exit_status"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, meaning)| format!("{status} {}", text(meaning)))
        .collect();
    if !exits.is_empty() {
        let _ = writeln!(out, "\nExit status: {}.", exits.join("; "));
    }
    match schema["anyOf"].as_array() {
        None => _ = write!(out, "\n{}", field::table(schema)),
        Some(forms) => forms.iter().for_each(|form| {
            let table = match form["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
                Some(part) => format!("As [{part}](#{part}).\n"),
                None => field::table(form),
            };
            let _ = write!(out, "\n{}\n\n{table}", text(&form["description"]));
        }),
    }
    for one in schema["examples"].as_array().into_iter().flatten() {
        let _ = write!(out, "\n```json\n{}\n```\n", example::lines(one));
    }
    out
}

fn parts(schemas: &BTreeMap<String, Value>) -> BTreeMap<&str, &Value> {
    let parts = schemas.values().filter_map(|schema| schema["$defs"].as_object());
    parts.flatten().map(|(name, part)| (name.as_str(), part)).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
