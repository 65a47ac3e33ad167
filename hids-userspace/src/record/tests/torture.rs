//! A child that records numbered alerts is killed at random moments, many times.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::*;
use crate::notify::spool::{MailSpool, SpoolLimits, SpoolOptions};

const ROOT: &str = "HIDS_TORTURE_ROOT";
const LAST: u64 = 30_000;
const RUNS: u32 = 40;

/// Not a test: what the killed child runs.
#[test]
fn torture_child() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let root = Path::new(&root);
    let spool = mail_spool(root);
    let (mut recorder, recovered) = Recorder::open(options(root, Some(Box::new(spool)))).expect("recorder opens");
    let mut next = recovered.positions.get("source").map_or(1, |at| at.parse::<u64>().expect("a number") + 1);
    assert_eq!(recovered.next_sequence, next);
    while next <= LAST {
        let size = 1 + next % 7;
        // Each tenth batch lies in the next day, so that rotation is interrupted as well.
        let seconds = EVENING + 86_400 * i64::try_from(next / (LAST / 10)).expect("small");
        let alerts = (next..next + size).filter(|&number| number <= LAST).map(|number| alert(number, seconds));
        recorder.write(&batch(alerts.collect())).expect("written");
        if next % 50 == 0 {
            recorder.sync().expect("synced");
        }
        next += size;
    }
    recorder.sync().expect("synced");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn child(root: &Path) -> Killed {
    let mut command = Command::new(std::env::current_exe().expect("own path"));
    command.args(["--exact", "record::tests::torture::torture_child", "-q"]).env(ROOT, root);
    Killed(command.stdout(std::process::Stdio::null()).spawn().expect("child starts"))
}

#[test]
fn kill_9_at_any_moment_records_every_alert_once_and_in_order() {
    let root = tempfile::tempdir().expect("tempdir");
    let mut random = std::collections::hash_map::RandomState::new();
    let mut kills = 0;
    for _ in 0..RUNS {
        let mut running = child(root.path());
        let number = std::hash::BuildHasher::hash_one(&random, 1);
        random = std::collections::hash_map::RandomState::new();
        // A moment, not a wait for something: this is what the test is about.
        std::thread::sleep(Duration::from_micros(2_000 + number % 60_000));
        if running.0.try_wait().expect("wait").is_some() {
            break;
        }
        kills += 1;
    }
    assert!(kills > RUNS / 4, "the child ended after {kills} kills: nothing was tortured");
    let mut last = child(root.path());
    let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(60));
    let status = loop {
        if let Some(status) = last.0.try_wait().expect("wait") {
            break status;
        }
        assert!(Instant::now() < deadline, "the last child does not end");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert!(status.success());
    let wanted: Vec<u64> = (1..=LAST).collect();
    let (mut log, mut json) = (Vec::new(), Vec::new());
    for date in finish::dates(&root.path().join("logs"), &[day::Kind::AlertsLog]) {
        log.extend(numbers(&read(root.path().join("logs").join(day::Kind::AlertsLog.path(date)))));
        let text = read(root.path().join("logs").join(day::Kind::AlertsJson.path(date)));
        json.extend(
            text.lines().map(|line| RecordedAlert::from_json(line).expect("whole line").id.expect("id").sequence),
        );
    }
    assert_eq!(log, wanted);
    assert_eq!(json, wanted);
    assert_eq!(spooled(root.path()), wanted);
}

/// The real spool, large enough for all. (Only this test puts the two stages together; the daemon
/// does it elsewhere.)
fn mail_spool(root: &Path) -> MailSpool {
    let limits = SpoolLimits { alerts: usize::MAX, bytes: u64::MAX };
    let options = SpoolOptions { zone: TimeZone::UTC, full_subject: false, limits };
    MailSpool::open(&root.join("mail"), options).expect("spool opens")
}

/// Numbers in the spool's file.
fn spooled(root: &Path) -> Vec<u64> {
    let text = read(root.join("mail/queue"));
    let number = |line: &str| {
        let entry: serde_json::Value = serde_json::from_str(&line[9..]).expect("whole line");
        entry["sequence"].as_u64().expect("a number")
    };
    text.lines().map(number).collect()
}
