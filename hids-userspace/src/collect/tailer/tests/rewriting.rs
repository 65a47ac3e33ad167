//! Logs that are truncated and written again at their paths.

use super::*;

/// What is done to a log.
#[derive(Clone, Copy)]
struct Rewriting {
    /// Lines at the beginning of each content; they begin with `#`.
    header_lines: u32,
    /// Times that it is copied and truncated.
    rounds: u32,
    /// Lines in between.
    lines: u32,
    /// Copies that are kept.
    keep: u32,
    pause: Duration,
}

impl Rewriting {
    /// Copies and truncates the log in `directory` again and again, as logrotate does with copytruncate;
    /// answers the lines written. None is written between copy and truncation: that one would be lost
    /// to everybody.
    fn perform(self, directory: &Path) -> Vec<String> {
        let log = directory.join("a.log");
        let copy = |number: u32| directory.join(format!("a.log.{number}"));
        let header: String = (0..self.header_lines).map(|number| format!("# {number} {}\n", "-".repeat(76))).collect();
        let mut server = OpenOptions::new().append(true).open(&log).expect("open");
        let mut written = Vec::new();
        for round in 0..self.rounds {
            server.write_all(header.as_bytes()).expect("write");
            for number in 0..self.lines {
                let line = format!("{round}/{number} {}", "x".repeat((round * 31 + number * 7) as usize % 200));
                server.write_all(format!("{line}\n").as_bytes()).expect("write");
                written.push(line);
            }
            std::thread::sleep(self.pause);
            for number in (1..self.keep).rev() {
                let _ = fs::rename(copy(number), copy(number + 1));
            }
            fs::copy(&log, copy(1)).expect("copy");
            OpenOptions::new().write(true).truncate(true).open(&log).expect("truncate");
        }
        written
    }

    /// Every line is read once; of the header some may be read again.
    fn check(self) {
        let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
        let directory = rig.path("");
        let writer = std::thread::spawn(move || self.perform(&directory));
        while !writer.is_finished() {
            while let Ok(batch) = rig.batches.recv_timeout(Duration::from_millis(20)) {
                rig.take(&batch);
            }
        }
        let mut written = writer.join().expect("no panic");
        let lines = |rig: &Rig| rig.texts().into_iter().filter(|line| !line.starts_with('#')).collect::<Vec<_>>();
        let limit = deadline();
        while lines(&rig).len() < written.len() && Instant::now() < limit {
            rig.receive_rest();
        }
        rig.receive_rest();
        let mut received = lines(&rig);
        received.sort();
        written.sort();
        let mut unique = received.clone();
        unique.dedup();
        let lost = written.iter().filter(|line| unique.binary_search(line).is_err()).count();
        assert_eq!((received.len() - unique.len(), lost), (0, 0), "read twice and never, of {}", written.len());
    }
}

// L6: 42 times a second, with the copies renamed each time.
#[test]
fn many_truncations_a_second_double_and_lose_nothing() {
    let pause = Duration::from_millis(20);
    Rewriting { header_lines: 0, rounds: 120, lines: 20, keep: 8, pause }.check();
}

// L6: a header that is longer than what a file is known by, and one that is longer than what comes after it.
#[test]
fn truncations_of_a_log_with_a_header_lose_nothing() {
    for header_lines in [5, 20] {
        let pause = Duration::from_millis(60);
        Rewriting { header_lines, rounds: 25, lines: 10, keep: 8, pause }.check();
    }
}
