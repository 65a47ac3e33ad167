//! The name that OSSEC's users know: every verb of systemctl does on a fresh installation what it does with hidsd.

use hids_tests::machine::Release;

use crate::packages::{install, lab, package, stock, systemctl};
use crate::support::{said, until};

#[test]
fn systemctl_works_with_the_name_ossec_hids() {
    let Some(deb) = package(".deb") else { return };
    let Some(lab) = lab() else { return };
    let Some(machine) = stock(&lab, Release::Debian12) else { return };
    install(&machine, &deb);
    let run = |arguments: &[&str]| {
        machine.output("systemctl", arguments).unwrap_or_else(|error| panic!("{error:#}\n{}", said(&machine)))
    };
    let states = || ["hidsd", "ossec-hids"].map(|unit| systemctl(&machine, &["is-active", unit]));
    let pid = || systemctl(&machine, &["show", "--property=MainPID", "--value", "hidsd"]);
    run(&["enable", "--quiet", "ossec-hids"]);
    assert_eq!(["hidsd", "ossec-hids"].map(|unit| systemctl(&machine, &["is-enabled", unit])), ["enabled"; 2]);
    run(&["start", "ossec-hids"]);
    assert_eq!(states(), ["active"; 2]);
    run(&["status", "--no-pager", "ossec-hids"]);
    let first = pid();
    run(&["restart", "ossec-hids"]);
    assert_eq!(states(), ["active"; 2]);
    assert_ne!(pid(), first, "the daemon was not restarted");
    run(&["reload", "ossec-hids"]);
    until(&machine, "the reload", || said(&machine).contains("configuration reloaded"));
    run(&["stop", "ossec-hids"]);
    // The stop of the one is what stops the other: systemctl waits for the first only.
    until(&machine, "the end of both", || states() == ["inactive"; 2]);
    run(&["disable", "--quiet", "ossec-hids"]);
    assert_eq!(systemctl(&machine, &["is-enabled", "hidsd"]), "disabled");
}
