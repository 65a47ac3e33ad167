//! CVE-2009-0362: fail2ban 0.8.3 took a reverse name that looks like an address for one.

use super::blames_only_the_peer;

const LINES: &[&str] = &[
    "sshd[7]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9.evil.example  user=root",
    "sshd[7]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=203.0.113.9-evil.example  user=root",
    "vsftpd[7]: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=rhost=203.0.113.9 rhost=203.0.113.9.evil.example",
];

#[test]
fn what_the_client_writes_names_nobody() {
    blames_only_the_peer(LINES);
}
