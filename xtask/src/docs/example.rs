//! JSON for people to read: what fits on a line stands on one.

use serde_json::Value;

const WIDTH: usize = 110;

/// The lines of a value.
pub(super) fn lines(value: &Value) -> String {
    let mut out = String::new();
    write(&mut out, value, 0, 0);
    out
}

/// `used`: columns before the value on its line.
fn write(out: &mut String, value: &Value, indent: usize, used: usize) {
    let short = on_one_line(value);
    let is_empty = matches!(value, Value::Array(list) if list.is_empty());
    if used + short.chars().count() <= WIDTH || is_empty {
        out.push_str(&short);
        return;
    }
    let inner = "  ".repeat(indent + 1);
    match value {
        Value::Object(map) => {
            out.push('{');
            for (at, (name, value)) in map.iter().enumerate() {
                out.push_str(if at == 0 { "\n" } else { ",\n" });
                let key = format!("{inner}{}: ", Value::from(name.as_str()));
                out.push_str(&key);
                write(out, value, indent + 1, key.chars().count());
            }
            out.push_str(&format!("\n{}}}", "  ".repeat(indent)));
        }
        Value::Array(list) => {
            out.push('[');
            for (at, value) in list.iter().enumerate() {
                out.push_str(if at == 0 { "\n" } else { ",\n" });
                out.push_str(&inner);
                write(out, value, indent + 1, inner.len());
            }
            out.push_str(&format!("\n{}]", "  ".repeat(indent)));
        }
        _ => out.push_str(&short),
    }
}

fn on_one_line(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let parts =
                map.iter().map(|(name, value)| format!("{}: {}", Value::from(name.as_str()), on_one_line(value)));
            let parts = parts.collect::<Vec<_>>().join(", ");
            if parts.is_empty() { "{}".to_owned() } else { format!("{{ {parts} }}") }
        }
        Value::Array(list) => format!("[{}]", list.iter().map(on_one_line).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_long_is_broken() {
        let text = "x".repeat(60);
        let value = json!({ "short": { "a": [1, 2], "b": {} }, "long": [text, text] });
        let expected = format!(
            "{{\n  \"short\": {{ \"a\": [1, 2], \"b\": {{}} }},\n  \"long\": [\n    \"{text}\",\n    \"{text}\"\n  ]\n}}"
        );
        assert_eq!(lines(&value), expected);
        assert_eq!(serde_json::from_str::<Value>(&lines(&value)).expect("JSON"), value);
    }
}
