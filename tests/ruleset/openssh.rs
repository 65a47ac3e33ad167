//! What sshd of OpenSSH 8.4, 9.2 and 10.0 (Debian 11, 12 and 13) was seen to write while names and keys held
//! another address, and further forms of its sources (C39). `PEER` is the peer, `{}` its own words.

use crate::shipped::Shipped;

const PEER: &str = "198.51.100.7";
const INNOCENT: &str = "203.0.113.9";

/// User names that look like the daemon's own words.
const NAMES: [&str; 4] = [
    "u1 from 203.0.113.9 port 22",
    "root from 203.0.113.9 port 22 ssh2",
    "x 203.0.113.9 port 22",
    "a from 203.0.113.9",
];

const SEEN: &[&str] = &[
    "sshd: Invalid user {} from PEER port 40022",
    "sshd: Failed none for invalid user {} from PEER port 40022 ssh2",
    "sshd: Failed password for invalid user {} from PEER port 40022 ssh2",
    "sshd-session: Failed password for invalid user {} from PEER port 40022 ssh2",
    "sshd: Failed keyboard-interactive/pam for invalid user {} from PEER port 40022 ssh2",
    "sshd: error: Failed password for invalid user {} from PEER port 40022 ssh2",
    "sshd: Connection closed by invalid user {} PEER port 40022 [preauth]",
    "sshd: Connection reset by authenticating user {} PEER port 40022 [preauth]",
    "sshd-session: Connection closed by invalid user {} PEER port 40022 [preauth]",
    "sshd: Disconnected from invalid user {} PEER port 40022 [preauth]",
    "sshd: Disconnecting invalid user {} PEER port 40022: Too many authentication failures [preauth]",
    "sshd: error: maximum authentication attempts exceeded for invalid user {} from PEER port 40022 ssh2 [preauth]",
    "sshd: Postponed keyboard-interactive for invalid user {} from PEER port 40022 ssh2 [preauth]",
    "sshd: Postponed publickey for {} from PEER port 40022 ssh2 [preauth]",
    "sshd: error: PAM: Authentication failure for illegal user {} from PEER",
    "sshd: Failed publickey for root from PEER port 40022 ssh2: ED25519-CERT SHA256:hdxI+GSe ID {} (serial 0) CA ED25519 SHA256:w4k4",
    "sshd: Failed publickey for root from PEER port 40022 ssh2: ED25519-CERT SHA256:hdxI+GSe ID x from 203.0.113.9 port 22 ssh2 (serial 0) CA ED25519 SHA256:w4k4",
    "sshd: Failed hostbased for root from PEER port 40022 ssh2: ED25519 SHA256:hdxI+GSe, client user \"{}\", client host \"h.example.net\"",
    "sshd: Failed hostbased for root from PEER port 40022 ssh2: ED25519 SHA256:hdxI+GSe, client user \"joe\", client host \"{}\"",
    "sshd: Failed password for root from PEER port 20000 ssh1: ruser from 203.0.113.9",
    "sshd: Failed publickey for root from PEER port 40022 ssh2: RSA SHA256:hdxI+GSe",
    "sshd: Accepted publickey for root from PEER port 40022 ssh2: RSA-CERT SHA256:hdxI+GSe ID {} (serial 0) CA RSA SHA256:w4k4",
    "sshd: User daemon from PEER not allowed because listed in DenyUsers",
    "sshd: User daemon from PEER not allowed because none of user's groups are listed in AllowGroups",
    "sshd: ROOT LOGIN REFUSED FROM PEER port 40022 [preauth]",
    "sshd: Received disconnect from PEER port 40022:11: {} [preauth]",
    "sshd: error: Received disconnect from PEER port 40022:3: com.jcraft.jsch.JSchException: Auth fail [preauth]",
    "sshd: Disconnected from PEER port 40022 [preauth]",
    "sshd: Connection closed by PEER port 40022 [preauth]",
    "sshd: Connection reset by PEER port 40022",
    "sshd: Disconnecting PEER port 40022: Too many authentication failures [preauth]",
    "sshd: Unable to negotiate with PEER port 40022: no matching key exchange method found. Their offer: {} [preauth]",
    "sshd: ssh_dispatch_run_fatal: Connection from PEER port 40022: message authentication code incorrect [preauth]",
    "sshd: ssh_dispatch_run_fatal: Connection from invalid user {} PEER port 40022: Broken pipe [preauth]",
    "sshd: banner exchange: Connection from PEER port 40022: invalid format",
    "sshd: banner exchange: Connection from PEER port 40022: could not read protocol version",
    "sshd: Bad protocol version identification '{}' from PEER port 40022",
    "sshd: Did not receive identification string from PEER port 40022",
    "sshd: Protocol major versions differ for PEER port 40022: SSH-2.0-OpenSSH_8.4 vs. {}",
    "sshd: scanned from PEER port 40022 with {}.  Don't panic.",
    "sshd: Timeout before authentication for PEER port 40022",
    "sshd-session: Timeout before authentication for connection from PEER to 192.0.2.1, pid = 811",
    "sshd: drop connection #10 from [PEER]:40022 on [192.0.2.1]:22 past MaxStartups",
    "sshd: drop connection #0 from [PEER]:40022 on [192.0.2.1]:22 penalty: failed authentication",
    "sshd: srclimit_penalise: ipv4: new PEER/32 deferred penalty of 1 seconds for penalty: connections without attempting authentication",
    "sshd: srclimit_penalise: PEER/32: activating ipv4 penalty of 18 seconds for penalty: failed authentication",
    "sshd: reverse mapping checking getaddrinfo for h.example.net [PEER] failed.",
    "sshd: Address PEER maps to h.example.net, but this does not map back to the address.",
    "sshd: Nasty PTR record \"203.0.113.9\" is set up for PEER, ignoring",
    "sshd: refused connect from h.example.net (PEER)",
];

