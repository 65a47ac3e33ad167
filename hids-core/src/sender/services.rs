//! The services whose identifiers are known: what their executables, units and accounts are called.
//!
//! From the packages of Debian 11 to 13, Ubuntu 22.04 and 24.04, RHEL 8 to 10, Fedora, openSUSE and Arch Linux.
//! Executables are file names: they lie in other directories everywhere (`/usr/lib/openssh`, `/usr/libexec/openssh`).

/// One service.
#[derive(Debug)]
pub(super) struct Service {
    /// `SYSLOG_IDENTIFIER`; one that ends with `*` stands for all that begin so.
    identifiers: &'static [&'static str],
    /// File names of executables; `*` as above.
    pub programs: &'static [&'static str],
    /// Units without `.service`, and without `@` and what follows.
    pub units: &'static [&'static str],
    /// Accounts besides root.
    pub accounts: &'static [&'static str],
}

const fn service(
    identifiers: &'static [&'static str],
    programs: &'static [&'static str],
    units: &'static [&'static str],
    accounts: &'static [&'static str],
) -> Service {
    Service { identifiers, programs, units, accounts }
}

// One service is one line, so that two columns of names do not become two pages.
#[rustfmt::skip]
const SERVICES: &[Service] = &[
    // Logins and privileges.
    service(&["sshd", "sshd-session", "sshd-auth", "sshd(*"], &["sshd", "sshd-session", "sshd-auth"], &["sshd", "ssh"], &["sshd"]),
    // PAM's helper, which is started for root's programs as well (seen with Linux-PAM 1.7 in sshd): theirs are the units.
    service(&["unix_chkpwd"], &["unix_chkpwd"], &["sshd", "ssh", "getty", "serial-getty", "console-getty", "gdm", "lightdm", "sddm"], &[]),
    service(&["dropbear"], &["dropbear", "dropbearmulti"], &["dropbear"], &[]),
    service(&["sudo", "sudo(*"], &["sudo", "sudo-rs"], &[], &[]),
    service(&["su", "su-l", "su(*", "runuser"], &["su", "runuser", "su-rs"], &[], &[]),
    service(&["doas"], &["doas", "opendoas"], &[], &[]),
    service(&["pkexec", "polkit-agent-helper-1"], &["pkexec", "polkit-agent-helper-1"], &[], &[]),
    service(&["polkitd", "polkitd(*"], &["polkitd"], &["polkit"], &["polkitd"]),
    service(&["login", "login(*", "remote"], &["login", "shadow"], &["getty", "serial-getty", "console-getty"], &[]),
    service(&["agetty", "getty"], &["agetty", "getty"], &["getty", "serial-getty", "console-getty"], &[]),
    service(&["passwd", "chpasswd", "chage", "usermod", "useradd", "userdel", "groupadd", "groupdel", "groupmod", "gpasswd", "chfn", "chsh", "newusers", "adduser", "deluser"],
        &["passwd", "chpasswd", "chage", "usermod", "useradd", "userdel", "groupadd", "groupdel", "groupmod", "gpasswd", "chfn", "chsh", "newusers", "adduser", "deluser"], &[], &[]),
    service(&["systemd-logind"], &["systemd-logind"], &["systemd-logind"], &[]),
    service(&["systemd", "systemd-*", "(systemd)"], &["systemd", "systemd-*"], &["init"], &["systemd-network", "systemd-resolve", "systemd-timesync", "systemd-oom", "systemd-coredump"]),
    service(&["CRON", "cron", "crond", "CROND", "anacron", "run-parts", "cron(*", "crond(*"], &["cron", "crond", "anacron", "cronie"], &["cron", "crond", "cronie", "anacron"], &[]),
    service(&["crontab"], &["crontab"], &[], &[]),
    service(&["atd"], &["atd"], &["atd"], &["daemon"]),
    service(&["gdm", "gdm-*", "gdm3"], &["gdm", "gdm3", "gdm-session-worker", "gdm-x-session"], &["gdm", "gdm3"], &["gdm", "Debian-gdm"]),
    service(&["lightdm"], &["lightdm"], &["lightdm"], &["lightdm"]),
    service(&["sddm", "sddm-helper"], &["sddm", "sddm-helper"], &["sddm"], &["sddm"]),
    service(&["cockpit-session", "cockpit-ws", "cockpit-tls"], &["cockpit-session", "cockpit-ws", "cockpit-tls"], &["cockpit", "cockpit-session", "cockpit-wsinstance-https"], &["cockpit-ws", "cockpit-wsinstance"]),
    service(&["xrdp", "xrdp-sesman"], &["xrdp", "xrdp-sesman"], &["xrdp", "xrdp-sesman"], &["xrdp"]),
    service(&["webmin", "miniserv.pl"], &[], &["webmin"], &[]),
    service(&["pvedaemon", "pveproxy"], &[], &["pvedaemon", "pveproxy"], &["www-data"]),
    service(&["sssd", "sssd_*", "krb5_child", "ldap_child"], &["sssd", "sssd_be", "sssd_nss", "sssd_pam", "krb5_child", "ldap_child"], &["sssd"], &["sssd"]),
    service(&["winbindd", "smbd", "nmbd", "samba", "smbd_audit"], &["winbindd", "smbd", "nmbd", "samba"], &["winbind", "smbd", "smb", "nmbd", "nmb", "samba-ad-dc", "samba"], &[]),
    service(&["auditd", "audispd", "audisp-syslog"], &["auditd", "audispd", "audisp-syslog"], &["auditd"], &[]),
    service(&["in.telnetd", "telnetd", "rlogind", "in.rlogind", "rshd", "in.rshd"], &["in.telnetd", "telnetd", "in.rlogind", "rlogind", "in.rshd", "rshd"], &["telnet", "inetd", "xinetd"], &[]),
    service(&["xinetd", "inetd"], &["xinetd", "inetd"], &["xinetd", "inetd", "openbsd-inetd", "inetutils-inetd"], &[]),
    // Mail.
    service(&["postfix", "postfix/*", "postfix-*"],
        &["postfix", "postlog", "postlogd", "master", "smtpd", "smtp", "cleanup", "qmgr", "pickup", "anvil", "local", "virtual", "pipe", "bounce", "error", "trivial-rewrite", "postscreen", "tlsproxy", "dnsblog", "proxymap", "scache", "verify", "lmtp", "flush", "showq", "discard", "tlsmgr", "nqmgr", "postdrop", "sendmail", "postsuper", "postqueue", "oqmgr"],
        &["postfix"], &["postfix"]),
    service(&["dovecot", "imap", "pop3", "imap-login", "pop3-login", "managesieve-login", "auth", "lmtp", "auth-worker"],
        &["dovecot", "log", "auth", "anvil", "config", "stats", "imap", "imap-login", "pop3", "pop3-login", "lmtp", "managesieve", "managesieve-login", "submission", "submission-login"], &["dovecot"], &["dovecot", "dovenull", "vmail"]),
    service(&["exim", "exim4"], &["exim", "exim4"], &["exim", "exim4"], &["Debian-exim", "exim", "mail"]),
    service(&["sendmail", "sm-mta", "sm-msp-queue", "sm-acceptingconnections"], &["sendmail", "sendmail.sendmail"], &["sendmail", "sm-client"], &["smmsp", "smmta"]),
    service(&["smtpd", "opensmtpd"], &["smtpd", "opensmtpd"], &["opensmtpd", "smtpd"], &["opensmtpd", "_smtpd", "smtpd"]),
    service(&["cyrus/*", "cyrus-*", "imapd", "pop3d", "saslauthd"], &["imapd", "pop3d", "lmtpd", "cyrmaster", "master", "timsieved", "ctl_cyrusdb", "saslauthd"], &["cyrus-imapd", "cyrus-imap", "saslauthd"], &["cyrus"]),
    service(&["courier*", "imapd-ssl", "pop3d-ssl", "authdaemond", "imaplogin"], &["courierd", "couriertcpd", "imaplogin", "pop3login", "imapd", "authdaemond", "courierlogger"], &["courier-imap", "courier-pop", "courier-authdaemon", "courier"], &["courier", "daemon"]),
    service(&["opendkim", "opendmarc", "spamd", "rspamd", "amavis", "clamd", "freshclam"], &["opendkim", "opendmarc", "rspamd", "clamd", "freshclam"], &["opendkim", "opendmarc", "spamd", "spamassassin", "rspamd", "amavis", "amavisd", "clamav-daemon", "clamav-freshclam"],
        &["opendkim", "opendmarc", "debian-spamd", "_rspamd", "rspamd", "amavis", "clamav"]),
    service(&["vpopmail", "vchkpw", "qmail", "qmail-*"], &["vchkpw", "qmail-smtpd", "qmail-send"], &["qmail"], &["qmaild", "vpopmail"]),
    // Web.
    service(&["apache2", "httpd", "apachectl", "apache"], &["apache2", "httpd"], &["apache2", "httpd"], &["www-data", "apache", "http", "wwwrun"]),
    service(&["nginx"], &["nginx"], &["nginx"], &["www-data", "nginx", "http"]),
    service(&["lighttpd"], &["lighttpd"], &["lighttpd"], &["www-data", "lighttpd", "http"]),
    service(&["caddy"], &["caddy"], &["caddy"], &["caddy"]),
    service(&["haproxy"], &["haproxy"], &["haproxy"], &["haproxy"]),
    service(&["squid", "squid*"], &["squid"], &["squid"], &["proxy", "squid"]),
    service(&["traefik"], &["traefik"], &["traefik"], &["traefik"]),
    service(&["php-fpm*"], &["php-fpm*"], &["php-fpm", "php7.4-fpm", "php8.1-fpm", "php8.2-fpm", "php8.3-fpm", "php8.4-fpm"], &["www-data", "apache", "nginx"]),
    service(&["stunnel", "stunnel4"], &["stunnel", "stunnel4"], &["stunnel", "stunnel4"], &["stunnel", "stunnel4"]),
    service(&["varnishd", "varnishncsa"], &["varnishd", "varnishncsa"], &["varnish", "varnishncsa"], &["varnish", "vcache", "varnishlog"]),
    service(&["danted", "sockd", "3proxy", "tinyproxy", "privoxy"], &["danted", "sockd", "3proxy", "tinyproxy", "privoxy"], &["danted", "sockd", "3proxy", "tinyproxy", "privoxy"], &["tinyproxy", "privoxy", "3proxy", "nobody"]),
    // Files.
    service(&["vsftpd"], &["vsftpd"], &["vsftpd"], &["ftp"]),
    service(&["proftpd"], &["proftpd"], &["proftpd"], &["proftpd", "nobody"]),
    service(&["pure-ftpd"], &["pure-ftpd", "pure-ftpd-mysql", "pure-ftpd-ldap", "pure-ftpd-postgresql"], &["pure-ftpd", "pure-ftpd-mysql", "pure-ftpd-ldap", "pure-ftpd-postgresql"], &[]),
    service(&["ftpd", "in.ftpd", "wu-ftpd"], &["ftpd", "in.ftpd", "wu-ftpd"], &["ftpd", "inetd", "xinetd"], &[]),
    service(&["rpc.mountd", "mountd", "rpcbind", "rpc.statd"], &["rpc.mountd", "rpcbind", "rpc.statd"], &["nfs-mountd", "rpcbind", "rpc-statd"], &["_rpc", "rpc", "statd", "rpcuser"]),
    service(&["rsyncd", "rsync"], &["rsync"], &["rsync", "rsyncd"], &[]),
    // Names, addresses, time.
    service(&["named"], &["named"], &["named", "bind9", "named-chroot"], &["bind", "named"]),
    service(&["unbound", "dnsmasq", "dnsmasq-dhcp", "pdns_server", "pdns_recursor"], &["unbound", "dnsmasq", "pdns_server", "pdns_recursor"], &["unbound", "dnsmasq", "pdns", "pdns-recursor"], &["unbound", "dnsmasq", "pdns", "nobody"]),
    service(&["nsd"], &["nsd"], &["nsd"], &["nsd"]),
    service(&["knotd", "kresd", "dnsdist"], &["knotd", "kresd", "dnsdist"], &["knot", "kresd", "dnsdist"], &["knot", "knot-resolver", "_dnsdist", "dnsdist"]),
    service(&["AdGuardHome", "pihole-FTL"], &["AdGuardHome", "pihole-FTL"], &["AdGuardHome", "pihole-FTL"], &["pihole"]),
    service(&["dhcpd", "dhclient", "dhcpcd", "kea-*"], &["dhcpd", "dhclient", "dhcpcd", "kea-dhcp4", "kea-dhcp6"], &["isc-dhcp-server", "dhcpd", "dhcpcd", "kea-dhcp4-server", "kea-dhcp6-server"], &["dhcpd", "_kea", "kea", "dhcpcd"]),
    service(&["ntpd", "chronyd"], &["ntpd", "chronyd"], &["ntp", "ntpd", "ntpsec", "chrony", "chronyd"], &["ntp", "ntpsec", "_chrony", "chrony"]),
    service(&["NetworkManager", "nm-dispatcher", "wpa_supplicant", "hostapd"], &["NetworkManager", "nm-dispatcher", "wpa_supplicant", "hostapd"], &["NetworkManager", "NetworkManager-dispatcher", "wpa_supplicant", "hostapd"], &[]),
    // Private networks, telephony, data.
    service(&["openvpn", "ovpn-*"], &["openvpn"], &["openvpn", "openvpn-server", "openvpn-client"], &["openvpn", "nobody"]),
    service(&["pluto", "charon", "charon-systemd", "ipsec", "racoon", "pptpd", "pppd", "xl2tpd"], &["pluto", "charon", "charon-systemd", "racoon", "pptpd", "pppd", "xl2tpd"], &["ipsec", "strongswan", "strongswan-starter", "racoon", "pptpd", "xl2tpd"], &[]),
    service(&["asterisk"], &["asterisk"], &["asterisk"], &["asterisk"]),
    service(&["freeswitch"], &["freeswitch"], &["freeswitch"], &["freeswitch"]),
    service(&["mysqld", "mariadbd", "mysql", "mariadb", "mysqld_safe"], &["mysqld", "mariadbd"], &["mysql", "mysqld", "mariadb"], &["mysql"]),
    service(&["postgres", "postgresql"], &["postgres", "postmaster"], &["postgresql"], &["postgres"]),
    service(&["mongod", "redis", "redis-server"], &["mongod", "redis-server", "redis-check-rdb"], &["mongod", "redis", "redis-server"], &["mongodb", "mongod", "redis"]),
    service(&["slapd", "ns-slapd", "krb5kdc", "kadmind"], &["slapd", "ns-slapd", "krb5kdc", "kadmind"], &["slapd", "dirsrv", "krb5-kdc", "krb5kdc", "kadmin", "krb5-admin-server"], &["openldap", "ldap", "dirsrv"]),
    service(&["radiusd", "freeradius"], &["radiusd", "freeradius"], &["radiusd", "freeradius"], &["radiusd", "freerad"]),
    service(&["ocserv", "ocserv-worker"], &["ocserv", "ocserv-worker"], &["ocserv"], &["ocserv"]),
    service(&["kamailio", "opensips", "turnserver", "coturn"], &["kamailio", "opensips", "turnserver"], &["kamailio", "opensips", "coturn", "turnserver"], &["kamailio", "opensips", "turnserver"]),
    service(&["murmurd", "mumble-server"], &["murmurd", "mumble-server"], &["murmurd", "mumble-server"], &["mumble-server", "murmur", "_mumble-server"]),
    service(&["mosquitto"], &["mosquitto"], &["mosquitto"], &["mosquitto"]),
    service(&["znc", "ngircd", "inspircd"], &["znc", "ngircd", "inspircd"], &["znc", "ngircd", "inspircd"], &["znc", "_znc", "ngircd", "irc", "inspircd"]),
    service(&["memcached", "influxd", "clickhouse-server"], &["memcached", "influxd", "clickhouse-server"], &["memcached", "influxdb", "clickhouse-server"], &["memcache", "memcached", "influxdb", "clickhouse"]),
    service(&["cupsd"], &["cupsd"], &["cups", "org.cups.cupsd"], &["lp"]),
    // Applications that are one program. Those that run in an interpreter look like any other script of their account:
    // an administrator names them (`<trusted>`).
    service(&["gitea", "forgejo", "gogs"], &["gitea", "forgejo", "gogs"], &["gitea", "forgejo", "gogs"], &["git", "gitea", "forgejo", "gogs"]),
    service(&["vaultwarden"], &["vaultwarden"], &["vaultwarden"], &["vaultwarden"]),
    service(&["grafana", "grafana-server"], &["grafana", "grafana-server"], &["grafana-server", "grafana"], &["grafana"]),
    service(&["prometheus", "alertmanager"], &["prometheus", "alertmanager"], &["prometheus", "prometheus-alertmanager", "alertmanager"], &["prometheus", "alertmanager"]),
    service(&["jellyfin", "navidrome", "syncthing", "transmission-daemon"], &["jellyfin", "navidrome", "syncthing", "transmission-daemon"], &["jellyfin", "navidrome", "syncthing", "transmission-daemon"], &["jellyfin", "navidrome", "syncthing", "transmission", "debian-transmission"]),
    service(&["authelia", "headscale", "ntfy", "gotify", "filebrowser", "sftpgo"], &["authelia", "headscale", "ntfy", "gotify", "filebrowser", "sftpgo"], &["authelia", "headscale", "ntfy", "gotify", "filebrowser", "sftpgo"], &["authelia", "headscale", "ntfy", "gotify", "filebrowser", "sftpgo"]),
    service(&["minio", "vault", "consul", "nomad"], &["minio", "vault", "consul", "nomad"], &["minio", "vault", "consul", "nomad"], &["minio-user", "vault", "consul", "nomad"]),
    service(&["Sonarr", "Radarr", "Lidarr", "Prowlarr", "Readarr"], &["Sonarr", "Radarr", "Lidarr", "Prowlarr", "Readarr"], &["sonarr", "radarr", "lidarr", "prowlarr", "readarr"], &["sonarr", "radarr", "lidarr", "prowlarr", "readarr"]),
    service(&["zabbix_server", "zabbix_agentd", "zabbix_agent2", "icinga2", "nrpe", "monit", "snmpd"], &["zabbix_server", "zabbix_agentd", "zabbix_agent2", "icinga2", "nrpe", "monit", "snmpd"], &["zabbix-server", "zabbix-agent", "zabbix-agent2", "icinga2", "nagios-nrpe-server", "nrpe", "monit", "snmpd"], &["zabbix", "nagios", "icinga", "nrpe", "Debian-snmp", "snmp"]),
    // This machine.
    service(&["hidsd"], &["hidsd"], &["hidsd"], &[]),
    service(&["rsyslogd", "syslog-ng"], &["rsyslogd", "syslog-ng"], &["rsyslog", "syslog-ng"], &["syslog"]),
    service(&["firewalld", "ufw", "fail2ban*", "crowdsec"], &["crowdsec"], &["firewalld", "ufw", "fail2ban", "crowdsec"], &[]),
    service(&["dbus-daemon", "dbus-broker*", "udevd", "udisksd", "snapd", "unattended-upgrade", "dnf", "yum", "packagekitd"], &["dbus-daemon", "dbus-broker", "dbus-broker-launch", "udisksd", "snapd", "packagekitd"], &["dbus", "dbus-broker", "udisks2", "snapd", "unattended-upgrades", "packagekit"], &["messagebus", "dbus"]),
    service(&["dockerd", "containerd", "libvirtd", "virtqemud"], &["dockerd", "containerd", "libvirtd", "virtqemud"], &["docker", "containerd", "libvirtd", "virtqemud"], &[]),
    service(&["arpwatch", "portsentry", "scanlogd", "knockd"], &["arpwatch", "portsentry", "scanlogd", "knockd"], &["arpwatch", "portsentry", "scanlogd", "knockd"], &["arpwatch", "scanlogd"]),
    service(&["k3s", "kubelet", "etcd"], &["k3s", "kubelet", "etcd"], &["k3s", "kubelet", "etcd"], &["etcd"]),
    service(&["smartd", "mdadm", "lvm", "multipathd", "kexec"], &["smartd", "mdadm", "lvm", "multipathd"], &["smartd", "smartmontools", "mdmonitor", "multipathd"], &[]),
];

/// The service of an identifier: the one that names it in full, or else the first whose beginning it has.
pub(super) fn service_of(identifier: &[u8]) -> Option<&'static Service> {
    let in_full = |service: &&Service| service.identifiers.iter().any(|known| known.as_bytes() == identifier);
    SERVICES.iter().find(in_full).or_else(|| SERVICES.iter().find(|service| is_one_of(service.identifiers, identifier)))
}

/// Whether `name` is one of `known`, of which those that end with `*` stand for all that begin so.
pub(super) fn is_one_of(known: &[&str], name: &[u8]) -> bool {
    known.iter().any(|known| match known.strip_suffix('*') {
        Some(start) => name.starts_with(start.as_bytes()),
        None => known.as_bytes() == name,
    })
}

/// The accounts that some service of the table runs as.
pub fn account_names() -> impl Iterator<Item = &'static str> {
    SERVICES.iter().flat_map(|service| service.accounts).copied()
}
