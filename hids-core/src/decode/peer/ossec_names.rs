//! Names of OSSEC 4.3's own decoders whose addresses hardened decoders read.
//!
//! Only names stand here: they are how an administrator's `decoder.xml` is recognised.

/// Parent, and its children that extract an address.
const NAMES: [(&str, &[&str]); 19] = [
    ("apache-errorlog", &["apache-errorlog-ip", "apache24-errorlog-ip", "apache24-errorlog-ip-port"]),
    (
        "asterisk",
        &[
            "asterisk-denied",
            "asterisk-denied2",
            "asterisk-denied3",
            "asterisk-denied3-ipv6",
            "asterisk-iax-authentication-denied",
        ],
    ),
    ("courier", &["courier-generic", "courier-login"]),
    ("dovecot", &["dovecot-aborted", "dovecot-authfailed", "dovecot-disconnect", "dovecot-fail", "dovecot-success"]),
    ("dovecot-info", &["dovecot-info-auth", "imap-login-login"]),
    ("dropbear", &["dropbear-bad-password", "dropbear-from", "dropbear-nonexist"]),
    ("named", &["named-master", "named-query", "named_client", "named_from"]),
    ("nginx-errorlog", &["nginx-errorlog-ip", "nginx-errorlog-modsec-denied", "nginx-errorlog-modsec-warning"]),
    ("pam", &["pam-host", "pam-host-user", "pam-ruser"]),
    ("postfix", &["postfix-connect-abort", "postfix-reject", "postfix-sasl"]),
    ("proftpd", &["proftpd-ip", "proftpd-success"]),
    ("pure-ftpd", &["pure-ftpd-generic", "pure-ftpd-login"]),
    ("roundcube", &["roundcube-denied-new", "roundcube-success"]),
    ("sendmail-reject", &["sendmail-pre-greeting", "sendmail-reject-dns", "sendmail-reject-nodns"]),
    ("smbd", &["smbd-client", "smbd-from", "smbd-ip"]),
    (
        "sshd",
        &[
            "ssh-closed",
            "ssh-connection",
            "ssh-denied",
            "ssh-disconnect",
            "ssh-disconnected",
            "ssh-error",
            "ssh-failed",
            "ssh-invalid-user",
            "ssh-invfailed",
            "ssh-kbd",
            "ssh-negotiate",
            "ssh-osx-refuse",
            "ssh-pam-error",
            "ssh-protocol",
            "ssh-received",
            "ssh-reverse-mapping",
            "ssh-scan",
            "ssh-scan2",
            "sshd-exceed",
            "sshd-negotiate",
            "sshd-pam-host-user",
            "sshd-success",
            "sshd-success-solaris",
        ],
    ),
    ("vsftpd", &["vsftpd_cmd", "vsftpd_connect", "vsftpd_default", "vsftpd_login"]),
    ("web-accesslog", &["web-accesslog"]),
    ("windows-date-format", &["exim-authfailed", "exim-connect", "exim-disconnect", "exim-syntax-errors"]),
];

/// Whether OSSEC has a decoder of this name under a top-level decoder of that one.
pub(super) fn is_ossecs(top: &str, own: &str) -> bool {
    NAMES.iter().any(|(parent, children)| *parent == top && children.contains(&own))
}
