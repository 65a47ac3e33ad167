//! Every observed answer of the pattern dialects.

use hids_core::pattern::{Captures, Dialect, Pattern, Subject};
use serde_json::Value;

use crate::records;

#[test]
fn strict_patterns_answer_as_ossec_did() {
    for file in ["reference/os_regex_vectors.jsonl", "reference/pcre2_wordmatch_vectors.jsonl"] {
        let Some(vectors) = records::read(file) else { return };
        let differences: Vec<String> =
            vectors.iter().filter_map(|record| difference(record, Subject::StrictUtf8)).collect();
        records::judge(file, vectors.len(), &differences);
    }
}

#[test]
fn default_patterns_differ_only_where_ossec_reads_characters() {
    let Some(vectors) = records::read("reference/os_regex_vectors.jsonl") else { return };
    let pure = |record: &&Value| records::bytes(record, "input").is_ascii();
    let vectors: Vec<&Value> = vectors.iter().filter(pure).collect();
    let differences: Vec<String> = vectors.iter().filter_map(|record| difference(record, Subject::Bytes)).collect();
    records::judge("os_regex vectors in ASCII, default mode", vectors.len(), &differences);
}

fn difference(record: &Value, subject: Subject) -> Option<String> {
    let dialect = match records::text(record, "dialect")? {
        "os_regex" => Dialect::OsRegex,
        "os_match" => Dialect::OsMatch,
        "pcre2" => Dialect::Pcre2,
        _ => Dialect::Word,
    };
    let refused = record.get("compile_error").is_some();
    let Ok(pattern) = Pattern::with_subject(dialect, records::text(record, "pattern")?, subject) else {
        return (!refused).then(|| format!("refused: {record}"));
    };
    if refused {
        return Some(format!("accepted: {record}"));
    }
    let input = records::bytes(record, "input");
    let mut captures = Captures::default();
    let end = pattern.captures(&input, &mut captures);
    let groups: Vec<&[u8]> = captures.spans().iter().map(|span| &input[span.clone()]).collect();
    let expected_groups: Vec<&[u8]> = match &record["groups"] {
        Value::Array(groups) => groups.iter().filter_map(Value::as_str).map(str::as_bytes).collect(),
        _ => Vec::new(),
    };
    let expected_end = record.get("end").and_then(Value::as_u64).map(|end| end as usize);
    let same = end.is_some() == record["match"].as_bool()?
        && pattern.is_match(&input) == end.is_some()
        && (expected_end.is_none() || expected_end == end)
        && groups == expected_groups;
    (!same).then(|| format!("{record} but end {end:?}, groups {groups:?}"))
}
