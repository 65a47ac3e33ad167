use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use hids_core::model::Timestamp;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::entry::{Entry, Priority};
use super::journal::{Journal, encode};
use super::ossec_log;
use super::stderr::Form;

/// Reads an entry as journald does: names and values.
fn decode(mut datagram: &[u8]) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    while let Some(end) = datagram.iter().position(|&byte| byte == b'\n') {
        let name = String::from_utf8(datagram[..end].to_vec()).expect("a name");
        let (length, rest) = datagram[end + 1..].split_at(8);
        let length = u64::from_le_bytes(length.try_into().expect("eight bytes")) as usize;
        assert_eq!(rest[length], b'\n', "the value of {name} ends where it says");
        fields.push((name, String::from_utf8(rest[..length].to_vec()).expect("text")));
        datagram = &rest[length + 1..];
    }
    assert!(datagram.is_empty());
    fields
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    let mut found = fields.iter().filter(|(other, _)| other == name).map(|(_, value)| value.as_str());
    let value = found.next().unwrap_or_else(|| panic!("no {name} in {fields:?}"));
    assert!(found.next().is_none(), "{name} stands there twice");
    value
}

/// What `log` logs, as entries.
fn logged(log: impl FnOnce()) -> Vec<Entry> {
    use tracing_subscriber::layer::SubscriberExt as _;
    struct Keep(std::sync::Arc<std::sync::Mutex<Vec<Entry>>>);
    impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Keep {
        fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
            self.0.lock().expect("kept").push(Entry::of(event));
        }
    }
    let entries = std::sync::Arc::<std::sync::Mutex<Vec<Entry>>>::default();
    let subscriber = tracing_subscriber::registry().with(Keep(std::sync::Arc::clone(&entries)));
    tracing::subscriber::with_default(subscriber, log);
    entries.lock().expect("kept").clone()
}

fn entry(message: &str) -> Entry {
    Entry { priority: Priority::Warning, message: message.into(), fields: Vec::new() }
}

#[test]
fn an_event_is_a_sentence_and_fields_that_can_be_searched() {
    let (rule, none) = (Some(5720_u32), None::<u32>);
    let entries = logged(|| {
        tracing::info!(target: super::NOTICE, srcip = %"203.0.113.66", rule, none, "address blocked");
        tracing::warn!(path = "/var/log/a b", error = %"Permission denied", consequence = "its lines are not analysed",
            help = "chmod g+r", lost = "", "cannot read log file");
    });
    let blocked = decode(&encode(&entries[0]));
    assert_eq!(value(&blocked, "MESSAGE"), "address blocked (srcip=203.0.113.66, rule=5720)");
    assert_eq!((value(&blocked, "HIDS_RULE"), value(&blocked, "HIDS_SRCIP")), ("5720", "203.0.113.66"));
    assert_eq!((value(&blocked, "PRIORITY"), value(&blocked, "SYSLOG_IDENTIFIER")), ("5", "hidsd"));
    let warned = decode(&encode(&entries[1]));
    assert_eq!(
        value(&warned, "MESSAGE"),
        "cannot read log file: Permission denied (path=\"/var/log/a b\"); consequence: its lines are not analysed; \
         help: chmod g+r"
    );
    assert_eq!((value(&warned, "HIDS_PATH"), value(&warned, "HIDS_REASON")), ("/var/log/a b", "Permission denied"));
    assert!(warned.iter().all(|(name, _)| name != "HIDS_LOST"), "an empty field is none");
    assert_eq!(Form::Prefixed.line(&entries[0]), "<5>address blocked (srcip=203.0.113.66, rule=5720)\n");
}

