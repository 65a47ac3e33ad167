//! `hidsctl fim accept --packages`: what a database of packages explains, and what it does not.

use std::fs;
use std::process::Command;

use hids_tests::daemon::wait_for;
use hids_tests::require;

use crate::fixture::{Fim, in_own_mounts, rule, run};

/// A database of dpkg, put over the machine's own, that has these files of the tree with these contents.
/// Written anew it is newer, as after an installation.
fn database(fim: &Fim, files: &[(&str, &str)]) {
    let dpkg = fim.outside("dpkg");
    fs::create_dir_all(dpkg.join("info")).expect("directories");
    let stanza = "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n\n";
    fs::write(dpkg.join("status"), stanza).expect("written");
    let line = |(name, content): &(&str, &str)| {
        let file = fim.outside("content");
        fs::write(&file, content).expect("written");
        let sum = Command::new("md5sum").arg(&file).output().expect("md5sum can be run").stdout;
        let sum = String::from_utf8_lossy(&sum[..32]).into_owned();
        format!("{sum}  {}\n", fim.path(name).display().to_string().trim_start_matches('/'))
    };
    fs::write(dpkg.join("info/tool.md5sums"), files.iter().map(line).collect::<String>()).expect("written");
}

/// The exit code of `hidsctl fim accept --packages`, and what is left in `hidsctl fim diff`.
fn accept(fim: &Fim) -> (Option<i32>, usize) {
    let tree = fim.path("").to_string_lossy().into_owned();
    let code = fim.hidsctl(&["accept", "--packages", &tree]).status.code();
    // One object per line.
    (code, fim.hidsctl(&["diff", &tree, "--json"]).stdout.iter().filter(|byte| **byte == b'\n').count())
}

#[test]
fn an_old_database_accepts_nothing_that_changed_and_a_new_one_what_it_has() {
    let name = "packages::an_old_database_accepts_nothing_that_changed_and_a_new_one_what_it_has";
    if !require::root() || !require::programs("root", &["md5sum", "mount"]) || !in_own_mounts(name) {
        return;
    }
    let mut fim = Fim::new(crate::fixture::REALTIME);
    fim.write("tool", "version 1");
    let packaged = [("tool", "version 2"), ("added", "new in version 2")];
    database(&fim, &packaged);
    fs::create_dir_all("/var/lib/dpkg").expect("a directory to mount at");
    run("mount", &["--bind".as_ref(), fim.outside("dpkg").as_os_str(), "/var/lib/dpkg".as_ref()]);
    fim.start();
    // Somebody puts in what a package once had: no package was installed since the baseline was made.
    fim.alert_after(|fim| fim.write("tool", "version 2"));
    assert_eq!(accept(&fim), (Some(1), 1), "the database says nothing new");
    fim.alert_after(|fim| fim.write("tool", "forged"));
    assert_eq!(accept(&fim), (Some(1), 1), "no package has it");
    // Installed again.
    fim.alert_after(|fim| fim.write("tool", "version 2"));
    fim.alert_after(|fim| fim.write("added", "new in version 2"));
    assert_eq!(accept(&fim).1, 1, "a new file of the package is taken, the other one waits for its database");
    database(&fim, &packaged);
    assert_eq!(accept(&fim), (Some(0), 0));
    let alert = fim.alert_after(|fim| fim.write("tool", "version 3"));
    assert_eq!(alert.number("changes"), Some(1), "counting begins anew");
    run("umount", &["/var/lib/dpkg".as_ref()]);
}

/// Puts a list of dpkg over the machine's own: package `tool` with these files of the tree, or none.
fn lists(fim: &Fim, files: Option<&[String]>) {
    let dpkg = fim.outside("dpkg");
    fs::create_dir_all(dpkg.join("info")).expect("directories");
    let list = dpkg.join("info/tool.list");
    let stanza =
        |name: &str| format!("Package: {name}\nStatus: install ok installed\nArchitecture: all\nVersion: 2\n\n");
    fs::write(dpkg.join("info/base.list"), "/.\n").expect("written");
    let status = match files {
        Some(files) => {
            let path = |name: &String| format!("{}\n", fim.path(name).display());
            fs::write(&list, files.iter().map(path).collect::<String>()).expect("written");
            stanza("base") + &stanza("tool")
        }
        None => {
            fs::remove_file(&list).expect("removed");
            stanza("base")
        }
    };
    fs::write(dpkg.join("status"), status).expect("written");
}

