//! H5: who is believed. Entries as journald records them on Debian 12 and 13, Ubuntu 24.04 and RHEL 9.

use proptest::prelude::*;

use super::{SenderFacts, TrustedBy, TrustedSender, verify};
use crate::model::Doubt;

/// Accounts of the machine.
fn is_account(name: &str, uid: u32) -> bool {
    let accounts =
        [("www-data", 33), ("postfix", 101), ("dovenull", 115), ("dovecot", 114), ("mysql", 110), ("bind", 108)];
    accounts.contains(&(name, uid))
}

fn facts<'a>(identifier: &'a str, uid: u32, executable: &'a str, unit: &'a str) -> SenderFacts<'a> {
    SenderFacts {
        identifier: identifier.as_bytes(),
        transport: b"syslog",
        uid: Some(uid),
        executable: executable.as_bytes(),
        unit: unit.as_bytes(),
        control_group: b"",
        container: b"",
    }
}

fn ask(identifier: &str, uid: u32, executable: &str, unit: &str) -> Result<(), Doubt> {
    verify(&facts(identifier, uid, executable, unit), &[], is_account)
}

#[test]
fn services_are_believed() {
    for (identifier, uid, executable, unit) in [
        ("sshd", 0, "/usr/sbin/sshd", "ssh.service"),
        ("sshd", 0, "/usr/sbin/sshd", "session-7.scope"),
        ("sshd-session", 0, "/usr/lib/openssh/sshd-session", "ssh.service"),
        ("sshd-session", 0, "/usr/libexec/openssh/sshd-session", "sshd.service"),
        ("sshd-auth", 0, "/usr/lib/openssh/sshd-auth", "ssh@4-10.0.0.1:22-10.0.0.2:4711.service"),
        ("sshd", 0, "/usr/sbin/sshd (deleted)", "ssh.service"),
        ("sshd", 0, "", "ssh.service"),
        // It had ended before journald looked: whoever closes connections quickly must not become invisible.
        ("sshd", 0, "", ""),
        ("unix_chkpwd", 0, "/usr/sbin/unix_chkpwd", "ssh.service"),
        ("unix_chkpwd", 0, "", "ssh.service"),
        ("sudo", 0, "/usr/bin/sudo", "session-7.scope"),
        ("su", 0, "/bin/su", "user@1000.service"),
        ("CRON", 0, "/usr/sbin/cron", "cron.service"),
        ("crond", 0, "/usr/sbin/crond", "crond.service"),
        ("login", 0, "/usr/bin/login", "getty@tty1.service"),
        ("systemd-logind", 0, "/usr/lib/systemd/systemd-logind", "systemd-logind.service"),
        ("systemd", 0, "/usr/lib/systemd/systemd", "init.scope"),
        ("postfix/smtpd", 101, "/usr/lib/postfix/sbin/smtpd", "postfix@-.service"),
        ("postfix/submission/smtpd", 101, "/usr/libexec/postfix/smtpd", "postfix.service"),
        ("dovecot", 0, "/usr/lib/dovecot/log", "dovecot.service"),
        ("dovecot", 115, "/usr/lib/dovecot/imap-login", "dovecot.service"),
        ("apache2", 33, "/usr/sbin/apache2", "apache2.service"),
        ("nginx", 33, "/usr/sbin/nginx", "nginx.service"),
        ("named", 108, "/usr/sbin/named", "named.service"),
        ("mariadbd", 110, "/usr/sbin/mariadbd", "mariadb.service"),
        ("php-fpm8.2", 33, "/usr/sbin/php-fpm8.2", "php8.2-fpm.service"),
        ("fail2ban-server", 0, "/usr/bin/python3.11", "fail2ban.service"),
    ] {
        assert_eq!(ask(identifier, uid, executable, unit), Ok(()), "{identifier} {uid} {executable} {unit}");
    }
}

