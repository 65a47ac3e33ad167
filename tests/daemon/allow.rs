//! `hidsctl allow`: whom nothing blocks, from one moment to the next and over restarts.

use std::os::unix::fs::PermissionsExt as _;

use hids_tests::daemon::{Daemon, wait_for};
use serde_json::{Value, json};

use crate::common::{BLOCKING, said};

fn blocked(daemon: &Daemon) -> Vec<Value> {
    let list = daemon.hidsctl_json(&["blocks", "list"]).expect("a list");
    list["blocks"].as_array().expect("blocks").iter().map(|block| block["address"].clone()).collect()
}

fn attack(daemon: &Daemon, address: &str) {
    for _ in 0..8 {
        daemon.log_line(&format!("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from {address} port 22 ssh2"));
    }
}

fn wait_for_alerts(daemon: &Daemon, number: u64) {
    wait_for("the alerts", || (daemon.status()?["record"]["alerts"].as_u64()? >= number).then_some(()));
}

#[test]
fn an_allowed_address_is_released_at_once_and_never_blocked_again() {
    let mut daemon = Daemon::new(BLOCKING);
    daemon.start();
    attack(&daemon, "203.0.113.5");
    wait_for("the block", || (blocked(&daemon) == ["203.0.113.5"]).then_some(()));

    let added = daemon.hidsctl(&["allow", "add", "203.0.113.0/24", "2001:db8::7", "--comment", "office <a>"]);
    assert_eq!(added.status.code(), Some(0), "{added:?}");
    assert!(said(&added).contains("203.0.113.0/24 is never blocked from now on"), "{added:?}");
    assert_eq!(blocked(&daemon), [] as [&str; 0], "the block has ended");
    assert_eq!(daemon.hidsctl(&["blocks", "add", "2001:db8::7"]).status.code(), Some(1));
    attack(&daemon, "203.0.113.5");
    wait_for_alerts(&daemon, 16);
    assert_eq!(blocked(&daemon), [] as [&str; 0]);

    daemon.stop();
    daemon.start();
    assert_eq!(daemon.hidsctl(&["blocks", "add", "203.0.113.9"]).status.code(), Some(1), "kept over a restart");
    let list = daemon.hidsctl_json(&["allow", "list"]).expect("JSON");
    let entry = |network: &str, comment: Option<&str>, origin: &str| json!({ "network": network, "origin": origin, "allowed": true, "comment": comment });
    let office = Some("office <a>");
    assert_eq!(
        list["entries"],
        json!([entry("203.0.113.0/24", office, "allow.list"), entry("2001:db8::7", office, "allow.list")])
    );

    let removed = daemon.hidsctl(&["allow", "remove", "203.0.113.0/24", "198.51.100.1"]);
    assert_eq!(removed.status.code(), Some(1), "one was not on the list");
    assert!(said(&removed).contains("203.0.113.0/24 can be blocked again\n"), "{removed:?}");
    assert!(String::from_utf8_lossy(&removed.stderr).contains("198.51.100.1 is not in "), "{removed:?}");
    assert_eq!(daemon.hidsctl(&["blocks", "add", "203.0.113.9"]).status.code(), Some(0));
    assert_eq!(daemon.status().expect("the status")["restart_required"], json!([]));
}

#[test]
fn without_a_daemon_it_is_written_and_counts_from_the_start_on() {
    let mut daemon = Daemon::new(&format!("<global><white_list>192.0.2.1</white_list></global>{BLOCKING}"));
    let output = daemon.hidsctl(&["allow", "add", "203.0.113.5"]);
    assert_eq!((output.status.code(), said(&output).contains("once hidsd runs")), (Some(0), true), "{output:?}");
    let mode = std::fs::metadata(daemon.path("allow.list")).expect("the file").permissions().mode() & 0o777;
    assert_eq!(mode, 0o640);
    assert_eq!(said(&daemon.hidsctl(&["allow", "add", "203.0.113.5"])), "203.0.113.5 is already on the list\n");
    let list = said(&daemon.hidsctl(&["allow"]));
    assert!(list.contains("203.0.113.5  allow.list  -\n") && list.contains("192.0.2.1    ossec.conf  -\n"), "{list}");
    let output = daemon.hidsctl(&["allow", "remove", "192.0.2.1"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("it is in ossec.conf"), "{output:?}");
    daemon.start();
    assert_eq!(daemon.hidsctl(&["blocks", "add", "203.0.113.5"]).status.code(), Some(1));
    assert_eq!(daemon.hidsctl(&["blocks", "add", "203.0.113.6"]).status.code(), Some(0));
}

#[test]
fn mistakes_change_nothing_and_are_explained() {
    let host = Daemon::new(BLOCKING);
    for (arguments, code, text) in [
        (&["203.0.113.5/24"][..], 2, "203.0.113.0/24"),
        (&["office.example"], 2, "expected an address or a network"),
        (&["127.0.0.1"], 1, "never blocked in any case"),
        (&["203.0.113.5", "0.0.0.0/0"], 1, "--force"),
        (&["203.0.113.5", "--comment", "a\nb"], 2, "control characters"),
    ] {
        let output = host.hidsctl(&[&["allow", "add"], arguments].concat());
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(text), "{output:?}");
    }
    assert!(!host.path("allow.list").exists());
    std::fs::write(host.path("allow.list"), "203.0.113.5\nnonsense\n").expect("written");
    let output = host.hidsctl(&["allow", "add", "203.0.113.6"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("allow.list:2: "), "{output:?}");
    let check = host.hidsctl(&["check"]);
    assert_eq!(check.status.code(), Some(1));
    assert!(
        said(&check).contains("allow.list:2:1: error[C141]")
            || String::from_utf8_lossy(&check.stderr).contains("allow.list:2:1: error[C141]"),
        "{check:?}"
    );
}

#[test]
fn a_list_that_others_can_change_is_not_used() {
    if !hids_tests::require::root() {
        return;
    }
    let mut daemon = Daemon::new(BLOCKING);
    assert!(daemon.hidsctl(&["allow", "add", "203.0.113.5"]).status.success());
    let list = daemon.path("allow.list");
    std::fs::set_permissions(&list, std::fs::Permissions::from_mode(0o666)).expect("chmod");
    daemon.start();
    assert!(daemon.messages().contains("is not used"), "{}", daemon.messages());
    assert_eq!(daemon.hidsctl(&["blocks", "add", "203.0.113.5"]).status.code(), Some(0));
    // Taken up as soon as it is root's alone again.
    std::fs::set_permissions(&list, std::fs::Permissions::from_mode(0o640)).expect("chmod");
    assert!(daemon.hidsctl(&["reload"]).status.success());
    assert_eq!(blocked(&daemon), [] as [&str; 0]);
}
