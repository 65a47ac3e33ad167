//! Codes of diagnostics: each is in the registry, and what is in the registry is used.

use std::collections::BTreeSet;

use super::source::Source;
use super::{Finding, Weight};

/// The registry: `codes.rs` and the files of its folder.
const REGISTRY: &str = "hids-core/src/diag/codes";

/// Checks all literals of product code that have the form of a code.
pub(super) fn check(sources: &[Source], findings: &mut Vec<Finding>) {
    let is_product = |source: &&Source| {
        source.is_rust()
            && (source.name.starts_with("hids-core/src/") || source.name.starts_with("hids-userspace/src/"))
    };
    let (registry, users): (Vec<_>, Vec<_>) =
        sources.iter().filter(is_product).partition(|source| source.name.starts_with(REGISTRY));
    if registry.is_empty() {
        return;
    }
    let listed: BTreeSet<&str> = registry.iter().flat_map(|source| codes(source)).map(|(_, code)| code).collect();
    let mut used = BTreeSet::new();
    for source in users {
        for (line, code) in codes(source) {
            used.insert(code);
            if !listed.contains(code) {
                let text = format!("{code} is not in {REGISTRY}");
                findings.push(Finding::new(Weight::Error, "codes", source, line, text));
            }
        }
    }
    for source in registry {
        for (line, code) in codes(source).filter(|(_, code)| !used.contains(code)) {
            let text = format!("{code} is listed, but nothing uses it");
            findings.push(Finding::new(Weight::Error, "codes", source, line, text));
        }
    }
}

/// Every string literal of one capital letter and three digits.
fn codes(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source.product_lines().flat_map(|(number, line)| {
        line.split('"').skip(1).step_by(2).filter(|text| is_code(text)).map(move |text| (number, text))
    })
}

fn is_code(text: &str) -> bool {
    let (letter, digits) = text.split_at_checked(1).unwrap_or_default();
    letter.bytes().all(|byte| byte.is_ascii_uppercase())
        && digits.len() == 3
        && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_that_are_not_listed_or_not_used_are_found() {
        let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
        let sources = [
            source("hids-core/src/diag/codes/rules.rs", "Code::new(\n    \"R001\",\n    \"R002\",\n"),
            source("hids-core/src/rules/parse.rs", "error(\"R001\", \"not R003\");\n\nerror(\"R004\");\n"),
            source("hids-core/src/rules/tests.rs", "error(\"R009\");\n"),
        ];
        let mut found = Vec::new();
        check(&sources, &mut found);
        let places: Vec<&str> = found.iter().map(|finding| finding.place.as_str()).collect();
        assert_eq!(places, ["hids-core/src/rules/parse.rs:3", "hids-core/src/diag/codes/rules.rs:3"]);
    }
}