#[test]
fn forgers_are_not_believed() {
    for (identifier, uid, executable, unit, doubt) in [
        // logger -t sshd of nobody, of a shell in the web server, of a user's session, of a user's cron job.
        ("sshd", 65534, "/usr/bin/logger", "session-3.scope", Doubt::OtherUser),
        ("sshd", 33, "/usr/bin/logger", "apache2.service", Doubt::OtherUser),
        ("sshd", 1000, "/usr/bin/logger", "user@1000.service", Doubt::OtherUser),
        ("CRON", 1000, "/usr/bin/logger", "cron.service", Doubt::OtherUser),
        // A user's own session in the control group of sshd, where pam_systemd is not used.
        ("sshd", 1000, "/usr/bin/logger", "ssh.service", Doubt::OtherUser),
        // The genuine program under LD_PRELOAD, or any program in a mount namespace of the user's own.
        ("sshd", 1000, "/usr/sbin/sshd", "user@1000.service", Doubt::OtherUser),
        ("sudo", 1000, "/usr/bin/sudo", "session-7.scope", Doubt::OtherUser),
        // The process had ended before journald looked.
        ("sshd", 1000, "", "", Doubt::OtherUser),
        // A shell of the service's own account is not the service; one service is not the other.
        ("apache2", 33, "/usr/bin/dash", "apache2.service", Doubt::OtherProgram),
        ("apache2", 33, "", "cron.service", Doubt::OtherProgram),
        ("dovecot", 33, "/usr/lib/dovecot/imap-login", "dovecot.service", Doubt::OtherUser),
        ("mariadbd", 110, "/var/lib/mysql/mariadbd", "mariadb.service", Doubt::OtherProgram),
        // Scripts of root that borrow a name.
        ("sshd", 0, "/usr/bin/logger", "session-1.scope", Doubt::OtherProgram),
        ("sshd", 0, "/home/x/sshd", "session-1.scope", Doubt::OtherProgram),
        ("sshd", 0, "/usr/bin/logger", "ssh.scope", Doubt::OtherProgram),
        // Nobody knows these.
        ("myapp", 0, "/usr/bin/myapp", "myapp.service", Doubt::UnknownIdentifier),
        ("sshd_", 0, "/usr/sbin/sshd", "ssh.service", Doubt::UnknownIdentifier),
        ("unknown", 0, "/usr/sbin/sshd", "ssh.service", Doubt::UnknownIdentifier),
        // Not of the kernel's transports.
        ("kernel", 0, "/usr/bin/logger", "session-1.scope", Doubt::OtherProgram),
        ("audit", 0, "/usr/bin/logger", "session-1.scope", Doubt::OtherProgram),
    ] {
        assert_eq!(ask(identifier, uid, executable, unit), Err(doubt), "{identifier} {uid} {executable} {unit}");
    }
}

#[test]
fn without_a_user_nobody_is_believed() {
    let entry = SenderFacts { uid: None, ..facts("sshd", 0, "/usr/sbin/sshd", "ssh.service") };
    assert_eq!(verify(&entry, &[], is_account), Err(Doubt::NoSender));
}

#[test]
fn the_kernel_is_known_by_its_transport() {
    for (transport, identifier) in [("kernel", "kernel"), ("kernel", "systemd"), ("audit", "audit")] {
        let entry = SenderFacts { transport: transport.as_bytes(), uid: None, ..facts(identifier, 0, "", "") };
        assert_eq!(verify(&entry, &[], is_account), Ok(()), "{transport} {identifier}");
    }
}