/// Removes files by a program of that name.
fn remove_as(fim: &Fim, program: &str, files: &[String]) {
    let own = fim.outside(&format!("programs/{program}"));
    fs::create_dir_all(fim.outside("programs")).expect("a directory");
    if !own.exists() {
        fs::copy("/bin/rm", &own).expect("copied");
    }
    let status = Command::new(&own).args(files.iter().map(|name| fim.path(name))).status().expect("it can be run");
    assert!(status.success());
}

// O-B11: 400 alerts for a removed package of 400 files.
#[test]
fn a_removed_package_is_one_summary_and_what_it_did_not_have_is_reported() {
    let name = "packages::a_removed_package_is_one_summary_and_what_it_did_not_have_is_reported";
    if !require::root() || !require::programs("root", &["mount"]) || !in_own_mounts(name) {
        return;
    }
    let syscheck = format!("<package_updates>summarise</package_updates>{}", crate::fixture::REALTIME);
    let mut fim = Fim::new(&syscheck);
    let files: Vec<String> = (0..40).map(|number| format!("bin/tool{number}")).collect();
    files.iter().for_each(|name| fim.write(name, "x"));
    fim.write("etc/own", "x");
    lists(&fim, Some(&files));
    fs::create_dir_all("/var/lib/dpkg").expect("a directory to mount at");
    run("mount", &["--bind".as_ref(), fim.outside("dpkg").as_os_str(), "/var/lib/dpkg".as_ref()]);
    fim.start();
    let own = "etc/own".to_owned();
    remove_as(&fim, "dpkg", &[files.as_slice(), std::slice::from_ref(&own)].concat());
    lists(&fim, None);
    let alert = fim.daemon.wait_for_alert(rule::ACCEPTED);
    assert_eq!(alert["SyscheckFile"]["reasons"][0], "removal of package tool 2", "{alert}");
    assert_eq!(alert["SyscheckFile"]["files"], 40, "{alert}");
    let deleted = fim.daemon.wait_for_alert(rule::DELETED);
    assert!(deleted["SyscheckFile"]["path"].as_str().is_some_and(|path| path.ends_with("etc/own")), "{deleted}");
    let told = fim.daemon.alerts().iter().filter(|alert| alert["rule"]["sidid"] == rule::DELETED).count();
    assert_eq!(told, 1, "what the package had is in the summary alone");
    run("umount", &["/var/lib/dpkg".as_ref()]);
}