/// Lines without a peer of the daemon's.
const NAMELESS: &[&str] = &[
    "sshd: kex_exchange_identification: client sent invalid protocol identifier \"{}\"",
    "sshd: Could not get shadow information for {}",
    "sshd: subsystem request for {} by user u failed, subsystem not found",
    "sshd: input_userauth_request: invalid user {} [preauth]",
    "sshd: User {} not allowed because account is locked",
    "sshd: userauth_hostbased mismatch: client sends {}, but we resolve 203.0.113.9 to 203.0.113.9",
    "sshd: srclimit_penalise: ipv6: new 2001:db8::/64 deferred penalty of 1 seconds for penalty: caused crash",
];

/// With the header of a syslog, and `{}` replaced.
fn line(form: &str, words: &str) -> String {
    let (program, message) = form.split_once(": ").expect("a program");
    format!("Nov 25 10:00:00 h {program}[811]: {}", message.replace("PEER", PEER).replace("{}", words))
}

#[test]
fn every_form_names_its_peer_whatever_the_peer_wrote() {
    let mut engine = Shipped::new();
    let mut wrong = Vec::new();
    for form in SEEN {
        for words in NAMES.into_iter().chain(["root"]) {
            let line = line(form, words);
            engine.reset();
            let answer = engine.answer(&line, 0);
            if answer.srcip.as_deref() != Some(PEER) || answer.decoder.as_deref() != Some("sshd") {
                wrong.push(format!("{:?} {:?}: {line}", answer.decoder, answer.srcip));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn form_without_a_peer_names_nobody() {
    let mut engine = Shipped::new();
    for form in NAMELESS {
        for words in NAMES {
            let line = line(form, words);
            engine.reset();
            let answer = engine.answer(&line, 0);
            assert!(answer.srcip.is_none_or(|found| !found.contains(INNOCENT) && !found.contains("db8")), "{line}");
        }
    }
}
