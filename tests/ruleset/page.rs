//! `docs/ruleset.md` is made of the rules.

use hids_core::rules::{self, Catalogue};

use crate::files;

#[test]
fn the_page_is_what_the_rules_give() {
    let page = files::folder().join("../../docs/ruleset.md");
    let page = std::fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let (catalogue, _) = Catalogue::read(&files::sources("rules"));
    assert!(page == rules::page(&catalogue), "make it anew: cargo xtask docs");
}
