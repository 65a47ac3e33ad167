//! Every observed answer of the pre-decoder.

use hids_core::predecode::{Headers, predecode};

use crate::records;

#[test]
fn strict_predecoding_answers_as_ossec_did() {
    let Some(vectors) = records::read("reference/predecode_vectors.jsonl") else { return };
    let mut differences = Vec::new();
    for record in &vectors {
        let line = records::bytes(record, "line");
        let found = predecode(&line, Headers::StrictOssec);
        let expected = |member| records::text(record, member).map(str::as_bytes);
        if (found.hostname, found.program_name, Some(found.log))
            != (expected("hostname"), expected("program_name"), expected("log"))
        {
            differences.push(format!("{record} but {found:?}"));
        }
    }
    records::judge("pre-decoding vectors", vectors.len(), &differences);
}
