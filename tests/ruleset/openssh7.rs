//! Messages of sshd of OpenSSH 7.2 to 7.9 (CentOS 7, Ubuntu 16.04 and 18.04, Debian 9 and 10), beyond those that
//! later versions write too (C39). `PEER` is the peer, `{}` its own words. Formats: `log` calls of auth.c, auth1.c,
//! auth2*.c, auth-*.c, packet.c, serverloop.c, session.c and sshd.c of those versions.

use crate::shipped::Shipped;

const PEER: &str = "198.51.100.7";
const PEER_V6: &str = "2001:db8::7";

/// Words of a client that look like the daemon's own, and plain ones.
const WORDS: [&str; 7] = [
    "ann",
    "u1 from 203.0.113.9 port 22",
    "root from 203.0.113.9 port 22 ssh2",
    "root from 203.0.113.9 port 22 ssh1",
    "x 203.0.113.9 port 22",
    "a from 203.0.113.9",
    "203.0.113.9",
];

/// Rule (0: none but 5700, which is silent) and message. Each names its peer, whatever the peer wrote.
const NAMING: &[(u32, &str)] = &[
    // auth.c: the end of each line tells the protocol, which 7.2 and 7.3 have two of.
    (5716, "Failed password for root from PEER port 40022 ssh1"),
    (5716, "Failed none for root from PEER port 40022 ssh1"),
    (5716, "Failed rsa for root from PEER port 40022 ssh1"),
    (5716, "Failed rhosts-rsa for root from PEER port 40022 ssh1: ruser ann"),
    (5716, "Failed challenge-response for root from PEER port 40022 ssh1"),
    (5716, "Failed bad-auth-msg-7 for root from PEER port 40022 ssh1"),
    (5716, "Failed keyboard-interactive/bsdauth for root from PEER port 40022 ssh2"),
    (5716, "Failed keyboard-interactive for root from PEER port 40022 ssh2 [preauth]"),
    (5716, "Failed gssapi-with-mic for root from PEER port 40022 ssh2"),
    (5716, "Failed publickey for root from PEER port 40022 ssh2: DSA SHA256:hdxI+GSe"),
    (
        5716,
        "Failed publickey for root from PEER port 40022 ssh2: RSA MD5:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff",
    ),
    (5716, "Failed publickey for root from PEER port 40022 ssh2: RSA-CERT ID {} (serial 7) CA RSA SHA256:w4k4"),
    (
        5716,
        "Failed publickey for root from PEER port 40022 ssh2: RSA-CERT SHA256:hdxI+GSe ID {} (serial 7) CA RSA SHA256:w4k4",
    ),
    (
        5716,
        "Failed hostbased for root from PEER port 40022 ssh2: RSA SHA256:hdxI+GSe, client user \"{}\", client host \"{}\"",
    ),
    (5710, "Failed password for invalid user {} from PEER port 40022 ssh1"),
    (5710, "Failed none for invalid user {} from PEER port 40022 ssh1"),
    (5710, "Failed rsa for invalid user {} from PEER port 40022 ssh1"),
    (5710, "Failed challenge-response for invalid user {} from PEER port 40022 ssh1"),
    (5710, "Failed publickey for invalid user {} from PEER port 40022 ssh2"),
    (5710, "Failed gssapi-with-mic for invalid user {} from PEER port 40022 ssh2"),
    (5709, "Postponed publickey for root from PEER port 40022 ssh2 [preauth]"),
    (5709, "Postponed keyboard-interactive for root from PEER port 40022 ssh2 [preauth]"),
    (5710, "Postponed keyboard-interactive/pam for invalid user {} from PEER port 40022 ssh2 [preauth]"),
    (5709, "Partial publickey for root from PEER port 40022 ssh2: RSA SHA256:hdxI+GSe"),
    (5709, "Partial password for root from PEER port 40022 ssh2"),
    (
        5709,
        "Partial publickey for root from PEER port 40022 ssh2: RSA-CERT SHA256:hdxI+GSe ID {} (serial 7) CA RSA SHA256:w4k4",
    ),
    (10100, "Accepted password for ann from PEER port 40022 ssh1"),
    (10100, "Accepted rsa for ann from PEER port 40022 ssh1: RSA1 SHA256:hdxI+GSe"),
    (10100, "Accepted rhosts-rsa for ann from PEER port 40022 ssh1: ruser ann"),
    (10100, "Accepted keyboard-interactive/pam for ann from PEER port 40022 ssh2"),
    (10100, "Accepted gssapi-with-mic for ann from PEER port 40022 ssh2: ann@EXAMPLE.ORG"),
    (10100, "Accepted publickey for ann from PEER port 40022 ssh2: ED25519-CERT ID {} (serial 7) CA RSA SHA256:w4k4"),
    (
        10100,
        "Accepted hostbased for ann from PEER port 40022 ssh2: RSA SHA256:hdxI+GSe, client user \"{}\", client host \"h.example.net\"",
    ),
    (5758, "error: maximum authentication attempts exceeded for root from PEER port 40022 ssh1 [preauth]"),
    (5758, "error: maximum authentication attempts exceeded for invalid user {} from PEER port 40022 ssh1 [preauth]"),
    (5758, "error: maximum authentication attempts exceeded for invalid user {} from PEER port 40022 ssh2 [preauth]"),
    (5710, "Invalid user {} from PEER"),
    (5710, "Invalid user {} from PEER port 40022"),
    (2504, "ROOT LOGIN REFUSED FROM PEER"),
    (2504, "ROOT LOGIN REFUSED FROM PEER port 40022"),
    (2504, "ROOT LOGIN REFUSED FROM PEER [preauth]"),
    (5718, "User ann from PEER not allowed because listed in DenyUsers"),
    (5718, "User ann from PEER not allowed because not listed in AllowUsers"),
    (5718, "User ann from PEER not allowed because not in any group"),
    (5718, "User ann from PEER not allowed because a group is listed in DenyGroups"),
    (5718, "User ann from PEER not allowed because none of user's groups are listed in AllowGroups"),
    (5702, "reverse mapping checking getaddrinfo for h.example.net [PEER] failed - POSSIBLE BREAK-IN ATTEMPT!"),
    (5702, "reverse mapping checking getaddrinfo for h.example.net [PEER] failed."),
    (
        5757,
        "Address PEER maps to h.example.net, but this does not map back to the address - POSSIBLE BREAK-IN ATTEMPT!",
    ),
    (5757, "Address PEER maps to h.example.net, but this does not map back to the address."),
    // auth-options.c, which later versions begin with the place of the key
    (
        99028,
        "Authentication tried for ann with correct key but not from a permitted host (host=h.example.net, ip=PEER).",
    ),
    (99028, "Authentication tried for ann with correct key but not from a permitted host (host=PEER, ip=PEER)."),
    (99028, "Authentication tried for ann with valid certificate but not from a permitted host (ip=PEER)."),
    // auth-pam.c
    (5716, "error: PAM: Authentication failure for root from PEER"),
    (5716, "error: PAM: Maximum number of retries exceeded for root from PEER"),
    (5711, "error: PAM: Authentication failure for illegal user {} from PEER"),
    (200_000, "error: PAM: User not known to the underlying authentication module for illegal user {} from PEER"),
    // sshd.c
    (5706, "Did not receive identification string from PEER"),
    (5706, "Did not receive identification string from PEER port 40022"),
    (0, "Could not write ident string to PEER"),
    (0, "Could not write ident string to PEER port 40022"),
    (5701, "Bad protocol version identification '{}' from PEER"),
    (5701, "Bad protocol version identification '{}' from PEER port 40022"),
    (5731, "probed from PEER with {}.  Don't panic."),
    (5731, "scanned from PEER with {}.  Don't panic."),
    (5731, "probed from PEER port 40022 with {}.  Don't panic."),
    (5731, "scanned from PEER port 40022 with {}.  Don't panic."),
    (5706, "Protocol major versions differ for PEER: SSH-2.0-OpenSSH_7.2 vs. {}"),
    (5706, "Protocol major versions differ for PEER port 40022: SSH-2.0-OpenSSH_7.4 vs. {}"),
    (5704, "fatal: Timeout before authentication for PEER"),
    (5704, "fatal: Timeout before authentication for PEER port 40022"),
    (5709, "Connection from PEER port 40022 on 192.0.2.1 port 22"),
    (5709, "Connection from PEER port 40022 on 192.0.2.1 port 22 rdomain \"0\""),
    (1002, "fatal: Connection from PEER port 40022 with IP opts:  82 04"),
    (5722, "Closing connection to PEER"),
    (5722, "Closing connection to PEER port 40022"),
    // packet.c
    (5721, "Received disconnect from PEER: 11: {}"),
    (5721, "Received disconnect from PEER: 11: {} [preauth]"),
    (5721, "Received disconnect from PEER: {}"),
    (5721, "Received disconnect from PEER port 40022: {}"),
    (5721, "Received disconnect from PEER port 40022:11: {}"),
    (5721, "error: Received disconnect from PEER: 3: {} [preauth]"),
    (5721, "error: Received disconnect from PEER port 40022:3: {} [preauth]"),
    (0, "Finished discarding for PEER"),
    (0, "Finished discarding for PEER port 40022"),
    (5722, "Connection closed by PEER"),
    (5722, "Connection closed by PEER [preauth]"),
    (5722, "Connection closed by PEER port 40022"),
    (5722, "Connection closed by user ann PEER port 40022"),
    (5722, "Connection reset by PEER [preauth]"),
    (5722, "Connection reset by user ann PEER port 40022"),
    (5721, "Disconnected from PEER"),
    (5721, "Disconnected from PEER port 40022"),
    (5721, "Disconnected from user ann PEER port 40022"),
    (5742, "Connection to PEER timed out"),
    (5742, "Connection to PEER port 40022 timed out"),
    (5742, "Connection from PEER port 40022 timed out"),
    (5742, "Connection from user ann PEER port 40022 timed out"),
    (5742, "Connection from authenticating user root PEER port 40022 timed out [preauth]"),
    (5742, "Connection from invalid user {} PEER port 40022 timed out [preauth]"),
    (5751, "fatal: Unable to negotiate with PEER: no matching host key type found. Their offer: {} [preauth]"),
    (
        5751,
        "fatal: Unable to negotiate with PEER port 40022: no matching host key type found. Their offer: {} [preauth]",
    ),
    (
        5752,
        "Unable to negotiate with PEER port 40022: no matching key exchange method found. Their offer: {} [preauth]",
    ),
    (5753, "fatal: Unable to negotiate with PEER: no matching cipher found. Their offer: {} [preauth]"),
    (5753, "Unable to negotiate with PEER port 40022: no matching MAC found. Their offer: {} [preauth]"),
    (5740, "fatal: ssh_dispatch_run_fatal: Connection to PEER: Connection reset by peer [preauth]"),
    (5740, "ssh_dispatch_run_fatal: Connection from user ann PEER port 40022: Connection reset by peer"),
    (5742, "fatal: ssh_dispatch_run_fatal: Connection to PEER port 40022: Connection timed out"),
    (5743, "fatal: ssh_dispatch_run_fatal: Connection to PEER: No route to host"),
    (5748, "fatal: ssh_dispatch_run_fatal: Connection to PEER: message authentication code incorrect [preauth]"),
    (
        5748,
        "fatal: ssh_dispatch_run_fatal: Connection to PEER port 40022: message authentication code incorrect [preauth]",
    ),
    (5748, "ssh_dispatch_run_fatal: Connection from PEER port 40022: message authentication code incorrect [preauth]"),
    (5735, "fatal: packet_write_wait: Connection to PEER: Broken pipe"),
    (5735, "packet_write_wait: Connection to PEER port 40022: Broken pipe"),
    (5735, "packet_write_wait: Connection from user ann PEER port 40022: Broken pipe"),
    (5735, "packet_write_poll: Connection from PEER port 40022: Broken pipe"),
    (5735, "fatal: Fssh_packet_write_wait: Connection to PEER port 40022: Broken pipe"),
    (1002, "fatal: ssh_dispatch_run_fatal: Connection to PEER: Connection corrupted [preauth]"),
    (
        200_007,
        "ssh_dispatch_run_fatal: Connection from invalid user {} PEER port 40022: unexpected internal error [preauth]",
    ),
    (5721, "Disconnecting PEER port 40022: Packet corrupt [preauth]"),
    (99022, "Disconnecting authenticating user root PEER port 40022: Too many authentication failures [preauth]"),
    (99022, "Disconnecting invalid user {} PEER port 40022: Too many authentication failures [preauth]"),
    // serverloop.c
    (5740, "Read error from remote host PEER: Connection reset by peer"),
    (5740, "Read error from remote host PEER port 40022: Connection reset by peer"),
    (5742, "Read error from remote host PEER: Connection timed out"),
    (5743, "Read error from remote host PEER port 40022: No route to host"),
    (0, "Timeout, client not responding from user ann PEER port 40022"),
    // session.c
    (5709, "Starting session: shell on pts/0 for ann from PEER port 40022 id 0"),
    (5709, "Starting session: command for ann from PEER port 40022 id 0"),
    (5709, "Starting session: subsystem 'sftp' for ann from PEER port 40022 id 0"),
    (5709, "Starting session: forced-command (config) 'internal-sftp' for ann from PEER port 40022 id 0"),
    (5709, "Starting session: command for ann from PEER port 40022"),
    (5709, "Close session: user ann from PEER port 40022 id 0"),
];

