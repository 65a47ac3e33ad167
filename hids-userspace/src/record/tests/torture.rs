//! A child that records numbered alerts is killed at random moments, many times.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use super::*;

const ROOT: &str = "HIDS_TORTURE_ROOT";
const LAST: u64 = 60_000;
const RUNS: u32 = 40;

/// Not a test: what the killed child runs.
#[test]
fn torture_child() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let root = Path::new(&root);
    let spool = FileSpool { path: root.join("spool") };
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
    let deadline = Instant::now() + Duration::from_secs(60);
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
    assert_eq!(FileSpool { path: root.path().join("spool") }.numbers(), wanted);
}

/// A spool as simple as possible: eight bytes per alert.
struct FileSpool {
    path: std::path::PathBuf,
}

impl FileSpool {
    fn numbers(&self) -> Vec<u64> {
        let bytes = std::fs::read(&self.path).unwrap_or_default();
        bytes.chunks_exact(8).map(|number| u64::from_be_bytes(number.try_into().expect("eight bytes"))).collect()
    }
}

impl AlertSpool for FileSpool {
    fn stage(&mut self, alert: &Alert) -> io::Result<()> {
        let mut file = std::fs::File::options().append(true).create(true).open(&self.path)?;
        io::Write::write_all(&mut file, &alert.id.sequence.to_be_bytes())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn committed(&mut self, _: u64) {}

    fn drop_from(&mut self, next_sequence: u64) -> io::Result<()> {
        let kept: Vec<u8> =
            self.numbers().into_iter().filter(|&number| number < next_sequence).flat_map(u64::to_be_bytes).collect();
        std::fs::write(self.path.with_extension("new"), kept)?;
        std::fs::rename(self.path.with_extension("new"), &self.path)
    }

    fn holds(&self, sequence: u64) -> bool {
        self.numbers().contains(&sequence)
    }
}
