//! Every pattern of the shipped ruleset compiles, and no line can make one slow.

use hids_core::pattern::Pattern;
use hids_core::xml::{self, Element};

use crate::files;

#[test]
fn no_pattern_needs_backtracking() {
    let mut slow = Vec::new();
    let mut seen = 0;
    for source in ["decoders", "rules"].into_iter().flat_map(files::sources) {
        let (elements, problems) = xml::parse(&source);
        assert!(problems.is_empty(), "{}", problems.iter().map(|problem| problem.render()).collect::<String>());
        for_each_pattern(&elements, &mut |text| {
            seen += 1;
            let pattern = Pattern::pcre2(text).unwrap_or_else(|error| panic!("{}: {text}: {error}", source.name));
            if pattern.backtracks() {
                slow.push(format!("{}: {text}", source.name));
            }
        });
    }
    assert!(seen > 300, "only {seen} patterns were found");
    assert!(slow.is_empty(), "these run in PCRE2:\n{}", slow.join("\n"));
}

fn for_each_pattern(elements: &[Element], visit: &mut impl FnMut(&str)) {
    for element in elements {
        if element.name.value == "pcre2" || element.name.value.ends_with("_pcre2") {
            visit(&element.text.value);
        }
        for_each_pattern(&element.children, visit);
    }
}
