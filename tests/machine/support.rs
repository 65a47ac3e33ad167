//! A machine between an attacker and a friend.

use std::time::Duration;

use hids_tests::lab::{ATTACKER, FRIEND, SERVER_INSIDE, SERVER_OUTSIDE};
use hids_tests::machine::{self, Machine};
use hids_tests::{Host, Lab, attack, nft, require, wait};
use serde_json::Value;

/// The set of blocked addresses.
const SET: &str = "blocked4";

/// A lab whose server can be a machine, and whose friend is the gateway, which no alert may block; otherwise says that
/// the test is skipped.
pub(crate) fn lab() -> Option<Lab> {
    if !machine::is_possible() || !require::programs("machine", &["ssh", "sshpass", "python3"]) {
        return None;
    }
    let lab = Lab::new().expect("a lab");
    let route = ["route", "add", "default", "via", FRIEND];
    let added = lab.server.network_command("ip").args(route).status();
    assert!(added.is_ok_and(|status| status.success()), "a default route");
    Some(lab)
}

/// Enables and starts the unit; it is active when blocks are back and logs are followed.
pub(crate) fn start(machine: &Machine<'_>) {
    let started = machine.output("systemctl", ["enable", "--now", "--quiet", "hidsd"]);
    started.unwrap_or_else(|error| panic!("{error:#}\n{}", said(machine)));
}

/// What the daemon said.
pub(crate) fn said(machine: &Machine<'_>) -> String {
    let journal = machine.output("journalctl", ["--quiet", "--no-pager", "--output=cat", "--unit=hidsd"]);
    journal.unwrap_or_else(|error| format!("{error:#}"))
}

/// Waits for a condition; says what the daemon said if it is not met.
pub(crate) fn until(machine: &Machine<'_>, what: &str, condition: impl FnMut() -> bool) {
    wait::until(what, wait::PATIENCE, condition).unwrap_or_else(|error| {
        panic!("{error:#}; the alerts:\n{}\nhidsd said:\n{}", short(&machine.alerts()), said(machine))
    });
}

/// One line for each alert.
pub(crate) fn short(alerts: &[Value]) -> String {
    let line = |alert: &Value| format!("{} {} {}\n", alert["rule"]["sidid"], alert["srcip"], alert["full_log"]);
    alerts.iter().map(line).collect()
}

/// The addresses that the packet filter drops.
pub(crate) fn blocked(machine: &Machine<'_>) -> Vec<String> {
    nft::elements(machine.host(), SET).into_iter().map(|element| element.address).collect()
}

/// The alerts of a rule about an address.
pub(crate) fn alerts_of(machine: &Machine<'_>, rule: u64, address: &str) -> Vec<Value> {
    let alerts = machine.alerts().into_iter();
    alerts.filter(|alert| alert["rule"]["sidid"] == rule && alert["srcip"] == address).collect()
}

/// Wrong passwords for root from both sides of the machine, until there is an alert about many of each side. First from
/// the side that is never blocked: the connections of a blocked one stay with sshd until its `LoginGraceTime` is over,
/// and it refuses others meanwhile (`MaxStartups`).
pub(crate) fn guess_from_both_sides(lab: &Lab, machine: &Machine<'_>) {
    for (from, address, server) in [(&lab.friend, FRIEND, SERVER_INSIDE), (&lab.attacker, ATTACKER, SERVER_OUTSIDE)] {
        guess(machine, from, address, server);
    }
}

/// Wrong passwords for root, side by side, until there is an alert about many; more than one round is needed when the
/// server does not answer in time. OpenSSH 10 then refuses further guesses for up to 15 s for each failed one.
pub(crate) fn guess(machine: &Machine<'_>, from: &Host, address: &str, server: &str) {
    let is_seen = || !alerts_of(machine, 5720, address).is_empty();
    let mut guesses = || {
        attack::guess_passwords(from, server, "root", 8).expect("guesses");
        wait::until("an alert about many guesses", Duration::from_secs(3), is_seen).is_ok()
    };
    wait::until("the alert about many guesses", 6 * wait::PATIENCE, &mut guesses)
        .unwrap_or_else(|error| panic!("{error:#}; the alerts:\n{}\n{}", short(&machine.alerts()), said(machine)));
}