#[test]
fn no_value_forges_another_entry_or_field() {
    let hostile = "x\nPRIORITY=0\n\r<2>forged\u{1b}[2J\u{202e}, rule=1) \"";
    let entries = logged(|| tracing::warn!(path = %hostile, "cannot read {hostile}"));
    let fields = decode(&encode(&entries[0]));
    assert_eq!(value(&fields, "PRIORITY"), "4");
    let lines = [
        value(&fields, "MESSAGE").to_owned(),
        Form::Prefixed.line(&entries[0]).trim_end().to_owned(),
        Form::Timed(TimeZone::UTC).line(&entries[0]).trim_end().to_owned(),
        ossec_log::line(&entries[0], Timestamp::default(), &TimeZone::UTC).trim_end().to_owned(),
    ];
    for line in lines {
        assert!(!line.chars().any(hids_core::escape::is_dangerous), "{line:?}");
        assert!(line.ends_with(r#"(path="x\nPRIORITY=0\n\r<2>forged\x1b[2J\u{202e}, rule=1) \"")"#), "{line}");
    }
}

#[test]
fn lines_of_ossec_log_have_ossecs_layout() {
    let time = Timestamp::from_unix_seconds(1_795_558_168);
    let line = ossec_log::line(&entry("text"), time, &TimeZone::UTC);
    assert_eq!(line, "2026/11/24 22:09:28 hidsd: WARN: text\n");
}

#[test]
fn a_journal_that_takes_nothing_costs_entries_and_no_time() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("socket");
    let server = UnixDatagram::bind(&path).expect("a socket");
    let mut journal = Journal::connect(path).expect("connected");
    let started = Instant::now();
    let lost: u64 = (0..20_000).map(|_| journal.write(&entry("many"))).sum();
    assert!(lost > 1000 && started.elapsed() < Duration::from_secs(5), "{lost} in {:?}", started.elapsed());
    // It goes on where it can, and says what is missing.
    server.set_nonblocking(true).expect("a socket");
    let mut buffer = vec![0; 4096];
    while server.recv(&mut buffer).is_ok() {}
    assert_eq!(journal.write(&entry("again")), 0);
    let length = server.recv(&mut buffer).expect("the entry");
    assert_eq!(value(&decode(&buffer[..length]), "MESSAGE"), "again");
    let length = server.recv(&mut buffer).expect("the number");
    assert_eq!(value(&decode(&buffer[..length]), "HIDS_LOST"), lost.to_string());
}

#[test]
fn a_journal_that_went_away_is_found_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("socket");
    assert!(Journal::connect(path.clone()).is_err(), "nobody listens");
    let server = UnixDatagram::bind(&path).expect("a socket");
    let mut journal = Journal::connect(path.clone()).expect("connected");
    assert_eq!(journal.write(&entry("one")), 0);
    drop(server);
    std::fs::remove_file(&path).expect("removed");
    assert_eq!(journal.write(&entry("two")), 1);
    let server = UnixDatagram::bind(&path).expect("a socket");
    hids_tests::wait::until("the journal", Duration::from_secs(20), || journal.write(&entry("three")) == 0)
        .expect("it is found");
    let mut buffer = vec![0; 4096];
    let length = server.recv(&mut buffer).expect("an entry");
    assert_eq!(value(&decode(&buffer[..length]), "MESSAGE"), "three");
}

#[test]
fn ossec_log_follows_rotation_and_no_link() {
    let directory = tempfile::tempdir().expect("a directory");
    let (log, rotated) = (directory.path().join("ossec.log"), directory.path().join("ossec.log.1"));
    ossec_log::append(&log, b"one\n").expect("written");
    std::fs::rename(&log, &rotated).expect("rotated");
    ossec_log::append(&log, b"two\n").expect("written");
    assert_eq!(std::fs::read(&rotated).expect("readable"), b"one\n");
    assert_eq!(std::fs::read(&log).expect("readable"), b"two\n");
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(log.metadata().expect("there").permissions().mode() & 0o777, 0o640);
    std::fs::remove_file(&log).expect("removed");
    std::os::unix::fs::symlink(&rotated, &log).expect("a link");
    assert!(ossec_log::append(&log, b"three\n").is_err());
    assert_eq!(std::fs::read(&rotated).expect("readable"), b"one\n");
}

proptest! {
    #[test]
    fn any_values_are_one_line_and_one_datagram(
        message in any::<String>(),
        values in prop::collection::vec(any::<String>(), 0..5),
    ) {
        let entries = logged(|| {
            for value in &values {
                tracing::error!(value, other = %message, "{message}");
            }
        });
        for entry in entries {
            let fields = decode(&encode(&entry));
            prop_assert!(!value(&fields, "MESSAGE").chars().any(hids_core::escape::is_dangerous));
            prop_assert!(encode(&entry).len() < 100_000);
            prop_assert_eq!(Form::Prefixed.line(&entry).matches('\n').count(), 1);
        }
    }
}