#[test]
fn containers_are_not_the_machine_s_services_although_their_root_is_root() {
    for control_group in [
        "/system.slice/docker-0123456789ab.scope",
        "/docker/0123456789ab",
        "/machine.slice/libpod-0123456789ab.scope/container",
        "/machine.slice/machine-web.scope/payload/system.slice/ssh.service",
        "/machine.slice/systemd-nspawn@web.service/payload",
        "/kubepods.slice/kubepods-pod1.slice/cri-containerd-0123.scope",
        "/lxc.payload.web/system.slice/ssh.service",
    ] {
        let entry = SenderFacts { control_group: control_group.as_bytes(), ..facts("sshd", 0, "/usr/sbin/sshd", "") };
        assert_eq!(verify(&entry, &[], is_account), Err(Doubt::Container), "{control_group}");
    }
    // Docker's journald driver: the daemon sends, under a tag that may be `sshd`.
    let entry = SenderFacts { container: b"web", ..facts("sshd", 0, "/usr/bin/dockerd", "docker.service") };
    assert_eq!(verify(&entry, &[], is_account), Err(Doubt::Container));
    let entry = SenderFacts {
        control_group: b"/system.slice/ssh.service",
        ..facts("sshd", 0, "/usr/sbin/sshd", "ssh.service")
    };
    assert_eq!(verify(&entry, &[], is_account), Ok(()));
}

#[test]
fn an_administrator_can_name_senders_by_more_than_their_identifier() {
    let trust =
        |identifier: Option<&str>, uid, by| [TrustedSender { identifier: identifier.map(str::to_owned), uid, by }];
    let by_unit = trust(Some("myapp"), 998, TrustedBy::Unit("myapp.service".into()));
    let entry = facts("myapp", 998, "/usr/bin/python3.11", "myapp.service");
    assert_eq!(verify(&entry, &by_unit, is_account), Ok(()));
    for other in [
        facts("myapp", 33, "/usr/bin/logger", "myapp.service"),
        facts("myapp", 998, "/usr/bin/logger", "other.service"),
        facts("myapp", 998, "", ""),
        facts("other", 998, "", "myapp.service"),
    ] {
        assert!(verify(&other, &by_unit, is_account).is_err(), "{other:?}");
    }
    let by_path = trust(Some("myapp"), 0, TrustedBy::Executable("/bin/myapp".into()));
    assert_eq!(verify(&facts("myapp", 0, "/usr/bin/myapp", ""), &by_path, is_account), Ok(()));
    assert!(verify(&facts("myapp", 0, "/usr/bin/logger", ""), &by_path, is_account).is_err());
    assert!(verify(&facts("myapp", 1000, "/usr/bin/myapp", ""), &by_path, is_account).is_err());
    let by_container = trust(None, 0, TrustedBy::Container("web".into()));
    let of = |container: &'static str, executable: &'static str| SenderFacts {
        container: container.as_bytes(),
        ..facts("0123456789ab", 0, executable, "docker.service")
    };
    assert_eq!(verify(&of("web", "/usr/bin/dockerd"), &by_container, is_account), Ok(()));
    assert!(verify(&of("db", "/usr/bin/dockerd"), &by_container, is_account).is_err());
    // The field can be set by anybody; only the manager's word counts.
    assert!(verify(&of("web", "/usr/bin/logger"), &by_container, is_account).is_err());
}

proptest! {
    /// Whatever the other fields say: a user who is no account of a service is never believed.
    #[test]
    fn users_are_never_believed(
        identifier in prop::sample::select(vec!["sshd", "sudo", "su", "CRON", "apache2", "postfix/smtpd", "kernel", "x", "systemd"]),
        uid in 1000..70000_u32,
        executable in prop::sample::select(vec!["", "/usr/sbin/sshd", "/usr/bin/sudo", "/usr/sbin/apache2", "/usr/bin/dockerd"]),
        unit in prop::sample::select(vec!["", "ssh.service", "cron.service", "apache2.service", "init.scope"]),
        transport in prop::sample::select(vec!["", "syslog", "journal", "stdout", "audit"]),
    ) {
        let entry = SenderFacts { transport: transport.as_bytes(), ..facts(identifier, uid, executable, unit) };
        prop_assert!(verify(&entry, &[], is_account).is_err());
    }
}
