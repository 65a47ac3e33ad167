//! What a released version has left on disk is carried over by this one: positions, blocks, the baseline, mail that
//! waits, what rules remember. And what a later version has left is refused.
//!
//! `data/state-VERSION` holds, for each release, what its daemon has left; its README.md says how it is made.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hids_tests::daemon::{Daemon, append, wait_for};
use hids_tests::hids::ROOT;
use hids_tests::servers::MailSink;
use hids_tests::{Hids, Host, nft, programs, require, wait};
use serde_json::Value;

use crate::common::WATCH_ONE_LOG;

/// Where [`leave`] puts what the daemon of the source tree leaves, for the next release.
const KEEP: &str = "HIDS_KEEP_STATE";
const PACKED: &str = "gz";
/// What is kept, and where it is on the machine of the test. Baseline and positions hold these paths.
const PARTS: [(&str, &str); 3] = [("state", "/run/lab/hids/state"), ("watched", WATCHED), ("log", "/var/log/kept")];
const WATCHED: &str = "/run/lab/watched";
const LOG: &str = "/var/log/kept/secure";
const FILES: [(&str, &str); 3] = [("one", "as it was\n"), ("two", "stays\n"), ("three", "stays, too\n")];
/// Blocked by the administrator until it is removed.
const BLOCKED: &str = "198.51.100.77";
/// Guesses passwords; mail about it waits.
const GUESSER: &str = "203.0.113.5";
/// "First login of this user."
const FIRST_LOGIN: u64 = 10100;

const CONFIG: &str = r#"<ossec_config>
  <global>
    <email_notification>yes</email_notification><email_to>admin@example.com</email_to>
    <email_from>hids@example.com</email_from><smtp_server>127.0.0.1</smtp_server>
  </global>
  <localfile><log_format>syslog</log_format><location>/var/log/kept/secure</location></localfile>
  <syscheck><directories check_sum="yes" check_size="yes">/run/lab/watched</directories></syscheck>
  <rootcheck><disabled>yes</disabled></rootcheck>
</ossec_config>
"#;

fn log(host: &Host, line: &str) {
    append(&host.path(LOG), format!("Nov 24 10:00:00 www1 sshd[5]: {line}\n").as_bytes());
}

fn login(host: &Host, user: &str) {
    log(host, &format!("Accepted password for {user} from 192.0.2.9 port 22 ssh2"));
}

fn alerts(host: &Host) -> Vec<Value> {
    let text = host.read(format!("{ROOT}/logs/alerts/alerts.json"));
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn alerts_of(host: &Host, rule: u64) -> Vec<String> {
    let of_rule = alerts(host).into_iter().filter(|alert| alert["rule"]["sidid"] == rule);
    of_rule.map(|alert| alert["full_log"].to_string()).collect()
}

fn until(hids: &Hids<'_>, what: &str, condition: impl FnMut() -> bool) {
    wait::until(what, wait::PATIENCE, condition).unwrap_or_else(|error| panic!("{error:#}\n{}", hids.log()));
}

/// Lets the daemon of the source tree live for some seconds and end.
fn leave(host: &Host) {
    for (name, text) in FILES {
        host.write(format!("{WATCHED}/{name}"), text).expect("a file");
    }
    host.write(LOG, "Nov 24 09:59:59 www1 sshd[5]: Server listening on 0.0.0.0 port 22.\n").expect("a log");
    let mut hids = Hids::start(host, programs::directory(), CONFIG).expect("it starts");
    login(host, "alice");
    for _ in 0..8 {
        log(host, &format!("Failed password for root from {GUESSER} port 22 ssh2"));
    }
    hids.ctl(&["blocks", "add", BLOCKED]).expect("a block");
    let state = |name: &str| host.read(format!("{ROOT}/state/{name}"));
    until(&hids, "the mail that waits", || state("mail/queue").contains(GUESSER));
    until(&hids, "the rules' memory", || state("rules.state").contains("alice"));
    let listed = || hids.ctl(&["fim", "list"]).unwrap_or_default();
    until(&hids, "the baseline", || FILES.iter().all(|(name, _)| listed().contains(&format!("{WATCHED}/{name}"))));
    hids.process().stop().expect("it ends");
}

/// Copies a directory; files whose names end with [`PACKED`] are unpacked.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a directory");
    // State is root's alone, and Git keeps no such modes.
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).expect("a mode");
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        let to = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(&entry, &to);
        } else {
            let mut bytes = fs::read(&entry).expect("a file");
            let mut to = to;
            if to.extension().is_some_and(|extension| extension == PACKED) {
                to.set_extension("");
                let packed = std::mem::take(&mut bytes);
                GzDecoder::new(&packed[..]).read_to_end(&mut bytes).expect("it unpacks");
            }
            fs::write(&to, bytes).expect("a copy");
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).expect("a mode");
        }
    }
}

