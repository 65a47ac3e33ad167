//! Whether there is a guard at all, by the product's own report.

use hids_tests::require;
use hids_userspace::sensors::{self, Tier};

use crate::results;

#[test]
fn kernel_offers_a_guard_or_the_report_says_why_not() {
    if !require::root() {
        return;
    }
    let report = sensors::start().report();
    let tier = report.tiers.iter().find(|tier| tier.tier == Tier::Lsm).expect("a report on the guard");
    println!("{tier:?}");
    assert!(tier.available || !require::is_required("guest"), "a guest has it");
    if !tier.available {
        assert!(!tier.detail.is_empty(), "a reason");
        results::absent("Guard", "not offered");
    }
}