// O-B11: what one command does is one text, and each file a record of its group.
#[test]
fn files_that_one_command_removes_are_one_text() {
    if !require::root() {
        return;
    }
    let names: Vec<String> = (0..60).map(|number| format!("etc/{number}")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    let fim = Fim::with_files(&files);
    remove_as(&fim, "cleanup", &names);
    let log = fim.daemon.path("logs/alerts/alerts.log");
    let text = wait_for("the text", || fs::read_to_string(&log).ok().filter(|text| text.contains("** Alert")));
    assert!(text.contains("(60 alerts with the same cause)"), "{text}");
    assert_eq!(text.matches("** Alert").count(), 1, "{text}");
    assert!(text.contains("  ... and 39 more\n") && text.len() < 8192, "{text}");
    let alerts = fim.daemon.alerts();
    let group = &alerts[0]["group_id"];
    assert!(alerts.len() == 60 && alerts.iter().all(|alert| alert["group_id"] == *group), "{group}");
    assert!(text.contains(&format!("** Alert {}:", group.as_str().expect("a group"))), "{text}");
}

// O-B11: 16 alerts for a new user.
#[test]
fn adding_a_user_is_one_text() {
    if !require::root() || !require::programs("root", &["useradd"]) {
        return;
    }
    let files = [
        ("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"),
        ("etc/shadow", "root:*:1:0:99999:7:::\n"),
        ("etc/group", "root:x:0:\n"),
        ("etc/gshadow", "root:*::\n"),
        ("etc/subuid", ""),
        ("etc/subgid", ""),
    ];
    let fim = Fim::with_files(&files);
    let prefix = fim.path("");
    run("useradd", &["-P".as_ref(), prefix.as_os_str(), "-M".as_ref(), "ann".as_ref()]);
    let log = fim.daemon.path("logs/alerts/alerts.log");
    let text = wait_for("the text", || fs::read_to_string(&log).ok().filter(|text| text.contains("** Alert")));
    let changed = fim.daemon.alerts().len();
    assert!(changed >= 4, "passwd, shadow, group, gshadow and their copies: {changed}");
    assert_eq!(text.matches("** Alert").count(), 1, "{text}");
    assert!(text.contains(&format!("({changed} alerts with the same cause)")), "{text}");
}

/// Runs a command and returns the text that the alerts about it became, and how many records there are. Waits until
/// nothing is held back any more.
fn one_text(fim: &Fim, at_least: usize, command: &mut std::process::Command) -> (String, usize) {
    let log = fim.daemon.path("logs/alerts/alerts.log");
    let before = (fs::read_to_string(&log).unwrap_or_default().len(), fim.daemon.alerts().len());
    assert!(command.status().is_ok_and(|status| status.success()), "{command:?}");
    let records = || fim.daemon.alerts().len() - before.1;
    wait_for("the records", || (records() >= at_least).then_some(()));
    let mut seen = String::new();
    let counted = hids_tests::wait::until("the text", hids_tests::wait::PATIENCE, || {
        seen = fs::read_to_string(&log).unwrap_or_default().split_off(before.0);
        seen.contains(&format!("({} alerts with the same cause)", records()))
    });
    counted.unwrap_or_else(|error| panic!("{error} of {} records: {seen}", records()));
    (seen, records())
}

// O-B11: 18 alerts for `systemctl disable` and `enable`.
#[test]
fn enabling_and_disabling_a_unit_is_one_text_each() {
    if !require::root() || !require::programs("root", &["systemctl"]) {
        return;
    }
    let wants: String = (0..6).map(|number| format!("WantedBy=t{number}.target\n")).collect();
    let unit = format!("[Service]\nExecStart=/bin/true\n[Install]\n{wants}Alias=other.service\n");
    let fim = Fim::with_files(&[("etc/systemd/system/x.service", unit.as_str())]);
    let systemctl = |verb: &str| {
        let mut command = std::process::Command::new("systemctl");
        command.arg(format!("--root={}", fim.path("").display())).args(["--quiet", verb, "x.service"]);
        command
    };
    // Each link, and each directory that it makes or removes.
    for verb in ["enable", "disable"] {
        let (text, _) = one_text(&fim, 7, &mut systemctl(verb));
        assert_eq!(text.matches("** Alert").count(), 1, "{verb}: {text}");
    }
}

// O-B11: 8 alerts for certbot, which writes some files itself and others by programs that it starts.
#[test]
fn a_renewed_certificate_is_one_text() {
    if !require::root() || !require::programs("root", &["python3"]) {
        return;
    }
    let fim = Fim::with_files(&[("etc/live/cert.pem", "1"), ("etc/live/key.pem", "1"), ("etc/renewal.conf", "1")]);
    let code = "\
import os, subprocess, sys
os.chdir(sys.argv[1])
os.mkdir('archive')
for name in ['cert', 'key', 'chain']:
    open(f'archive/{name}2.pem', 'w').write('2')
for name in ['cert', 'key']:
    os.symlink(f'../archive/{name}2.pem', 'new')
    os.rename('new', f'live/{name}.pem')
subprocess.run(['/bin/sh', '-c', 'cp archive/chain2.pem live/chain.pem; chmod 600 archive/key2.pem'], check=True)
open('renewal.conf', 'w').write('2')";
    let mut certbot = std::process::Command::new("python3");
    certbot.args(["-c", code]).arg(fim.path("etc"));
    let (text, _) = one_text(&fim, 6, &mut certbot);
    assert_eq!(text.matches("** Alert").count(), 1, "{text}");
}
