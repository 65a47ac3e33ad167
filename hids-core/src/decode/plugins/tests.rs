//! Every form of a plug-in's lines in both readings: D2, D2b, D3, D3b, D3c.

use proptest::prelude::*;

use super::super::Scratch;
use super::super::fields::FieldTable;
use super::*;
use crate::decode::Reading::{AsWritten, Ossec};

fn fields(plugin: Plugin, reading: Reading, log: &str) -> String {
    let mut scratch = Scratch::default();
    let mut decoded = Decoded::default();
    run(plugin, reading, log.as_bytes(), &mut scratch.fields, &mut decoded);
    let names = FieldTable::default();
    let show = |(id, value): (_, &[u8])| format!("{}={}", names.name(id).as_str(), String::from_utf8_lossy(value));
    let mut all: Vec<String> = scratch.fields.iter(log.as_bytes()).map(show).collect();
    all.sort();
    all.extend(decoded.original_rule.map(|rule| format!("rule={rule}")));
    all.join(" ")
}

/// Lines with OSSEC's answer and, where it differs, ours.
fn compare(plugin: Plugin, table: &[(&str, &str, Option<&str>)]) {
    for (log, ossec, ours) in table {
        assert_eq!(fields(plugin, Ossec, log), *ossec, "strict: {log}");
        assert_eq!(fields(plugin, AsWritten, log), ours.unwrap_or(ossec), "default: {log}");
    }
}

// D2b
#[test]
fn pf_is_read_with_and_without_a_colon_behind_match() {
    const BLOCKED: &str = "action=block dstip=192.0.2.9 dstport=22 protocol=TCP srcip=192.0.2.1 srcport=48784";
    compare(
        Plugin::Pf,
        &[
            ("rule 4/(match) block in on lo0: 192.0.2.1.48784 > 192.0.2.9.22: S 1(0)", BLOCKED, None),
            ("rule 4/0(match): block in on lo0: 192.0.2.1.48784 > 192.0.2.9.22: S 1(0)", "", Some(BLOCKED)),
            ("rule 4..16777216/0(match): block in on lo0: IP 192.0.2.1.48784 > 192.0.2.9.22: S", "", Some(BLOCKED)),
            ("rule 4/(match) [uid 0, pid 7] block in on lo0: 192.0.2.1.48784 > 192.0.2.9.22: S", "", Some(BLOCKED)),
            ("rule 4/(match)  block in on lo0: 192.0.2.1.48784 > 192.0.2.9.22: S", "", None),
            ("rule 4/(match) rdr in on lo0: 192.0.2.1.48784 > 192.0.2.9.22: S", "", None),
            (
                "rule 1/(match) pass in on xl0: 192.0.2.1 > 192.0.2.9: icmp: echo request",
                "action=pass dstip=192.0.2.9 protocol=ICMP srcip=192.0.2.1",
                None,
            ),
            (
                "rule 1/(match) pass in on xl0: 192.0.2.1.5 > 192.0.2.9.53: udp 20",
                "action=pass dstip=192.0.2.9 dstport=53 protocol=UDP srcip=192.0.2.1 srcport=5",
                None,
            ),
            ("rule 1/(match) pass in on xl0: 192.0.2.1.5", "action=pass srcip=192.0.2.1 srcport=5", None),
            (
                "rule 1/(match) block in on xl0: 2001:db8::1.5 > 2001:db8::9.22: S",
                "action=block dstip=2001:db8::9.22 protocol=TCP srcip=2001:db8::1.5",
                Some("action=block dstip=2001:db8::9 dstport=22 protocol=TCP srcip=2001:db8::1 srcport=5"),
            ),
            (
                "rule 1/(match) block in on xl0: fe80::1 > ff02::1: icmp6: neighbor sol",
                "action=block dstip=ff02::1 protocol=ICMP srcip=fe80::1",
                None,
            ),
        ],
    );
}

// D2
#[test]
fn symantec_ids_are_nine_bytes_and_the_first_of_a_key_counts() {
    compare(
        Plugin::SymantecWs,
        &[
            ("20070717,73613,1=5,11=10.1.1.3,10=userc,3=1,2=1", "dstuser=userc id=3=1,2=1 srcip=10.1.1.3", None),
            (
                "20070717,73613,11=1.2.3.4,11=5.6.7.8,10=a,10=b,60=x,60=y,2=3,3=4",
                "dstuser=a id=2=3,3=4 srcip=1.2.3.4 url=x",
                None,
            ),
            (
                "20070717,73613,3=1,2=1,11=192.0.2.7,10=a",
                "dstuser=a id=3=1,2=1,1",
                Some("dstuser=a id=3=1,2=1,1 srcip=192.0.2.7"),
            ),
            ("20070717,73613,3=1", "id=3=1", None),
            ("20070717,73613,10=", "dstuser=", None),
            ("20070717,73613", "", None),
        ],
    );
}

