//! Installations that do not go as they should: interrupted, onto a disk that cannot be written, over newer state.

use std::fs;

use hids_tests::machine::{Machine, Release};

use crate::packages::{install, lab, next_version, package, put, stock, systemctl};
use crate::support::{said, start, until};

const STATE: &str = "/var/lib/hids";

/// How dpkg ends, and all it says.
fn dpkg(machine: &Machine<'_>, arguments: &[&str]) -> (bool, String) {
    let output = machine.command("dpkg").args(arguments).output().expect("dpkg runs");
    (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// What dpkg knows of the package: `install ok installed`.
fn status(machine: &Machine<'_>) -> String {
    let output = machine.command("dpkg-query").args(["--show", "--showformat=${Status}", "hids"]).output();
    String::from_utf8_lossy(&output.expect("dpkg-query runs").stdout).into_owned()
}

/// As a disk with errors is, until [`writable`].
fn read_only(machine: &Machine<'_>, place: &str) {
    machine.output("mount", ["--bind", place, place]).expect("a mount of its own");
    machine.output("mount", ["-o", "remount,bind,ro", place]).expect("read-only");
}

fn writable(machine: &Machine<'_>, place: &str) {
    // Programs that were started meanwhile use it.
    machine.output("umount", ["--lazy", place]).expect("as it was");
}

#[test]
fn a_half_configured_package_is_mended_by_dpkg_configure() {
    let Some(deb) = package(".deb") else { return };
    let Some(lab) = lab() else { return };
    let Some(machine) = stock(&lab, Release::Debian12) else { return };
    put(&machine, &deb);
    // The first thing that the script needs is not there, as after a loss of power in the middle.
    let (program, away) = ("/usr/bin/systemd-sysusers", "/usr/bin/systemd-sysusers.away");
    machine.output("mv", [program, away]).expect("moved");
    let (done, text) = dpkg(&machine, &["--install", "/root/hids.deb"]);
    assert!(!done && status(&machine) == "install ok half-configured", "{}: {text}", status(&machine));
    machine.output("mv", [away, program]).expect("moved back");
    let (done, text) = dpkg(&machine, &["--configure", "-a"]);
    assert!(done && status(&machine) == "install ok installed", "{}: {text}", status(&machine));
    assert!(fs::read_to_string(machine.tree().path("/etc/passwd")).expect("the users").contains("\nhids:"));
    start(&machine);
    assert_eq!(systemctl(&machine, &["is-active", "hidsd"]), "active", "{}", said(&machine));
}

#[test]
fn a_read_only_disk_refuses_the_installation_and_nothing_is_half_there() {
    let Some(deb) = package(".deb") else { return };
    let Some(lab) = lab() else { return };
    let Some(machine) = stock(&lab, Release::Debian12) else { return };
    put(&machine, &deb);
    read_only(&machine, "/usr");
    let (done, text) = dpkg(&machine, &["--install", "/root/hids.deb"]);
    assert!(!done && text.contains("Read-only file system"), "{text}");
    writable(&machine, "/usr");
    assert!(!status(&machine).ends_with(" installed"), "{}: {text}", status(&machine));
    assert!(!machine.tree().path("/usr/sbin/hidsd").exists() && !machine.tree().path("/etc/hids/ossec.conf").exists());

    // Installed, and started when its state cannot be written: it says so, and starts once that is mended.
    install(&machine, &deb);
    read_only(&machine, STATE);
    assert!(machine.output("systemctl", ["start", "hidsd"]).is_err(), "{}", said(&machine));
    until(&machine, "the reason", || said(&machine).contains("Read-only file system"));
    until(&machine, "what to do", || said(&machine).contains("mount the filesystem writable"));
    writable(&machine, STATE);
    until(&machine, "the start", || systemctl(&machine, &["is-active", "hidsd"]) == "active");
}

#[test]
fn a_full_disk_says_what_to_do_and_the_daemon_starts_when_there_is_room() {
    let Some(deb) = package(".deb") else { return };
    let Some(lab) = lab() else { return };
    let Some(machine) = stock(&lab, Release::Debian12) else { return };
    put(&machine, &deb);
    let free = |place: &str| {
        machine.output("umount", [place]).expect("taken away");
    };
    let fill = |place: &str| {
        machine.output("mkdir", ["-p", place]).expect("a directory");
        machine.output("mount", ["-t", "tmpfs", "-o", "size=64k,mode=0755", "tmpfs", place]).expect("a small disk");
        let full = machine.output("dd", ["if=/dev/zero", &format!("of={place}/filler"), "bs=4k"]);
        assert!(full.is_err(), "it is not full");
    };
    fill("/usr/share/hids");
    let (done, text) = dpkg(&machine, &["--install", "/root/hids.deb"]);
    assert!(!done && text.contains("No space left on device"), "{text}");
    free("/usr/share/hids");
    assert!(!status(&machine).contains("installed") || status(&machine).contains("not-installed"), "{text}");
    assert!(!machine.tree().path("/usr/sbin/hidsd").exists(), "half of it is there: {text}");
    install(&machine, &deb);

    fill(STATE);
    assert!(machine.output("systemctl", ["start", "hidsd"]).is_err(), "{}", said(&machine));
    until(&machine, "the reason", || said(&machine).contains("No space left on device"));
    until(&machine, "what to do", || said(&machine).contains("free disk space"));
    machine.output("rm", [&format!("{STATE}/filler")]).expect("removed");
    until(&machine, "the start", || systemctl(&machine, &["is-active", "hidsd"]) == "active");
    machine.output("systemctl", ["stop", "hidsd"]).expect("it stops");
    free(STATE);
}

#[test]
fn an_older_package_is_refused_once_a_newer_one_has_left_newer_state() {
    let Some(deb) = package(".deb") else { return };
    let Some(lab) = lab() else { return };
    let Some(machine) = stock(&lab, Release::Debian12) else { return };
    let place = tempfile::tempdir().expect("a directory");
    install(&machine, &next_version(&deb, place.path()));
    start(&machine);
    let format = machine.tree().path(STATE).join("format");
    assert!(fs::read_to_string(&format).expect("the daemon notes it").starts_with("1 "));
    // Back to the older one as long as it reads the state.
    install(&machine, &deb);
    until(&machine, "the older daemon", || systemctl(&machine, &["is-active", "hidsd"]) == "active");
    install(&machine, &next_version(&deb, tempfile::tempdir().expect("a directory").path()));

    machine.output("systemctl", ["stop", "hidsd"]).expect("it stops");
    fs::write(&format, "2 999.0\n").expect("as a later version would");
    put(&machine, &deb);
    let (done, text) = dpkg(&machine, &["--force-confold", "--install", "/root/hids.deb"]);
    assert!(!done && text.contains("newer version (999.0)") && text.contains("mv /var/lib/hids"), "{text}");
    let version = machine.output("dpkg-query", ["--show", "--showformat=${Version} ${Status}", "hids"]).expect("known");
    assert_eq!(version, "999.0-1 install ok installed", "{text}");
    // A daemon that is older than the state does not touch it either, and systemd does not try again and again.
    assert!(machine.output("systemctl", ["start", "hidsd"]).is_err());
    until(&machine, "the refusal", || said(&machine).contains("was written by a newer hids"));
    assert_eq!(systemctl(&machine, &["show", "--value", "--property=NRestarts", "hidsd"]), "0", "{}", said(&machine));
    assert_eq!(systemctl(&machine, &["is-active", "hidsd"]), "failed");
    // As the message says.
    machine.output("mv", [STATE, &format!("{STATE}.newer")]).expect("moved away");
    install(&machine, &deb);
    machine.output("systemctl", ["start", "hidsd"]).unwrap_or_else(|error| panic!("{error:#}: {}", said(&machine)));
}
