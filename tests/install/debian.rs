//! A stock Debian 12: what an administrator does with the package, and what a reboot does.

use std::time::{Duration, Instant};

use hids_tests::lab::{ATTACKER, FRIEND, SERVER_INSIDE, SERVER_OUTSIDE};
use hids_tests::machine::{Machine, Release};
use hids_tests::nft;

use crate::life;
use crate::packages::{install, lab, package, stock, systemctl};
use crate::support::{blocked, guess, said, start, until};

#[test]
fn debian_12_from_the_installation_to_the_purge() {
    life::from_installation_to_purge(Release::Debian12);
}

#[test]
fn a_reboot_brings_the_block_back_for_its_remaining_time_and_reads_no_line_twice() {
    let Some(deb) = package(".deb") else { return };
    let Some(lab) = lab() else { return };
    let Some(mut machine) = stock(&lab, Release::Debian12) else { return };
    install(&machine, &deb);
    start(&machine);
    guess(&machine, &lab.attacker, ATTACKER, SERVER_OUTSIDE);
    until(&machine, "the block", || blocked(&machine) == [ATTACKER]);
    let is_guess = |line: &str| line.contains("Failed password for root") && line.contains(ATTACKER);
    let written = |machine: &Machine<'_>| {
        machine.journal(&["sshd"]).expect("the journal").iter().filter(|line| is_guess(line)).count()
    };
    let alerted = |machine: &Machine<'_>| {
        machine.alerts().iter().filter(|alert| alert["full_log"].as_str().is_some_and(is_guess)).count()
    };
    until(&machine, "an alert about the last line", || alerted(&machine) > 0 && alerted(&machine) == written(&machine));
    let alerts = alerted(&machine);
    let before = remaining(&machine).expect("a block that ends");
    let boot =
        |machine: &Machine<'_>| machine.output("cat", ["/proc/sys/kernel/random/boot_id"]).expect("a boot's name");
    let (first_boot, shut_down) = (boot(&machine), Instant::now());

    machine.power_off().expect("it shuts down");
    // The network is the lab's, and so is its filter: a real one is gone with the kernel.
    machine.host().output("nft", ["flush", "ruleset"]).expect("an empty filter");
    assert_eq!(blocked(&machine), [""; 0]);
    machine.boot_again().expect("it boots");
    assert_ne!(boot(&machine), first_boot);
    assert_eq!(systemctl(&machine, &["is-active", "hidsd"]), "active", "{}", said(&machine));

    let after = remaining(&machine).unwrap_or_else(|| panic!("the block is not back: {}", said(&machine)));
    let passed = shut_down.elapsed();
    // Seconds, each rounded.
    let slack = Duration::from_secs(2);
    assert!(after <= before && after + passed + slack >= before, "{before:?}, {passed:?} later {after:?}");
    // What comes now is read, and what was read before is not.
    guess(&machine, &lab.friend, FRIEND, SERVER_INSIDE);
    assert_eq!(alerted(&machine), alerts, "lines were read again");
    assert_eq!(blocked(&machine), [ATTACKER]);
    network_comes_right_after_it(&machine);
}

/// How long the kernel still drops what the attacker sends.
fn remaining(machine: &Machine<'_>) -> Option<Duration> {
    nft::find(machine.host(), "blocked4", ATTACKER)?.expires
}

/// Blocks are back before the network lets anyone in, and nothing of the network is waited for.
fn network_comes_right_after_it(machine: &Machine<'_>) {
    let show = |unit: &str, property: &str| systemctl(machine, &["show", "--value", "--property", property, unit]);
    let time = |unit: &str, property: &str| {
        let text = show(unit, property);
        text.parse::<u64>().unwrap_or_else(|_| panic!("{property} of {unit} is {text}"))
    };
    let after = show("hidsd.service", "After");
    assert!(!after.contains("network.target") && !after.contains("network-online.target"), "{after}");
    let ready = time("hidsd.service", "ActiveEnterTimestampMonotonic");
    let network = time("network-pre.target", "ActiveEnterTimestampMonotonic");
    assert!(ready > 0 && ready <= network, "ready at {ready}, network at {network}");
    let chain = machine.output("systemd-analyze", ["critical-chain", "--no-pager", "network-pre.target"]);
    println!("{}", chain.expect("how long units took"));
}