// D3
#[test]
fn sonic_wall_reads_its_keys_wherever_they_stand_outside_of_quotes() {
    const HEAD: &str = "id=firewall sn=0 time=\"2004-04-01 10:39:35\" fw=1.1.1.1";
    let full =
        format!("{HEAD} pri=6 c=262144 m=98 msg=\"x\" n=1 src=192.0.2.1:68:WAN dst=192.0.2.9:22:LAN proto=tcp/22");
    let opened = "action=pass dstip=192.0.2.9 dstport=22 id=98 protocol=tcp srcip=192.0.2.1 srcport=68 status=6";
    let apart = format!("{HEAD} pri=5 msg=\"x\" n=1");
    let other_order = format!("{HEAD} m=98 c=1 pri=6 src=192.0.2.1");
    let forged = format!("{HEAD} pri=6 c=1 m=83 msg=\"user \" src=203.0.113.5:1 denied\" src=192.0.2.1:68:WAN");
    let twice = format!("{HEAD} pri=6 c=1 m=83 src=192.0.2.1 note=x src=203.0.113.5");
    let cut = format!("{HEAD} pri=6 c=1 m=83 msg=\"denied src=203.0.113.5");
    compare(
        Plugin::SonicWall,
        &[
            (&full, opened, None),
            (&apart, "", Some("status=5")),
            (&other_order, "", Some("action=pass id=98 srcip=192.0.2.1 status=6")),
            (&cut, "id=83 srcip=203.0.113.5 status=6", Some("id=83 status=6")),
            (&twice, "id=83 srcip=192.0.2.1 status=6", Some("id=83 status=6")),
        ],
    );
    assert!(!fields(Plugin::SonicWall, AsWritten, &forged).contains("203.0.113.5 "), "an ambiguous source");
    let mut decoded = Decoded::built_in(None, EventKind::Firewall);
    let mut scratch = Scratch::default();
    run(Plugin::SonicWallWithoutFields, Ossec, full.as_bytes(), &mut scratch.fields, &mut decoded);
    assert_eq!((decoded.kind, scratch.fields.iter(b"").count()), (EventKind::Syslog, 0)); // D3b
}

// D3c
#[test]
fn a_forwarded_alert_counts_only_when_it_is_whole() {
    const WHOLE: &str = "Alert Level: 3; Rule: 5715 - text; Location: h->/l; srcip: 192.0.2.1; user: a;  LOG";
    const CSYSLOGD: &str =
        "Alert Level: 3; Rule: 5715 - a; b; Location: h->/l; classification: x,; srcip: 192.0.2.1; LOG";
    compare(
        Plugin::OssecAlert,
        &[
            (WHOLE, "dstuser=a srcip=192.0.2.1 rule=5715", None),
            (CSYSLOGD, "", Some("srcip=192.0.2.1 rule=5715")),
            ("Alert Level: 3; Rule: 5715 - text; Location: h->/l;  LOG", "rule=5715", None),
            ("Alert Level: 3; Rule: 5715", "", None),
            ("Alert Level: 3; Rule: 5715 - text", "", None),
            ("Alert Level: 3; Rule: 5715 - text; Location: h->/l", "", None),
            ("Alert Level: 3; Rule: 5715 - text; Location: h->/l;", "", None),
            ("Alert Level: 3; Rule: 5715 - text; Location: h->/l; ", "", None),
            ("Alert Level: 3; Rule: 5715 - text; Location: h->/l; srcip: 192.0.2.1", "", None),
            ("Rule: 5715 - text; Location: h->/l;  LOG", "", None),
            ("Alert Level: 3; Rule: 57x - text; Location: h->/l;  LOG", "", None),
        ],
    );
    for end in 0..WHOLE.len() - 4 {
        for reading in [Ossec, AsWritten] {
            let half = fields(Plugin::OssecAlert, reading, &WHOLE[..end]);
            assert!(!half.contains("rule="), "{reading:?} {}: {half}", &WHOLE[..end]);
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_a_plug_in_fail(
        log in "(id=firewall |Alert Level: |Rule: |Location: |; |: |\\(match\\)|[ =\",:.>;]|pri=1|src=|3=|11=|[a-z0-9]{1,3}|é){0,24}"
    ) {
        for plugin in [Plugin::Pf, Plugin::SymantecWs, Plugin::SonicWall, Plugin::OssecAlert] {
            for reading in [Ossec, AsWritten] {
                fields(plugin, reading, &log);
            }
        }
    }
}
