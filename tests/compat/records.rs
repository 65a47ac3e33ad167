//! Reading the JSON Lines files of the reference data.

use std::path::Path;

use hids_tests::require;
use serde_json::Value;

/// The records of `file`, a path below the shared directory; `None` (said so) where it is absent.
pub(crate) fn read(file: &str) -> Option<Vec<Value>> {
    let directory = require::shared()?;
    Some(parse(&directory.join(file)))
}

fn parse(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("cannot read {}: {error}", path.display()));
    text.lines().map(|line| serde_json::from_str(line).expect("a record is JSON")).collect()
}

/// The text of a string member.
pub(crate) fn text<'a>(record: &'a Value, member: &str) -> Option<&'a str> {
    record.get(member)?.as_str()
}

/// The bytes of `member`, or of `member_hex`.
pub(crate) fn bytes(record: &Value, member: &str) -> Vec<u8> {
    match text(record, &format!("{member}_hex")) {
        Some(hex) => from_hex(hex),
        None => text(record, member).unwrap_or_default().as_bytes().to_vec(),
    }
}

/// Bytes written in hexadecimal.
pub(crate) fn from_hex(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a hexadecimal digit");
    hex.as_bytes().chunks_exact(2).map(|pair| (digit(pair[0]) * 16 + digit(pair[1])) as u8).collect()
}

/// Fails with the first differences when there are any, and says the score.
pub(crate) fn judge(what: &str, total: usize, differences: &[String]) {
    println!("{what}: {} of {total} equal", total - differences.len());
    let shown: Vec<&String> = differences.iter().take(20).collect();
    assert!(differences.is_empty(), "{what}: {} of {total} differ, first: {shown:#?}", differences.len());
}
