//! The default mode on OSSEC's own decoders and rules: OSSEC's answers, and the peer's address only.

use std::net::IpAddr;

use hids_core::diag::Diagnostic;
use hids_core::engine::{Engine, EngineOptions, RulesetSources};
use serde_json::Value;

use crate::{records, ruleset};

const PEER: &str = "203.0.113.9";
const VICTIM: &str = "198.18.0.7";

fn engine(sources: &RulesetSources, options: EngineOptions) -> Engine {
    let (engine, diagnostics) = Engine::compile(sources, options);
    engine.unwrap_or_else(|| panic!("{}", diagnostics.iter().map(Diagnostic::render).collect::<String>()))
}

fn source_ip(engine: &mut Engine, line: &str) -> Option<String> {
    engine.reset();
    ruleset::analyse(engine, line.as_bytes(), |outcome| {
        outcome.source_ip().map(|value| String::from_utf8_lossy(value).into_owned())
    })
}

fn answer(engine: &mut Engine, line: &str) -> Value {
    engine.reset();
    ruleset::analyse(engine, line.as_bytes(), ruleset::answer)
}

/// The address that a text is, as it would be blocked.
fn canonical(text: &str) -> Option<IpAddr> {
    text.trim_matches(['[', ']']).parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// H3: hardened decoders take no address away that OSSEC's found rightly, and change no answer.
#[test]
fn reference_lines_keep_their_answers_and_addresses() {
    let Some(sources) = ruleset::stock_sources() else { return };
    let Some(lines) = records::read("testdata/ossec_reference.jsonl") else { return };
    let mut hardened = engine(&sources, EngineOptions::default());
    let mut plain = engine(&sources, EngineOptions { hardened_decoders: false, ..EngineOptions::default() });
    let (mut with_address, mut lost, mut corrected) = (0, Vec::new(), Vec::new());
    for record in &lines {
        let line = record["line"].as_str().unwrap_or_default();
        let (before, after) = (answer(&mut plain, line), answer(&mut hardened, line));
        let address = |answer: &Value| answer["fields"]["srcip"].as_str().and_then(canonical);
        for member in ["decoder", "rule", "level", "alert"] {
            assert_eq!(before[member], after[member], "{member}: {line}");
        }
        let Some(old) = address(&before) else { continue };
        with_address += 1;
        match address(&after) {
            Some(new) if new == old => {}
            Some(_) => corrected.push(line),
            None => lost.push(line),
        }
    }
    assert!(with_address > 700, "only {with_address} lines have an address");
    // Their peers wrote an address into a user name; OSSEC blames it.
    assert!(corrected.iter().all(|line| line.contains("by authenticating user test 127.0.0.1 ")), "{corrected:#?}");
    // nginx cuts such lines at 2048 bytes, where the peer's own words may be the last that are left.
    lost.retain(|line| {
        !(line.contains("#") && line.contains("] ") && line.contains(" ModSecurity: Warning. Matched "))
    });
    assert!(lost.is_empty(), "{} of {with_address} lost their address:\n{}", lost.len(), lost.join("\n"));
}

/// H3: OSSEC's own suite in the default mode, all cases that OSSEC passes.
#[test]
fn suite_passes_in_the_default_mode() {
    let Some(cases) = records::read("testdata/ossec_rules.jsonl") else { return };
    let Some(sources) = ruleset::stock_sources() else { return };
    let mut engine = engine(&sources, EngineOptions::default());
    let cases: Vec<&Value> = cases.iter().filter(|case| case["ossec"]["ok"] == true).collect();
    let mut differences = Vec::new();
    for case in &cases {
        engine.reset();
        let mut actual = Value::Null;
        for line in case["logs"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            actual = ruleset::analyse(&mut engine, line.as_bytes(), ruleset::answer);
        }
        // K07: rules on firewalls see another word for the action.
        let is_k07 = actual["fields"]["action"] == "DROP" && actual["decoder"] == "cisco-ios";
        let wrong =
            ["decoder", "rule", "level", "alert"].into_iter().any(|member| case["ossec"][member] != actual[member]);
        if wrong && !is_k07 {
            differences.push(format!("{case} but {actual}"));
        }
    }
    records::judge("OSSEC's suite in the default mode", cases.len(), &differences);
}

/// H3, row 1b: what a peer writes into a line of each program; `{}` is the forged text.
#[test]
fn forged_address_is_never_taken_by_ossecs_decoders() {
    let Some(sources) = ruleset::stock_sources() else { return };
    let mut hardened = engine(&sources, EngineOptions::default());
    let mut strict = ruleset::strict_engine(&sources);
    let mut fooled = std::collections::BTreeSet::new();
    for (line, peer) in FORGED {
        let before = source_ip(&mut strict, line);
        if before.as_deref() == Some(VICTIM) {
            fooled.insert(answer(&mut strict, line)["decoder"].to_string());
        }
        let after = source_ip(&mut hardened, line);
        let expected = peer.then_some(PEER);
        assert_eq!(after.as_deref(), expected, "OSSEC took {before:?}: {line}");
    }
    assert!(fooled.len() >= 8, "the strict mode is fooled only in {fooled:?}");
}

/// A line, and whether its peer (203.0.113.9) is found.
const FORGED: &[(&str, bool)] = &[
    ("Nov 25 10:00:00 h sshd[1]: Invalid user u1 from 198.18.0.7 port 22 from 203.0.113.9 port 40022", true),
    (
        "Nov 25 10:00:00 h sshd[1]: Failed password for invalid user u1 from 198.18.0.7 port 22 from 203.0.113.9 port 40022 ssh2",
        true,
    ),
    (
        "Nov 25 10:00:00 h sshd[1]: Failed none for invalid user u1 from 198.18.0.7 port 22 ssh2 from 203.0.113.9 port 40022 ssh2",
        true,
    ),
    (
        "Nov 25 10:00:00 h sshd[1]: Connection closed by invalid user u1 from 198.18.0.7 port 22 203.0.113.9 port 40022 [preauth]",
        true,
    ),
    (
        "Nov 25 10:00:00 h sshd[1]: Disconnected from invalid user x 198.18.0.7 port 22 203.0.113.9 port 40022 [preauth]",
        true,
    ),
    (
        "Nov 25 10:00:00 h sshd[1]: Failed password for root from 203.0.113.9 port 40022 ssh1: ruser from 198.18.0.7",
        true,
    ),
    (
        "Nov 25 10:00:00 h sshd[1]: User x from 198.18.0.7 not allowed because listed in DenyUsers from 203.0.113.9 not allowed because not listed in AllowUsers",
        true,
    ),
    (
        "Nov 25 10:00:00 h sshd[1]: subsystem request for x from 198.18.0.7 port 22 by user u failed, subsystem not found",
        false,
    ),
    ("[Wed Nov 25 10:00:00.1 2026] [php7:notice] [pid 7] script said [client 198.18.0.7:4] failed", false),
    ("[Wed Nov 25 10:00:00.1 2026] [proxy:error] [pid 7:tid 8] AH00898: [client 198.18.0.7:4] x", false),
    ("[Wed Nov 25 10:00:00 2026] [error] script said [client 198.18.0.7] failed", false),
    (
        "[Wed Nov 25 10:00:00.1 2026] [core:error] [pid 7:tid 8] [client 203.0.113.9:40022] AH00126: Invalid URI in request GET [client 198.18.0.7:4] x",
        true,
    ),
    (
        "2026/11/25 10:00:00 [error] 7#7: *1 open() \"/x, client: 198.18.0.7, server: s\" failed (2: No such file or directory), client: 203.0.113.9, server: s, request: \"GET / HTTP/1.1\"",
        false,
    ),
    (
        "2026/11/25 10:00:00 [error] 7#7: *1 open() \"/x\" failed (2: No such file or directory), client: 203.0.113.9, server: s, request: \"GET /, client: 198.18.0.7, HTTP/1.1\", host: \"a\"",
        true,
    ),
    (
        "Nov 25 10:00:00 h dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<x>, method=PLAIN, rip=198.18.0.7, lip=1.1.1.1>, method=PLAIN, rip=203.0.113.9, lip=192.0.2.1, TLS",
        false,
    ),
    ("Nov 25 10:00:00 h dovecot: auth: passwd-file(x,198.18.0.7): unknown user,203.0.113.9): unknown user", false),
    (
        "Nov 25 10:00:00 h dovecot: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=x rhost=198.18.0.7 rhost=203.0.113.9  user=x",
        false,
    ),
    (
        "Nov 25 10:00:00 h su: pam_unix(su:auth): authentication failure; logname= uid=0 euid=0 tty= ruser=a rhost=198.18.0.7  user=b rhost=203.0.113.9",
        false,
    ),
    (
        "Nov 25 10:00:00 h sendmail[1]: x1: ruleset=check_rcpt, arg1=<a, relay=h [198.18.0.7], reject=550 5.7.1 x>, relay=h.example.com [203.0.113.9], reject=550 5.7.1 <a>... Relaying denied",
        false,
    ),
    (
        "Nov 25 10:00:00 h named[1]: client @0x7 203.0.113.9#4 (client 198.18.0.7#53): query (cache) 'client 198.18.0.7#53/A/IN' denied",
        true,
    ),
    ("Nov 25 10:00:00 h named[1]: resolving 'client 198.18.0.7#53: x/A/IN': refused", false),
    (
        "[2026-11-25 10:00:00] NOTICE[1]: chan_sip.c:1 h: Registration from 'x' failed for '198.18.0.7' - Wrong password' failed for '203.0.113.9:5060' - Wrong password",
        false,
    ),
    (
        "[2026-11-25 10:00:00] NOTICE[1] chan_sip.c: Registration from 'x' failed for '198.18.0.7' - No matching peer found' failed for '203.0.113.9' - No matching peer found",
        false,
    ),
    (
        "Nov 25 10:00:00 h pure-ftpd: (x@198.18.0.7) [INFO] y@203.0.113.9) [WARNING] Authentication failed for user [x]",
        false,
    ),
    (
        "Nov 25 10:00:00 h pure-ftpd: (?@203.0.113.9) [WARNING] Authentication failed for user [(?@198.18.0.7) [INFO] x]",
        true,
    ),
    (
        "2026-11-25 10:00:00 dovecot_login authenticator failed for (x [198.18.0.7]: 535) [203.0.113.9]:40022: 535 Incorrect authentication data (set_id=info)",
        false,
    ),
    (
        "2026-11-25 10:00:00 dovecot_login authenticator failed for h.example.net (x) [203.0.113.9]:40022: 535 Incorrect authentication data (set_id=x)",
        true,
    ),
    ("Nov 25 10:00:00 h smbd[1]: Denied connection from (198.18.0.7) (203.0.113.9)", true),
    ("Nov 25 10:00:00 h smbd[1]: Denied connection from (203.0.113.9)", true),
    // A raw Host header in an access log imitates other lines.
    (
        "Nov 25 10:00:00 h sshd[1]: Failed password for root from 198.18.0.7 port 22 ssh2: x 203.0.113.9 - - [25/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 400 1",
        false,
    ),
    (
        "x 198.18.0.7 - x 203.0.113.9 - - [25/Nov/2026:10:00:00 +0000] \"GET /x?f=/etc/passwd HTTP/1.1\" 400 1 \"-\" \"-\"",
        false,
    ),
];
