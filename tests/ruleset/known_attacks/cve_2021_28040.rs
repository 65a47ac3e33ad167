//! CVE-2021-28040: OSSEC's XML reader called itself once for each element around an element.

use hids_core::diag::{SourceFile, has_errors};
use hids_core::xml;

#[test]
fn elements_inside_of_one_another_do_not_end_the_program() {
    let depth = 500_000;
    let file = SourceFile::new("deep.xml", "<a>".repeat(depth) + &"</a>".repeat(depth));
    let (elements, diagnostics) = xml::parse(&file);
    drop(elements);
    assert!(has_errors(&diagnostics), "{depth} levels are accepted");
}