/// The same for messages that have no peer of the daemon's.
const NAMELESS: &[(u32, &str)] = &[
    (5711, "input_userauth_request: invalid user {} [preauth]"),
    (5711, "fatal: Access denied for user {} by PAM account configuration [preauth]"),
    (5711, "error: Could not get shadow information for {}"),
    (
        5721,
        "Disconnecting: Change of username or service not allowed: ({},ssh-connection) -> ({},ssh-connection) [preauth]",
    ),
    (5721, "Disconnecting: Too many authentication failures [preauth]"),
    (5758, "Disconnecting: Too many authentication failures for root [preauth]"),
    (5758, "Disconnecting: Too many authentication failures for {} [preauth]"),
    (200_007, "Disconnecting: Packet corrupt [preauth]"),
    (5721, "Disconnecting: IP Spoofing check bytes do not match."),
    (5713, "Disconnecting: Corrupted check bytes on input."),
    (5747, "Disconnecting: bad client public DH value [preauth]"),
    (5747, "invalid public DH value (1/2048) [preauth]"),
    (5748, "Corrupted MAC on input. [preauth]"),
    (5748, "Disconnecting: Corrupted MAC on input. [preauth]"),
    (5749, "Bad packet length 1349676916. [preauth]"),
    (5749, "Disconnecting: Bad packet length 1349676916. [preauth]"),
    (5749, "padding error: need 65540 block 8 mod 4 [preauth]"),
    (200_011, "User {} not allowed because account is locked"),
    (5718, "User ann not allowed because shell /bin/none does not exist"),
    (5718, "User ann not allowed because shell /bin/none is not executable"),
    (5718, "User ann from h.example.net not allowed because not listed in AllowUsers"),
    (5718, "User ann not allowed because /etc/nologin exists"),
    (0, "Login name {} does not match stored username ann"),
    (0, "Account ann has expired"),
    (0, "User ann password has expired (password aged)"),
    (0, "User ann authorized keys /home/ann/.ssh/authorized_keys is not a regular file"),
    (5755, "Authentication refused: bad ownership or modes for directory /home/ann"),
    (5755, "Authentication refused for ann: bad owner or modes for /home/ann/.shosts"),
    (5716, "error: PAM: Authentication failure for ann from h.example.net"),
    (5711, "error: PAM: Authentication failure for illegal user {} from h.example.net"),
    (1002, "fatal: PAM: pam_setcred(): Failure setting user credentials"),
    (0, "userauth_pubkey: unsupported public key algorithm: {} [preauth]"),
    (0, "userauth_pubkey: key type ssh-dss not in PubkeyAcceptedKeyTypes [preauth]"),
    (0, "refusing previously-used RSA key [preauth]"),
    (200_006, "error: Certificate invalid: name is not a listed principal"),
    (200_005, "error: Authentication key RSA SHA256:hdxI+GSe revoked by file /etc/ssh/revoked"),
    (0, "Accepted certificate ID \"{}\" (serial 7) signed by RSA CA SHA256:w4k4 via /etc/ssh/ca.pub"),
    (0, "Accepted RSA public key SHA256:hdxI+GSe from {}@h.example.net"),
    (0, "Accepted certificate ID \"{}\" signed by RSA CA SHA256:w4k4 from {}@h.example.net"),
    (200_009, "userauth_hostbased mismatch: client sends {}, but we resolve 203.0.113.9 to h.example.net"),
    (0, "userauth_hostbased: key type ssh-dss not in HostbasedAcceptedKeyTypes [preauth]"),
    (5755, "Rhosts authentication refused for ann: bad ownership or modes for home directory."),
    (0, "Client version \"{}\" uses unsafe RSA signature scheme; disabling use of RSA keys"),
    (0, "Unknown message during authentication: type 7"),
    (0, "Authorized to ann, krb5 principal ann@EXAMPLE.ORG (krb5_kuserok)"),
    (200_007, "dispatch_protocol_error: type 90 seq 3 [preauth]"),
    (200_007, "Hm, kex protocol error: type 30 seq 1 [preauth]"),
    (5753, "fatal: no matching cipher found: client {} server aes128-ctr [preauth]"),
    (5717, "WARNING: /etc/ssh/moduli does not exist, using fixed modulus"),
    (5717, "WARNING: could not open /etc/ssh/moduli (No such file or directory), using fixed modulus"),
    (5717, "WARNING: no suitable primes in /etc/ssh/moduli"),
    (0, "Timeout, client not responding."),
    (5709, "Exiting on signal 15"),
    (5709, "Received signal 15; terminating."),
    (5709, "Server listening on 0.0.0.0 port 22."),
    (5709, "User child is on pid 4711"),
    (5709, "Transferred: sent 203072, received 3104 bytes"),
    (5727, "error: Bind to port 22 on 203.0.113.9 failed: Address already in use."),
    (5737, "fatal: Cannot bind any address."),
    (5734, "error: Could not load host key: /etc/ssh/ssh_host_dsa_key"),
    (5756, "subsystem request for sftp by user ann failed, subsystem not found"),
    (0, "subsystem request for {} by user ann"),
    (5744, "refused local port forward: originator {} port 22, target {} port 22"),
    (5744, "Received request to connect to host {} port 22, but the request was denied."),
    (5744, "channel 3: open failed: administratively prohibited: open failed"),
    (5744, "error: connect_to {} port 25: failed."),
    (0, "Attempt to write login records by non-root user (aborting)"),
    (0, "reprocess config line 16: Deprecated option RSAAuthentication [preauth]"),
    (0, "Nasty PTR record \"203.0.113.9\" is set up for h.example.net, ignoring"),
];

