//! The forms of sshd's lines, as seen, and the rule that each of them is for.

use hids_tests::machine::Release;
use hids_tests::machine::Release::{Debian11, Debian12, Debian13};

/// A user name like a part of sshd's own words.
pub(crate) const HOSTILE: &str = "u1 from 203.0.113.9 port 22";

/// A line without what differs from one run to the next. PEER is the client, which must
/// be the line's `srcip` (a line without it names nobody), SERVER the address that it connected to.
pub(crate) struct Form {
    pub text: &'static str,
    /// 0: no rule.
    pub rule: u32,
    /// Where it must come; elsewhere it may.
    pub releases: &'static [Release],
}

const ALL: &[Release] = &[Debian11, Debian12, Debian13];
/// Before sshd was divided into several programs.
const OLD: &[Release] = &[Debian11, Debian12];
const NEW: &[Release] = &[Debian13];
/// Depends on who is faster.
const NONE: &[Release] = &[];

const fn form(rule: u32, text: &'static str) -> Form {
    Form { text, rule, releases: ALL }
}

const fn form_of(releases: &'static [Release], rule: u32, text: &'static str) -> Form {
    Form { text, rule, releases }
}

#[rustfmt::skip]
pub(crate) const FORMS: &[Form] = &[
    form(200_024, "pam_unix(sshd:account): account expired has expired (account expired)"),
    form(5502, "pam_unix(sshd:session): session closed for user webadmin"),
    form(5503, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=PEER"),
    form(5503, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=PEER  user=daemon"),
    form(5503, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=PEER  user=locked"),
    form(5503, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=PEER  user=noshell"),
    form(5503, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=PEER  user=root"),
    form(5503, "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=PEER  user=webadmin"),
    form(5523, "pam_unix(sshd:auth): check pass; user unknown"),
    form(5709, "Postponed keyboard-interactive for root from PEER port N ssh2 [preauth]"),
    form(5701, "banner exchange: Connection from PEER port N: could not read protocol version"),
    form(5701, "banner exchange: Connection from PEER port N: invalid format"),
    form(5706, "error: Protocol major versions differ: 2 vs. 1"),
    form(5709, r#"Connection from PEER port N on SERVER port N rdomain """#),
    form(5709, "Starting session: command for webadmin from PEER port N id 0"),
    form_of(NONE, 5709, "Close session: user webadmin from PEER port N id 0"),
    form(5709, "User child is on pid N"),
    form(5710, "Failed keyboard-interactive/pam for invalid user nobody-here from PEER port N ssh2"),
    form(5710, "Failed password for invalid user daemon from PEER port N ssh2"),
    form(5710, "Failed password for invalid user nobody-here from PEER port N ssh2"),
    form(5710, "Failed password for invalid user noshell from PEER port N ssh2"),
    form(5710, "Failed password for invalid user u1 from 203.0.113.9 port N from PEER port N ssh2"),
    form(5710, "Failed password for invalid user webadmin from PEER port N ssh2"),
    form(5710, "Invalid user nobody-here from PEER port N"),
    form(5710, "Invalid user u1 from 203.0.113.9 port N from PEER port N"),
    form(5710, "Postponed keyboard-interactive for invalid user nobody-here from PEER port N ssh2 [preauth]"),
    form(5711, "error: PAM: Authentication failure for illegal user nobody-here from PEER"),
    form(5711, "fatal: Access denied for user expired by PAM account configuration [preauth]"),
    form(5716, "Failed keyboard-interactive/pam for root from PEER port N ssh2"),
    form(5716, "Failed password for expired from PEER port N ssh2"),
    form(5716, "Failed password for locked from PEER port N ssh2"),
    form(5716, "Failed password for root from PEER port N ssh2"),
    form(5716, "Failed publickey for webadmin from PEER port N ssh2: ED25519 HASH"),
    form(5716, "Failed publickey for webadmin from PEER port N ssh2: ED25519-CERT HASH ID u1 from 203.0.113.9 port N ssh2 (serial 0) CA ED25519 HASH"),
    form(5716, "error: PAM: Authentication failure for root from PEER"),
    form(5718, "User daemon from PEER not allowed because listed in DenyUsers"),
    form(5718, "User noshell not allowed because shell /bin/nosuch does not exist"),
    form(5718, "User webadmin from PEER not allowed because not listed in AllowUsers"),
    form(5721, "Disconnected from user webadmin PEER port N"),
    form(5721, "Received disconnect from PEER port N:11: disconnected by user"),
    form(5722, "Connection closed by PEER port N"),
    form(5722, "Connection closed by invalid user daemon PEER port N [preauth]"),
    form(5722, "Connection closed by invalid user nobody-here PEER port N [preauth]"),
    form(5722, "Connection closed by invalid user noshell PEER port N [preauth]"),
    form(5722, "Connection closed by invalid user u1 from 203.0.113.9 port N PEER port N [preauth]"),
    form(5722, "Connection closed by invalid user webadmin PEER port N [preauth]"),
    form(5722, "Connection reset by PEER port N [preauth]"),
    form(5748, "ssh_dispatch_run_fatal: Connection from PEER port N: message authentication code incorrect [preauth]"),
    form(5749, "Bad packet length 1094795585. [preauth]"),
    form(5751, "Unable to negotiate with PEER port N: no matching host key type found. Their offer: X [preauth]"),
    form(5752, "Unable to negotiate with PEER port N: no matching key exchange method found. Their offer: X [preauth]"),
    form(5753, "Unable to negotiate with PEER port N: no matching MAC found. Their offer: X [preauth]"),
    form(5753, "Unable to negotiate with PEER port N: no matching cipher found. Their offer: X [preauth]"),
    form(5756, "subsystem request for no-such-subsystem by user webadmin failed, subsystem not found"),
    form(5758, "error: maximum authentication attempts exceeded for invalid user nobody-here from PEER port N ssh2 [preauth]"),
    form(5758, "error: maximum authentication attempts exceeded for root from PEER port N ssh2 [preauth]"),
    form(10100, "Accepted password for webadmin from PEER port N ssh2"),
    form(99020, "Connection closed by authenticating user locked PEER port N [preauth]"),
    form(99020, "Connection closed by authenticating user root PEER port N [preauth]"),
    form(99020, "Connection closed by authenticating user webadmin PEER port N [preauth]"),
    form(99022, "Disconnecting authenticating user root PEER port N: Too many authentication failures [preauth]"),
    form(99022, "Disconnecting invalid user nobody-here PEER port N: Too many authentication failures [preauth]"),
    form_of(OLD, 5501, "pam_unix(sshd:session): session opened for user webadmin(uid=N) by (uid=0)"),
    form_of(OLD, 5706, "error: kex_exchange_identification: Connection closed by remote host"),
    form_of(OLD, 5706, "error: kex_exchange_identification: banner line contains invalid characters"),
    form_of(OLD, 5706, r#"error: kex_exchange_identification: client sent invalid protocol identifier "GET / HTTP/1.0""#),
    form_of(OLD, 99027, "drop connection #N from [PEER]:N on [SERVER]:N past MaxStartups"),
    form_of(OLD, 99027, "error: beginning MaxStartups throttling"),
    form_of(NEW, 5501, "pam_unix(sshd:session): session opened for user webadmin(uid=N) by webadmin(uid=0)"),
    form_of(NEW, 5557, "unix_chkpwd: password check failed for user (daemon)"),
    form_of(NEW, 5557, "unix_chkpwd: password check failed for user (locked)"),
    form_of(NEW, 5557, "unix_chkpwd: password check failed for user (noshell)"),
    form_of(NEW, 5557, "unix_chkpwd: password check failed for user (root)"),
    form_of(NEW, 5557, "unix_chkpwd: password check failed for user (webadmin)"),
    form_of(NEW, 5704, "Timeout before authentication for connection from PEER to SERVER, pid N"),
    form_of(NEW, 99027, "drop connection #N from [PEER]:N on [SERVER]:N Maxstartups"),
    form_of(NONE, 5722, "Connection reset by PEER port N"),
    form_of(NONE, 5722, "Connection closed by PEER port N [preauth]"),
    form_of(NONE, 5740, "error: kex_exchange_identification: read: Connection reset by peer"),
    form_of(NONE, 5706, r#"kex_exchange_identification: client sent invalid protocol identifier "GET / HTTP/1.0""#),
];
