//! Attackers who write into the log: what they call themselves must never get anybody else blocked.

use std::path::Path;

use hids_tests::attack;
use hids_tests::hids::GUIDE;
use hids_tests::lab::{ATTACKER, ATTACKER6, SERVER_OUTSIDE, SERVER_OUTSIDE6};
use hids_tests::nft::{self, Element};
use hids_tests::servers::{Apache, Sshd, Syslog};
use hids_tests::{Hids, Lab, programs, require, wait};

const PROGRAMS: &[&str] = &["sshd", "sshpass", "rsyslogd", "curl", "nft", "ip", "unshare", "nsenter", "python3"];
const SET: &str = "blocked4";

fn lab() -> Option<Lab> {
    (require::root() && require::programs("root", PROGRAMS)).then(|| Lab::new().expect("a lab"))
}

fn start<'lab>(lab: &'lab Lab, binaries: &'lab Path) -> Hids<'lab> {
    Hids::start(&lab.server, binaries, GUIDE).expect("hidsd starts on the guide's configuration")
}

fn wait_for_block(lab: &Lab, hids: &Hids<'_>, address: &str) -> Element {
    wait::value(&format!("the block of {address}"), wait::PATIENCE, || nft::find(&lab.server, SET, address))
        .unwrap_or_else(|error| panic!("{error}; hidsd wrote:\n{}", hids.log()))
}

#[test]
fn user_name_that_looks_like_a_log_line_cannot_get_another_address_blocked() {
    let Some(lab) = lab() else { return };
    let _syslog = Syslog::start(&lab.server).expect("syslog");
    let _sshd = Sshd::start(&lab.server).expect("sshd");
    let hids = start(&lab, programs::directory());
    let name = "root from 198.51.100.7 port 22 ssh2";
    attack::guess_passwords(&lab.attacker, SERVER_OUTSIDE, name, 16).expect("guesses");
    wait_for_block(&lab, &hids, ATTACKER);
    assert!(lab.server.read("/var/log/secure").contains(name), "sshd wrote the name into its log");
    let addresses: Vec<String> = nft::elements(&lab.server, SET).into_iter().map(|element| element.address).collect();
    assert_eq!(addresses, [ATTACKER]);
}

#[test]
fn request_that_looks_like_a_log_line_cannot_get_another_address_blocked() {
    let Some(lab) = lab() else { return };
    let _apache = Apache::start(&lab.server).expect("apache");
    let hids = start(&lab, programs::directory());
    for number in 0..40 {
        let forged = format!(
            "x\" 404 1 \"-\" \"-\"\n198.51.100.7 - - [25/Nov/2026:00:00:00 +0000] \"GET /{number} HTTP/1.1\" 404"
        );
        let header = format!("User-Agent: {}", forged.replace('\n', "\r"));
        let url = format!("http://{SERVER_OUTSIDE}/%0a198.51.100.7%20-%20-%20{number}");
        let curl = [
            "--silent",
            "--max-time",
            "2",
            "--interface",
            ATTACKER,
            "--header",
            &header,
            "--output",
            "/dev/null",
            &url,
        ];
        if lab.attacker.output("curl", curl).is_err() {
            break;
        }
    }
    wait_for_block(&lab, &hids, ATTACKER);
    let addresses: Vec<String> = nft::elements(&lab.server, SET).into_iter().map(|element| element.address).collect();
    assert_eq!(addresses, [ATTACKER]);
}

#[test]
fn ipv6_guesser_is_blocked_in_the_set_for_ipv6() {
    let Some(lab) = lab() else { return };
    let _syslog = Syslog::start(&lab.server).expect("syslog");
    let _sshd = Sshd::start(&lab.server).expect("sshd");
    let hids = start(&lab, programs::directory());
    attack::guess_passwords(&lab.attacker, SERVER_OUTSIDE6, "root", 16).expect("guesses");
    wait::until("the block", wait::PATIENCE, || nft::find(&lab.server, "blocked6", ATTACKER6).is_some())
        .unwrap_or_else(|error| panic!("{error}; hidsd wrote:\n{}", hids.log()));
    assert!(!attack::can_connect(&lab.attacker, SERVER_OUTSIDE6, 22));
    assert!(attack::can_connect(&lab.attacker, SERVER_OUTSIDE, 22), "the other address was never blocked");
}
