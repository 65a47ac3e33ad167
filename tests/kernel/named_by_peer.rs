//! Attackers who write an address into what a real server logs: it is never blocked, they are.

use std::path::Path;

use hids_tests::attack;
use hids_tests::hids::GUIDE;
use hids_tests::lab::{ATTACKER, ATTACKER_WEB, SERVER_OUTSIDE};
use hids_tests::nft;
use hids_tests::servers::{Apache, Nginx, Sshd, Syslog};
use hids_tests::{Hids, Host, Lab, programs, require, wait};

const PROGRAMS: &[&str] = &["nft", "ip", "unshare", "nsenter", "python3"];
const SET: &str = "blocked4";

/// Whom the attacker wants blocked.
const VICTIM: &str = "198.18.0.7";

fn lab(more: &[&str]) -> Option<Lab> {
    let programs: Vec<&str> = PROGRAMS.iter().chain(more).copied().collect();
    (require::root() && require::programs("root", &programs)).then(|| Lab::new().expect("a lab"))
}

fn blocked(server: &Host) -> Vec<String> {
    nft::elements(server, SET).into_iter().map(|element| element.address).collect()
}

/// Requests for what scanners ask for, with one value of the Host header.
fn requests(host: &str, header: &str) -> Vec<String> {
    (0..12)
        .map(|number| {
            format!(
                "GET /{number}?f=../../../../etc/passwd HTTP/1.1\r\nHost: {host}\r\n{header}Connection: close\r\n\r\n"
            )
        })
        .collect()
}

/// Forged requests first, then plain ones: only their sender is blocked, and only by the plain ones.
fn only_the_sender_is_blocked(lab: &Lab, clean_host: &str, clean_header: &str, forged: &[Vec<String>]) {
    let hids = Hids::start(&lab.server, programs::directory(), GUIDE).expect("hidsd starts");
    for requests in forged {
        let answered = attack::send_requests(&lab.attacker, ATTACKER_WEB, SERVER_OUTSIDE, requests).expect("requests");
        assert_eq!(answered, requests.len(), "somebody was blocked: {:?}", blocked(&lab.server));
    }
    let log = lab.server.read("/var/log/httpd/access_log");
    assert!(log.contains(VICTIM), "the server wrote the forged words into its log:\n{log}");
    let plain = requests(clean_host, clean_header);
    attack::send_requests(&lab.attacker, ATTACKER, SERVER_OUTSIDE, &plain).expect("requests");
    // Lines are read in order: behind this block all of the forged ones have been judged.
    wait::until("the block of the sender", wait::PATIENCE, || nft::find(&lab.server, SET, ATTACKER).is_some())
        .unwrap_or_else(|error| {
            panic!("{error}; hidsd wrote:\n{}\nthe log:\n{}", hids.log(), lab.server.read("/var/log/httpd/access_log"))
        });
    assert_eq!(blocked(&lab.server), [ATTACKER]);
}

/// Values of a header that stands in front of the client.
fn forged_hosts() -> Vec<Vec<String>> {
    [
        "x 198.18.0.7 - x",
        "198.18.0.7 - x",
        "198.18.0.7 -",
        "x 198.18.0.7 - - [25/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 404 1",
    ]
    .iter()
    .map(|host| requests(host, ""))
    .collect()
}

/// H2: nginx writes the raw Host header in front of the client.
#[test]
fn host_header_in_front_of_nginx_log_names_nobody() {
    let Some(lab) = lab(&["nginx"]) else { return };
    let format = r#"$http_host $remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;
    let _nginx = Nginx::start(&lab.server, format).expect("nginx");
    only_the_sender_is_blocked(&lab, "www.example.org", "", &forged_hosts());
}

/// H2: so does Apache.
#[test]
fn host_header_in_front_of_apache_log_names_nobody() {
    let Some(lab) = lab(&[]) else { return };
    let _apache = Apache::start_with(&lab.server, r#"%{Host}i %h %l %u %t "%r" %>s %O"#).expect("apache");
    only_the_sender_is_blocked(&lab, "www.example.org", "", &forged_hosts());
}

/// H2: a word of the client where the ident answer stands (IdentityCheck).
#[test]
fn ident_answer_behind_the_client_names_nobody() {
    let Some(lab) = lab(&[]) else { return };
    let _apache = Apache::start_with(&lab.server, r#"%h %{X-Ident}i %u %t "%r" %>s %O"#).expect("apache");
    let forged: Vec<Vec<String>> = ["198.18.0.7", "198.18.0.7 -", "198.18.0.7 - x"]
        .iter()
        .map(|answer| requests("www.example.org", &format!("X-Ident: {answer}\r\n")))
        .collect();
    only_the_sender_is_blocked(&lab, "www.example.org", "", &forged);
}

/// The configuration of an administrator who keeps OSSEC's decoders and rules.
fn with_ossecs_rules(server: &Host, shared: &Path) -> String {
    let from = shared.join("testdata/ossec-ruleset");
    let copy = |path: &str| {
        let text = std::fs::read(from.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        server.write(format!("/run/lab/ossec/{path}"), text).expect("a copy");
    };
    copy("etc/decoder.xml");
    let configuration = std::fs::read_to_string(from.join("conf-samples/ossec-server.conf")).expect("a configuration");
    let names = configuration
        .lines()
        .filter(|line| !line.contains("<!--"))
        .filter_map(|line| line.trim().strip_prefix("<include>")?.strip_suffix("</include>"));
    let mut rules = String::from("<rules><decoder>/run/lab/ossec/etc/decoder.xml</decoder>\n");
    for name in names {
        copy(&format!("rules/{name}"));
        rules.push_str(&format!("<include>/run/lab/ossec/rules/{name}</include>\n"));
    }
    GUIDE.replace(
        "<localfile>\n    <log_format>syslog</log_format>\n    <location>/var/log/messages",
        &format!("{rules}</rules>\n<localfile>\n    <log_format>syslog</log_format>\n    <location>/var/log/messages"),
    )
}

/// H3: the attack on DenyHosts, with OSSEC's own decoders and rules.
#[test]
fn user_name_with_an_address_blocks_its_sender_with_ossecs_decoders() {
    let Some(lab) = lab(&["sshd", "ssh", "rsyslogd"]) else { return };
    let Some(shared) = require::shared() else { return };
    let configuration = with_ossecs_rules(&lab.server, &shared);
    assert!(configuration.contains("sshd_rules.xml"));
    let _syslog = Syslog::start(&lab.server).expect("syslog");
    let _sshd = Sshd::start(&lab.server).expect("sshd");
    let hids = Hids::start(&lab.server, programs::directory(), &configuration).expect("hidsd starts");
    for number in 0..10 {
        attack::try_name(&lab.attacker, SERVER_OUTSIDE, &format!("u{number} from {VICTIM} port 22")).expect("ssh");
    }
    wait::until("the block of the sender", wait::PATIENCE, || !blocked(&lab.server).is_empty())
        .unwrap_or_else(|error| panic!("{error}; hidsd wrote:\n{}", hids.log()));
    assert!(lab.server.read("/var/log/secure").contains(VICTIM), "sshd wrote the name into its log");
    assert_eq!(blocked(&lab.server), [ATTACKER]);
}
