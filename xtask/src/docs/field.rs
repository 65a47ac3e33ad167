//! The fields of a schema as rows of a table.

use serde_json::Value;

/// `| Field | Type | Meaning |`, a row for each field of the value, those of its parts behind them.
pub(super) fn table(schema: &Value) -> String {
    let mut rows = String::new();
    below("", schema, &mut rows);
    if rows.is_empty() { rows } else { format!("| Field | Type | Meaning |\n| --- | --- | --- |\n{rows}") }
}

fn below(place: &str, schema: &Value, rows: &mut String) {
    let dotted = if place.is_empty() { String::new() } else { format!("{place}.") };
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let is_required =
            schema["required"].as_array().is_some_and(|names| names.iter().any(|one| one == name.as_str()));
        row(&format!("{dotted}{name}"), field, is_required, rows);
    }
    if schema["properties"].is_object() && schema["additionalProperties"].is_object() {
        row(&format!("{dotted}*"), &schema["additionalProperties"], false, rows);
    }
    if schema["items"].is_object() {
        let items = &schema["items"];
        if place.is_empty() && !items["$ref"].is_null() {
            row("[]", items, true, rows);
        }
        below(&format!("{place}[]"), items, rows);
    }
}

fn row(place: &str, field: &Value, is_required: bool, rows: &mut String) {
    let optional = if is_required { "" } else { ", optional" };
    let meaning = field["description"].as_str().unwrap_or_default().replace('|', "\\|");
    rows.push_str(&format!("| `{place}` | {}{optional} | {meaning} |\n", type_of(field)));
    below(place, field, rows);
}

/// `integer or null`, ``string (`a`, `b`)``, `array of [rule](#rule)`.
fn type_of(field: &Value) -> String {
    if let Some(part) = field["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
        return format!("[{part}](#{part})");
    }
    if let Some(choices) = field["anyOf"].as_array() {
        return choices.iter().map(type_of).collect::<Vec<_>>().join(" or ");
    }
    let words: Vec<&str> = match &field["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let one = |word: &&str| match *word {
        "array" => format!("array of {}", type_of(&field["items"])),
        "object" if !field["properties"].is_object() && field["additionalProperties"].is_object() => {
            format!("object of {}", type_of(&field["additionalProperties"]))
        }
        "string" => match values(field) {
            values if values.is_empty() => "string".to_owned(),
            values => format!("string ({values})"),
        },
        other => other.to_owned(),
    };
    words.iter().map(one).collect::<Vec<_>>().join(" or ")
}

fn values(field: &Value) -> String {
    let values = field["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
    values.map(|value| format!("`{value}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_stand_behind_their_field_with_its_name() {
        let word = json!({ "type": ["string", "null"], "enum": ["a", "b", null], "description": "A | B." });
        let list = json!({ "type": "array", "description": "L.", "items": {
            "type": "object", "properties": { "word": word }, "required": ["word"],
        } });
        let time = json!({ "anyOf": [{ "$ref": "#/$defs/time" }, { "type": "null" }], "description": "T." });
        let schema = json!({ "properties": { "list": list, "time": time }, "required": ["list"] });
        assert_eq!(
            table(&schema),
            "| Field | Type | Meaning |\n| --- | --- | --- |\n| `list` | array of object | L. |\n\
             | `list[].word` | string (`a`, `b`) or null | A \\| B. |\n\
             | `time` | [time](#time) or null, optional | T. |\n"
        );
    }
}
