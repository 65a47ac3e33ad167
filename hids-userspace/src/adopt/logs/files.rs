//! Log files of well-known names.

use super::{Log, Logs};
use crate::adopt::system::System;

/// Path, format and what writes it, by the defaults of Debian's and Red Hat's packages.
const FILES: [(&str, &str, &str); 27] = [
    ("/var/log/auth.log", "syslog", "rsyslog, logins"),
    ("/var/log/secure", "syslog", "rsyslog, logins"),
    ("/var/log/syslog", "syslog", "rsyslog"),
    ("/var/log/messages", "syslog", "rsyslog"),
    ("/var/log/mail.log", "syslog", "rsyslog, mail"),
    ("/var/log/maillog", "syslog", "rsyslog, mail"),
    ("/var/log/dpkg.log", "syslog", "dpkg"),
    ("/var/log/exim4/mainlog", "syslog", "Exim"),
    ("/var/log/exim4/rejectlog", "syslog", "Exim"),
    ("/var/log/exim/main.log", "syslog", "Exim"),
    ("/var/log/dovecot.log", "syslog", "Dovecot"),
    ("/var/log/vsftpd.log", "syslog", "vsftpd"),
    ("/var/log/proftpd/proftpd.log", "syslog", "ProFTPD"),
    ("/var/log/pure-ftpd/transfer.log", "syslog", "Pure-FTPd"),
    ("/var/log/xferlog", "syslog", "FTP server"),
    ("/var/log/squid/access.log", "squid", "Squid"),
    ("/var/log/apache2/modsec_audit.log", "modsec-audit", "ModSecurity"),
    ("/var/log/httpd/modsec_audit.log", "modsec-audit", "ModSecurity"),
    ("/var/log/mysql/error.log", "mysql_log", "MySQL"),
    ("/var/log/mysqld.log", "mysql_log", "MySQL"),
    ("/var/log/mariadb/mariadb.log", "mysql_log", "MariaDB"),
    ("/var/log/asterisk/messages", "syslog", "Asterisk"),
    ("/var/log/asterisk/security", "syslog", "Asterisk"),
    ("/var/log/named/named.log", "syslog", "named"),
    ("/var/log/roundcube/errors.log", "syslog", "Roundcube"),
    ("/var/log/clamav/clamav.log", "syslog", "ClamAV"),
    ("/var/log/snort/alert", "snort-full", "Snort"),
];

/// Log files in JSON that people would expect to be read.
const JSON: [(&str, &str); 3] = [
    ("/var/log/suricata/eve.json", "Suricata"),
    ("/var/log/caddy/access.log", "Caddy"),
    ("/var/log/traefik/access.log", "Traefik"),
];

pub(super) fn find(system: &System, logs: &mut Logs) {
    for (path, format, writer) in FILES.into_iter().filter(|(path, ..)| system.has_file(path)) {
        logs.add(Log { path: path.to_owned(), format, found_in: writer.to_owned() });
    }
    for (path, writer) in JSON.into_iter().filter(|(path, _)| system.has_file(path)) {
        logs.refuse(path, writer.to_owned(), "in JSON, which is not supported");
    }
}
