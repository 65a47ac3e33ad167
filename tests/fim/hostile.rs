//! Names and files that somebody made to do harm.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use hids_tests::daemon::wait_for;
use hids_tests::require;

use crate::fixture::{Fim, rule, run};

#[test]
fn any_name_is_told_and_none_breaks_a_line_or_a_terminal() {
    if !require::root() {
        return;
    }
    let long = vec![b'n'; 255];
    let names: [&[u8]; 7] =
        [b"new\nline", b"\x1b[31mred", b"not\xff\xfeutf8", b"quote\"and\\slash", b" ", b"-rf", &long];
    let mut fim = Fim::with_files(&[("a", "one")]);
    let new = |names: &[&[u8]]| names.iter().map(|name| visible(name)).collect::<BTreeSet<_>>();
    let alerts = fim.alerts_after(|fim| {
        names.iter().for_each(|name| fs::write(fim.path(OsStr::from_bytes(name)), "x").expect("a file"));
    });
    assert_eq!(alerts.len(), names.len(), "{alerts:?}");
    let told: BTreeSet<String> =
        alerts.iter().filter_map(|alert| Some(alert.path().rsplit_once('/')?.1.to_owned())).collect();
    assert_eq!(told, new(&names));
    let log = fs::read(fim.daemon.path("logs/alerts/alerts.log")).expect("alerts.log");
    assert!(!log.contains(&0x1b), "an escape is in alerts.log");
    for alert in &alerts {
        let line = alert.0["full_log"].as_str().unwrap_or_default();
        assert!(!line.contains("new\nline"), "a name broke a line: {line}");
    }
    let name = fim.path(OsStr::from_bytes(b"new\nline"));
    let why = fim.answer(&["why", &name.to_string_lossy()]);
    assert!(!why.contains("new\nline"), "{why}");
}

/// A name in JSON: what is not UTF-8 as `\xff`.
fn visible(name: &[u8]) -> String {
    name.utf8_chunks().fold(String::new(), |mut out, chunk| {
        out.push_str(chunk.valid());
        chunk.invalid().iter().for_each(|byte| out.push_str(&format!("\\x{byte:02x}")));
        out
    })
}

#[test]
fn a_path_longer_than_the_system_takes_is_watched_all_the_same() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    let name = "d".repeat(200);
    let alerts = fim.alerts_after(|fim| {
        // 30 times 201 bytes is more than PATH_MAX; each directory is made from the one above.
        let mut directory = rustix::fs::open(fim.path(""), OPEN, rustix::fs::Mode::empty()).expect("open");
        for _ in 0..30 {
            rustix::fs::mkdirat(&directory, name.as_str(), rustix::fs::Mode::RWXU).expect("mkdir");
            directory = rustix::fs::openat(&directory, name.as_str(), OPEN, rustix::fs::Mode::empty()).expect("open");
        }
        let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
        let file = rustix::fs::openat(&directory, "deep", flags, rustix::fs::Mode::RWXU).expect("create");
        rustix::io::write(&file, b"content").expect("write");
    });
    assert_eq!(alerts.len(), 1, "{alerts:?}");
    assert!(alerts[0].path().ends_with("/deep") && alerts[0].path().len() > 4096, "{alerts:?}");
    // A scan finds it, and finds nothing new in it.
    fim.answer(&["scan", "--full"]);
    fim.fence();
    assert_eq!(fim.tree_alerts().len(), 1);
}

const OPEN: rustix::fs::OFlags = rustix::fs::OFlags::DIRECTORY;

#[test]
fn pipes_sockets_and_devices_are_told_and_never_opened() {
    if !require::root() || !require::programs("root", &["mkfifo", "mknod"]) {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    let fifo = fim.path("fifo");
    let mut listener = None;
    let alerts = fim.alerts_after(|fim| {
        run("mkfifo", &[fifo.as_os_str()]);
        listener = UnixListener::bind(fim.path("socket")).ok();
        run("mknod", &[fim.path("device").as_os_str(), OsStr::new("c"), OsStr::new("1"), OsStr::new("9")]);
    });
    let kinds: BTreeSet<&str> = alerts.iter().map(|alert| alert.text("kind_after")).collect();
    assert_eq!(kinds, BTreeSet::from(["character device", "named pipe", "socket"]), "{alerts:?}");
    // A writer comes through only when there is a reader: the daemon must not be one.
    let began = Instant::now();
    fim.answer(&["scan", "--full"]);
    let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
    let opened = rustix::fs::open(&fifo, flags, rustix::fs::Mode::empty());
    assert!(opened.is_err_and(|error| error == rustix::io::Errno::NXIO), "somebody reads the pipe");
    assert!(began.elapsed() < Duration::from_secs(30));
    let accepted = listener.expect("a socket");
    accepted.set_nonblocking(true).expect("nonblocking");
    assert!(accepted.accept().is_err(), "somebody connected");
}

#[test]
fn a_directory_with_very_many_entries_is_scanned_and_watched() {
    if !require::root() {
        return;
    }
    const ENTRIES: u32 = 10_000;
    let mut fim = Fim::new(crate::fixture::REALTIME);
    fs::create_dir(fim.path("many")).expect("a directory");
    for number in 0..ENTRIES {
        fs::File::create(fim.path(format!("many/{number}"))).expect("a file");
    }
    fim.start();
    assert!(fim.status().is_some_and(|status| status["entries"].as_u64() > Some(ENTRIES.into())));
    let alert = fim.alert_after(|fim| fim.write("many/17", "changed"));
    assert_eq!(alert.rule(), rule::CHANGED[0]);
    let away = fim.outside("many");
    fs::rename(fim.path("many"), &away).expect("rename");
    wait_for("every file to be told as gone", || {
        let gone = fim.tree_alerts().iter().filter(|(rule, _)| *rule == rule::DELETED).count();
        (gone == ENTRIES as usize).then_some(())
    });
}

#[test]
fn a_file_that_grows_while_it_is_read_ends_with_its_last_state() {
    if !require::root() {
        return;
    }
    use std::io::Write as _;
    let mut fim = Fim::with_files(&[("log", "start")]);
    let mut file = fs::File::options().append(true).open(fim.path("log")).expect("open");
    for _ in 0..4_000 {
        file.write_all(&[b'x'; 2048]).expect("write");
    }
    drop(file);
    fim.fence();
    fim.calm();
    assert_eq!(last_sum(&fim, &fim.path("log")), sha256(&fim.path("log")));
}

fn last_sum(fim: &Fim, path: &Path) -> String {
    let alerts = fim.alerts_of(path);
    alerts.last().expect("an alert").text("sha256_after").to_owned()
}

/// By `sha256sum`.
pub(crate) fn sha256(path: &Path) -> String {
    let output = std::process::Command::new("sha256sum").arg(path).output().expect("sha256sum");
    String::from_utf8_lossy(&output.stdout).chars().take(64).collect()
}
