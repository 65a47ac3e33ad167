//! Rule state ("first time seen", `check_diff`) survives a restart, a crash and a reload.

use hids_tests::daemon::{Daemon, wait_for};

use crate::common::WATCH_ONE_LOG;

/// "First login of this user."
const FIRST_LOGIN: u64 = 10100;

fn login(daemon: &Daemon, user: &str) {
    daemon
        .log_line(&format!("Nov 24 10:00:00 web1 sshd[5]: Accepted password for {user} from 203.0.113.5 port 22 ssh2"));
}

/// The users of the first-login alerts, once a line written now has been recorded.
fn first_logins(daemon: &Daemon, marker: u32) -> Vec<String> {
    let line = format!("Nov 24 10:00:00 web1 sshd[{marker}]: Failed password for x from 203.0.113.9 port 22 ssh2");
    daemon.log_line(&line);
    wait_for("the marker", || daemon.alerts().iter().any(|alert| alert["full_log"] == line).then_some(()));
    let user = |alert: &serde_json::Value| alert["full_log"].as_str()?.split(' ').nth(8).map(str::to_owned);
    daemon.alerts().iter().filter(|alert| alert["rule"]["sidid"] == FIRST_LOGIN).filter_map(user).collect()
}

fn wait_until_saved(daemon: &Daemon, user: &str) {
    wait_for("the saved state", || {
        std::fs::read_to_string(daemon.path("state/rules.state")).ok()?.contains(user).then_some(())
    });
}

#[test]
fn a_user_is_new_once_over_a_restart() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    login(&daemon, "alice");
    assert_eq!(first_logins(&daemon, 1), ["alice"]);
    daemon.stop();
    daemon.start();
    login(&daemon, "alice");
    login(&daemon, "bob");
    assert_eq!(first_logins(&daemon, 2), ["alice", "bob"]);
}

#[test]
fn a_user_is_new_once_over_a_kill_after_the_state_was_saved() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    login(&daemon, "alice");
    // No further line: a quiet log must not keep the state from being saved.
    wait_until_saved(&daemon, "alice");
    daemon.kill();
    daemon.start();
    login(&daemon, "alice");
    assert_eq!(first_logins(&daemon, 1), ["alice"]);
}

#[test]
fn no_first_login_is_missed_over_kills_at_any_moment() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    let users: Vec<String> = (0..400).map(|number| format!("user{number:03}")).collect();
    for (number, user) in users.iter().enumerate() {
        login(&daemon, user);
        if number % 37 == 36 {
            std::thread::sleep(std::time::Duration::from_millis((number as u64 * 7) % 90));
            daemon.kill();
            daemon.spawn();
        }
    }
    let mut seen = first_logins(&daemon, 1);
    seen.sort();
    // A crash may make somebody new twice; it must never make somebody known who was not told of.
    seen.dedup();
    assert_eq!(seen, users);
}

#[test]
fn a_user_is_new_once_over_a_reload() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    login(&daemon, "alice");
    assert_eq!(first_logins(&daemon, 1), ["alice"]);
    assert!(daemon.hidsctl(&["reload"]).status.success());
    login(&daemon, "alice");
    login(&daemon, "bob");
    assert_eq!(first_logins(&daemon, 2), ["alice", "bob"]);
    // What the old rules remembered is saved by the new ones.
    daemon.stop();
    daemon.start();
    login(&daemon, "alice");
    assert_eq!(first_logins(&daemon, 3), ["alice", "bob"]);
}

#[test]
fn a_damaged_memory_is_told_of_set_aside_and_does_not_keep_the_daemon_from_starting() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    login(&daemon, "alice");
    wait_until_saved(&daemon, "alice");
    daemon.stop();
    let file = daemon.path("state/rules.state");
    let mut bytes = std::fs::read(&file).expect("the state");
    let last = bytes.len() - 2;
    bytes[last] ^= 1;
    std::fs::write(&file, &bytes).expect("it is damaged");
    daemon.start();
    assert!(daemon.messages().contains("cannot read the saved rule state"), "{}", daemon.messages());
    assert_eq!(std::fs::read(daemon.path("state/rules.state.damaged")).expect("set aside"), bytes);
    login(&daemon, "alice");
    wait_for("alice to be new again", || {
        (daemon.alerts().iter().filter(|alert| alert["rule"]["sidid"] == FIRST_LOGIN).count() == 2).then_some(())
    });
}

#[test]
fn a_changed_output_of_a_command_is_noticed_over_a_restart() {
    let mut daemon = Daemon::new("");
    let listing = daemon.path("listing");
    std::fs::write(&listing, "tcp 22\n").expect("a listing");
    std::fs::create_dir_all(daemon.path("rules")).expect("a directory");
    std::fs::write(
        daemon.path("rules/local_rules.xml"),
        r#"<group name="local,"><rule id="100900" level="7"><if_sid>530</if_sid><match>ossec: output: 'ports'</match>
           <check_diff /><description>The open ports changed.</description></rule></group>"#,
    )
    .expect("a rule");
    daemon.configure(&format!(
        "<rules><decoder_dir>ruleset/decoders</decoder_dir><rule_dir>ruleset/rules</rule_dir>
         <include>local_rules.xml</include></rules>
         <localfile><log_format>full_command</log_format><command>cat {}</command><alias>ports</alias>
         <frequency>1</frequency></localfile>",
        listing.display()
    ));
    daemon.start();
    wait_until_saved(&daemon, "tcp 22");
    daemon.stop();
    std::fs::write(&listing, "tcp 22\ntcp 31337\n").expect("a listing");
    daemon.start();
    let alert = daemon.wait_for_alert(100_900);
    assert!(alert["full_log"].as_str().is_some_and(|log| log.contains("31337")), "{alert}");
    let text = std::fs::read_to_string(daemon.path("logs/alerts/alerts.log")).expect("alerts.log");
    assert!(text.contains("Previous output"), "{text}");
}