fn line(form: &str, peer: &str, words: &str) -> String {
    format!("Nov 25 10:00:00 h sshd[811]: {}", form.replace("PEER", peer).replace("{}", words))
}

#[test]
fn every_form_names_its_peer_and_gets_its_rule() {
    let mut engine = Shipped::new();
    let mut wrong = Vec::new();
    for (rule, form) in NAMING {
        let words = if form.contains("{}") { &WORDS[..] } else { &WORDS[..1] };
        for (peer, words) in [PEER, PEER_V6].iter().flat_map(|peer| words.iter().map(move |words| (*peer, *words))) {
            let line = line(form, peer, words);
            engine.reset();
            let answer = engine.answer(&line, 0);
            if answer.srcip.as_deref() != Some(peer) || answer.rule.unwrap_or(0) != *rule {
                wrong.push(format!("{:?} (not {rule}) {:?}: {line}", answer.rule, answer.srcip));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn form_without_a_peer_names_nobody_and_gets_its_rule() {
    let mut engine = Shipped::new();
    let mut wrong = Vec::new();
    for (rule, form) in NAMELESS {
        let words = if form.contains("{}") { &WORDS[..] } else { &WORDS[..1] };
        for words in words {
            let line = line(form, PEER, words);
            engine.reset();
            let answer = engine.answer(&line, 0);
            let named = answer.srcip.as_deref().is_some_and(|found| found.contains("203.0.113.9"));
            if named || answer.rule.unwrap_or(0) != *rule || answer.decoder.as_deref() != Some("sshd") {
                wrong.push(format!("{:?} (not {rule}) {:?}: {line}", answer.rule, answer.srcip));
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}

/// Two places that could each be the daemon's: whom the line names cannot be told. Of an account that exists no name
/// can be such words, so that nobody gets in unseen.
#[test]
fn words_that_go_on_as_a_line_of_the_daemon_name_nobody() {
    let mut engine = Shipped::new();
    for (rule, form, words) in [
        (5716, "Failed rhosts-rsa for root from PEER port 40022 ssh1: ruser {}", "x from 203.0.113.9 port 22 ssh1"),
        (
            5716,
            "Failed rhosts-rsa for root from PEER port 40022 ssh1: ruser {}",
            "x from 203.0.113.9 port 22 ssh1: ruser y",
        ),
        (
            5716,
            "Failed publickey for root from PEER port 40022 ssh2: RSA-CERT ID {}",
            "x from 203.0.113.9 port 22 ssh2",
        ),
        (
            5716,
            "Failed publickey for root from PEER port 40022 ssh2: RSA-CERT ID {} (serial 7) CA RSA SHA256:w4k4",
            "x from 203.0.113.9 port 22 ssh2: RSA-CERT ID y",
        ),
        (
            5710,
            "Failed password for invalid user {} from PEER port 40022 ssh1",
            "x from 203.0.113.9 port 22 ssh1: ruser y",
        ),
        (
            5710,
            "Failed rhosts-rsa for invalid user {} from PEER port 40022 ssh1: ruser {}",
            "x from 203.0.113.9 port 22 ssh1: ruser y",
        ),
    ] {
        let line = line(form, PEER, words);
        engine.reset();
        let answer = engine.answer(&line, 0);
        assert_eq!((answer.rule, answer.srcip), (Some(rule), None), "{line}");
    }
}
