//! The life of the .deb on a stock Debian: installed, configured, at work, upgraded, removed, purged.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use hids_tests::lab::{ATTACKER, FRIEND, SERVER_INSIDE, SERVER_OUTSIDE};
use hids_tests::machine::{Machine, Release};
use hids_tests::servers::MailSink;
use hids_tests::{nft, wait};

use crate::packages::{CONFIG, GATEWAY, edit, install, lab, next_version, package, stock, systemctl};
use crate::support::{alerts_of, blocked, guess, said, start, until};

pub(crate) fn from_installation_to_purge(release: Release) {
    let Some(deb) = package(".deb") else { return };
    let Some(lab) = lab() else { return };
    let Some(machine) = stock(&lab, release) else { return };
    let mail = MailSink::start(&lab.server).expect("a mail server");

    let printed = install(&machine, &deb);
    assert!(printed.contains("systemctl enable --now hidsd"), "{printed}");
    freshly_installed(&machine);

    // The administrator's evening: mail on, then started.
    edit(&machine.tree().path(CONFIG), |text| {
        text.replace("<email_notification>no", "<email_notification>yes").replace("root@localhost", "admin@example.org")
    });
    start(&machine);
    guess(&machine, &lab.attacker, ATTACKER, SERVER_OUTSIDE);
    until(&machine, "the block", || blocked(&machine) == [ATTACKER]);
    until(&machine, "the mail", || mail.mails().iter().any(|mail| mail.body().contains(ATTACKER)));
    machine.output("systemctl", ["reload", "hidsd"]).expect("the configuration is reloaded");

    upgraded(&machine, &deb, &lab);

    machine.output("dpkg", ["--remove", "hids"]).expect("it is removed");
    assert!(machine.host().output("nft", ["list", "table", "inet", "hids"]).is_err(), "blocks stay in the kernel");
    assert_eq!(systemctl(&machine, &["is-active", "hidsd"]), "inactive");
    assert!(machine.tree().path("/var/lib/hids").is_dir() && machine.tree().path(CONFIG).is_file());
    // Installed again it is as it was: enabled, and with its blocks.
    install(&machine, &deb);
    assert_eq!(systemctl(&machine, &["is-enabled", "hidsd"]), "enabled");
    machine.output("systemctl", ["start", "hidsd"]).expect("it starts");
    until(&machine, "the blocks of before", || blocked(&machine) == [ATTACKER]);

    machine.output("dpkg", ["--purge", "hids"]).expect("it is purged");
    for path in ["/var/lib/hids", "/var/log/hids", "/etc/hids", "/usr/share/hids", "/usr/sbin/hidsd"] {
        assert!(!machine.tree().path(path).exists(), "{path} is left");
    }
    assert!(machine.host().output("nft", ["list", "table", "inet", "hids"]).is_err(), "blocks stay in the kernel");
    assert_eq!(systemctl(&machine, &["is-system-running"]), "running");
}

/// Nothing runs, and nothing is open to others.
fn freshly_installed(machine: &Machine<'_>) {
    for unit in ["hidsd", "ossec-hids"] {
        assert_eq!(systemctl(machine, &["is-enabled", unit]), "disabled", "{unit}");
        assert_eq!(systemctl(machine, &["is-active", unit]), "inactive", "{unit}");
    }
    let mode = |path: &str| fs::metadata(machine.tree().path(path)).expect(path).permissions().mode() & 0o7777;
    assert_eq!((mode(CONFIG), mode("/var/lib/hids"), mode("/usr/sbin/hidsd")), (0o640, 0o700, 0o755));
    let users = fs::read_to_string(machine.tree().path("/etc/passwd")).expect("the users");
    assert!(users.contains("\nhids:"), "{users}");
    let checked = machine.output("hidsctl", ["check"]).expect("the shipped configuration is valid");
    assert!(checked.contains("0 errors"), "{checked}");
}

/// The next version is installed while an address is blocked: the edited configuration stays, the address is blocked at
/// every moment, no line is read twice, and the new daemon sees what comes.
fn upgraded(machine: &Machine<'_>, deb: &Path, lab: &hids_tests::Lab) {
    let place = tempfile::tempdir().expect("a directory");
    let next = next_version(deb, place.path());
    let pid = || systemctl(machine, &["show", "--property=MainPID", "--value", "hidsd"]);
    let (before, alerts) = (pid(), alerts_of(machine, 5716, ATTACKER).len());
    let (over, looks, gaps) = (AtomicBool::new(false), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let _end = wait::SetOnDrop(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                looks.fetch_add(1, Ordering::Relaxed);
                if nft::find(machine.host(), "blocked4", ATTACKER).is_none() {
                    gaps.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
        install(machine, &next);
        until(machine, "the new daemon", || systemctl(machine, &["is-active", "hidsd"]) == "active" && pid() != before);
    });
    assert!(looks.load(Ordering::Relaxed) > 5, "nobody looked");
    assert_eq!(gaps.load(Ordering::Relaxed), 0, "the address was not blocked at some moment: {}", said(machine));
    assert!(machine.tree().path("/etc/hids/ossec.conf.dpkg-dist").is_file(), "the new configuration is not offered");
    assert!(fs::read_to_string(machine.tree().path(CONFIG)).expect(CONFIG).contains("admin@example.org"));
    guess(machine, &lab.friend, FRIEND, SERVER_INSIDE);
    assert_eq!(alerts_of(machine, 5716, ATTACKER).len(), alerts, "lines were read again");
    assert_eq!(blocked(machine), [ATTACKER], "{GATEWAY} is the gateway");
}