fn keep(host: &Host, place: &Path) {
    for (part, path) in PARTS {
        copy(&host.path(path), &place.join(part));
    }
    // Nearly all of it is empty.
    let baseline = place.join("state/fim.redb");
    let bytes = fs::read(&baseline).expect("the baseline");
    let packed = fs::File::create(baseline.with_extension("redb.gz")).expect("a file");
    GzEncoder::new(packed, Compression::best()).write_all(&bytes).expect("it is packed");
    fs::remove_file(baseline).expect("removed");
}

/// Starts the daemon of the source tree on a copy of what is in `place`.
fn everything_is_carried_over(place: &Path) {
    let host = Host::new("www1").expect("a machine");
    for (part, path) in PARTS {
        copy(&place.join(part), &host.path(path));
    }
    let mail = MailSink::start(&host).expect("a mail server");
    // While it was down:
    host.write(format!("{WATCHED}/one"), "not any more\n").expect("a changed file");
    for user in ["alice", "bob"] {
        login(&host, user);
    }
    let hids = Hids::start(&host, programs::directory(), CONFIG).expect("it starts");
    until(&hids, "the block", || nft::find(&host, "blocked4", BLOCKED).is_some());
    until(&hids, "what was written meanwhile", || alerts_of(&host, FIRST_LOGIN).iter().any(|log| log.contains("bob")));
    assert_eq!(alerts_of(&host, FIRST_LOGIN).len(), 1, "alice was known: {:?}", alerts_of(&host, FIRST_LOGIN));
    until(&hids, "the change of a file", || !alerts_of(&host, 550).is_empty());
    let changed = alerts_of(&host, 550);
    assert!(changed.len() == 1 && changed[0].contains(&format!("{WATCHED}/one")), "{changed:?}");
    assert_eq!(alerts_of(&host, 554), [""; 0], "files of the baseline are new");
    until(&hids, "the mail of before", || mail.mails().iter().any(|mail| mail.body().contains(GUESSER)));
    let again: Vec<_> = alerts(&host).into_iter().filter(|alert| alert["srcip"] == GUESSER).collect();
    assert!(again.is_empty(), "lines were read again: {again:?}");
    for word in ["damaged", "MAC mismatch", "older than"] {
        assert!(!hids.log().contains(word), "{}", hids.log());
    }
}

fn can_run() -> bool {
    require::root()
        && require::programs("root", &["nft", "ip", "unshare", "nsenter"])
        && require::programs("smtp", &["python3"])
}

#[test]
fn the_state_of_each_release_is_carried_over() {
    if !can_run() {
        return;
    }
    let data = programs::source_root().join("tests/data");
    let entries = fs::read_dir(&data).expect("data").map(|entry| entry.expect("an entry").path());
    let releases: Vec<PathBuf> = entries
        .filter(|path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"state-")))
        .collect();
    assert!(releases.contains(&data.join("state-0.1")), "{releases:?}");
    for release in releases {
        println!("{}", release.display());
        everything_is_carried_over(&release);
    }
}

#[test]
fn the_state_that_is_left_now_is_carried_over() {
    if !can_run() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let kept = std::env::var_os(KEEP).map_or_else(|| place.path().to_owned(), |to| programs::source_root().join(to));
    let host = Host::new("www1").expect("a machine");
    leave(&host);
    keep(&host, &kept);
    drop(host);
    everything_is_carried_over(&kept);
}

#[test]
fn state_of_a_newer_version_is_refused_and_left_as_it_is() {
    let mut daemon = Daemon::new(WATCH_ONE_LOG);
    daemon.start();
    daemon.log_line("Nov 24 10:00:00 web1 sshd[5]: Failed password for root from 203.0.113.5 port 22 ssh2");
    daemon.wait_for_alert(5716);
    daemon.stop();
    let format = daemon.path("state/format");
    let mine = fs::read_to_string(&format).expect("the daemon notes it");
    assert!(mine.starts_with("1 "), "{mine}");
    fs::write(&format, "2 7.0.0\n").expect("as a later version would");
    let read = |name: &str| fs::read(daemon.path(name)).expect("a file of the state");
    let names = ["state/record.journal", "state/format", "logs/alerts/alerts.json"];
    let before = names.map(read);
    daemon.spawn();
    // systemd does not try that again: RestartPreventExitStatus=1.
    assert_eq!(daemon.exit_code(), Some(1), "{}", daemon.messages());
    let said = daemon.messages();
    assert!(said.contains("newer hids (7.0.0)") && said.contains("mv ") && said.contains("format 2"), "{said}");
    assert_eq!(names.map(|name| fs::read(daemon.path(name)).expect("a file of the state")), before);
    fs::write(&format, mine).expect("as it was");
    daemon.start();
    wait_for("the daemon", || daemon.status());
}
