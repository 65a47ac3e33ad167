//! What is written, and sources other than log files.

use hids_tests::daemon::{Daemon, append, wait_for};

use crate::common::{WATCH_ONE_LOG, failed_login, recorded_numbers};

#[test]
fn logall_archives_every_line_and_json_can_be_switched_off() {
    let mut daemon = Daemon::new(&format!(
        "<global><logall>yes</logall><jsonout_output>no</jsonout_output></global>{WATCH_ONE_LOG}"
    ));
    daemon.start();
    daemon.log_line("Nov 24 10:00:00 web1 nothing: of interest");
    daemon.log_line(&failed_login(4));
    wait_for("the archive", || {
        let text = std::fs::read_to_string(daemon.path("logs/archives/archives.log")).ok()?;
        (text.contains("of interest") && text.contains("sshd[4]")).then_some(())
    });
    let text = std::fs::read_to_string(daemon.path("logs/alerts/alerts.log")).expect("alerts.log");
    assert!(text.contains("sshd[4]") && !text.contains("of interest"), "{text}");
    assert!(!daemon.path("logs/alerts/alerts.json").exists());
}

#[test]
fn alerts_can_be_written_in_a_layout_of_ones_own() {
    let mut daemon = Daemon::new(&format!(
        "<global><custom_alert_output>RULE=$RULEID LEVEL=$RULELEVEL FROM=$SRCIP</custom_alert_output></global>\
         {WATCH_ONE_LOG}"
    ));
    daemon.start();
    daemon.log_line(&failed_login(7));
    wait_for("the alert", || {
        let text = std::fs::read_to_string(daemon.path("logs/alerts/alerts.log")).ok()?;
        text.contains("RULE=5716 LEVEL=5 FROM=203.0.113.7").then_some(())
    });
}

#[test]
fn a_log_that_vanishes_is_read_again_from_its_first_byte_when_it_comes_back() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    daemon.log_line(&failed_login(1));
    wait_for("the first line", || (recorded_numbers(&daemon) == [1]).then_some(()));
    std::fs::remove_file(daemon.log()).expect("removed");
    wait_for("the loss to be noticed", || {
        let status = daemon.status()?;
        (status["collect"]["sources"][0]["state"] == "missing").then_some(())
    });
    append(&daemon.log(), format!("{}\n{}\n", failed_login(2), failed_login(3)).as_bytes());
    wait_for("the new lines", || (recorded_numbers(&daemon) == [1, 2, 3]).then_some(()));
}

#[test]
fn a_command_is_run_and_its_lines_are_analysed() {
    let mut daemon = Daemon::new(
        "<localfile><log_format>command</log_format><command>df -P /</command><frequency>1</frequency></localfile>
         <global><logall>yes</logall></global>",
    );
    daemon.start();
    wait_for("the command's output", || {
        let text = std::fs::read_to_string(daemon.path("logs/archives/archives.log")).ok()?;
        text.contains("ossec: output: 'df -P /': ").then_some(())
    });
}

// D2b
#[test]
fn drops_that_pf_logged_are_in_firewall_log() {
    let mut daemon = Daemon::new(&format!(
        "<rules><decoder_dir>ruleset/decoders</decoder_dir><decoder>pf.xml</decoder>
         <rule_dir>ruleset/rules</rule_dir></rules>{WATCH_ONE_LOG}"
    ));
    let decoder = "<decoder name=\"pf\"><type>firewall</type><program_name>^pf$</program_name>\
                   <plugin_decoder>PF_Decoder</plugin_decoder></decoder>\n";
    std::fs::write(daemon.path("pf.xml"), decoder).expect("written");
    daemon.start();
    let drops = [
        ("(match)", "192.0.2.1.48784 > 192.0.2.9.22"),
        ("0(match):", "192.0.2.1.48785 > 192.0.2.9.22"),
        ("0(match):", "2001:db8::1.48786 > 2001:db8::9.22"),
    ];
    for (form, addresses) in drops {
        daemon.log_line(&format!("Dec 10 01:02:03 h pf: rule 4/{form} block in on lo0: {addresses}: S 1(0)"));
    }
    let wanted = [
        "DROP TCP 192.0.2.1:48784->192.0.2.9:22",
        "DROP TCP 192.0.2.1:48785->192.0.2.9:22",
        "DROP TCP 2001:db8::1:48786->2001:db8::9:22",
    ];
    wait_for("three drops", || {
        let text = std::fs::read_to_string(daemon.path("logs/firewall/firewall.log")).ok()?;
        wanted.iter().all(|line| text.contains(line)).then_some(())
    });
}
