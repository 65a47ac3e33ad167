//! Random sequences of what happens to a log file, against what must come of it: every line exactly
//! once, and in order for each file.

use std::os::unix::fs::symlink;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::*;

/// What happens to one log.
#[derive(Clone, Debug)]
enum Deed {
    /// Lines are appended in one write.
    Lines(u8),
    /// A line is appended in two writes.
    InTwoWrites,
    /// Renamed; the server goes on writing to the old file for a while.
    Rotate { late: u8 },
    /// Copied, then cut to nothing.
    CopyTruncate,
    /// Removed, then made anew.
    Recreate,
    /// The link that the log is read through is switched to another file.
    SwitchLink,
    /// The program ends properly and starts again; lines are written meanwhile.
    Restart { lines: u8, rotate: bool },
    /// The program is killed: what was received last is not committed.
    Kill { lines: u8, rotate: bool },
    /// The program ends; meanwhile the log is rotated and compressed at once, which frees its number for
    /// whatever is made next: a file of somebody else, or the new log. C50
    Compressed { number_to_log: bool, lines: u8 },
    /// Files that are no logs of this one appear beside it, with what was read of it and more. C50
    Neighbours,
    /// The log is put back from a copy while the program does not run, as where it lies in memory.
    PutBack { lines: u8 },
    /// The reader gets time.
    Settle,
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let deed = prop_oneof![
        6 => (1_u8..60).prop_map(Deed::Lines),
        2 => Just(Deed::InTwoWrites),
        2 => (0_u8..4).prop_map(|late| Deed::Rotate { late }),
        1 => Just(Deed::CopyTruncate),
        1 => Just(Deed::Recreate),
        1 => Just(Deed::SwitchLink),
        1 => (0_u8..20, any::<bool>()).prop_map(|(lines, rotate)| Deed::Restart { lines, rotate }),
        1 => (0_u8..20, any::<bool>()).prop_map(|(lines, rotate)| Deed::Kill { lines, rotate }),
        1 => (any::<bool>(), 0_u8..20).prop_map(|(number_to_log, lines)| Deed::Compressed { number_to_log, lines }),
        1 => Just(Deed::Neighbours),
        1 => (0_u8..20).prop_map(|lines| Deed::PutBack { lines }),
        1 => Just(Deed::Settle),
    ];
    prop::collection::vec(deed, 1..25)
}

/// A log, what was written to it, and the collector that reads it.
struct World {
    rig: Rig,
    /// Lines written, by the file they were written to.
    files: Vec<Vec<String>>,
    next: u32,
    generation: u32,
    /// Lines that the record stage had committed when the program was killed.
    committed: Vec<String>,
}

impl World {
    fn new() -> Self {
        let mut rig = Rig::new("link.log", |root| {
            fs::create_dir(root.join("data")).expect("directory");
            append(&root.join("data/x.log"), "line from before the first start\n");
            symlink("data/x.log", root.join("link.log")).expect("link");
        });
        // Killed before anything was committed, the next start would be the first again.
        rig.receive_until("the first positions", |rig| rig.committed.len() == 2);
        Self { rig, files: vec![Vec::new()], next: 0, generation: 0, committed: Vec::new() }
    }

    fn log(&self) -> PathBuf {
        fs::canonicalize(self.rig.path("link.log")).expect("link leads to a file")
    }

    fn new_lines(&mut self, count: u8) -> String {
        let mut text = String::new();
        for _ in 0..count {
            let line = format!("{:06} {}", self.next, "x".repeat(self.next as usize * 37 % 300));
            self.next += 1;
            text.push_str(&line);
            text.push('\n');
            self.files.last_mut().expect("one at least").push(line);
        }
        text
    }

    fn write(&mut self, count: u8) {
        let text = self.new_lines(count);
        append(&self.log(), text);
    }

    fn rotated_name(&mut self) -> PathBuf {
        self.generation += 1;
        let mut name = self.log().into_os_string();
        name.push(format!("-{:05}", self.generation));
        name.into()
    }

    fn rotate(&mut self, late: u8) {
        let log = self.log();
        let mut old = OpenOptions::new().append(true).open(&log).expect("open");
        fs::rename(&log, self.rotated_name()).expect("rename");
        let text = self.new_lines(late);
        old.write_all(text.as_bytes()).expect("write");
        self.files.push(Vec::new());
        write_new(&log, "");
    }

    fn all(&self) -> Vec<String> {
        self.files.concat()
    }

    fn received(&self) -> Vec<String> {
        [&self.committed[..], &self.rig.texts()].concat()
    }

    /// Waits until everything written has been received.
    fn settle(&mut self) {
        let wanted = self.all().len();
        let before = self.committed.len();
        self.rig.receive_until(&format!("{wanted} lines"), |rig| before + rig.texts().len() >= wanted);
    }

    fn perform(&mut self, deed: &Deed) {
        match *deed {
            Deed::Lines(count) => self.write(count),
            Deed::InTwoWrites => {
                let text = self.new_lines(1);
                let (first, second) = text.split_at(text.len() / 2);
                append(&self.log(), first);
                std::thread::yield_now();
                append(&self.log(), second);
            }
            Deed::Rotate { late } => self.rotate(late),
            Deed::CopyTruncate => {
                // Two copies within one step of the file system's clock cannot be told apart.
                std::thread::sleep(Duration::from_millis(15));
                let log = self.log();
                fs::copy(&log, self.rotated_name()).expect("copy");
                OpenOptions::new().write(true).truncate(true).open(&log).expect("truncate");
                // What had not been read comes from the copy.
                self.settle();
                self.files.push(Vec::new());
            }
            Deed::Recreate => {
                // So are those of a file that is removed before it was opened.
                self.settle();
                let log = self.log();
                fs::remove_file(&log).expect("remove");
                self.files.push(Vec::new());
                write_new(&log, "");
            }
            Deed::SwitchLink => {
                self.settle();
                self.generation += 1;
                let name = format!("data/y{}.log", self.generation);
                self.files.push(Vec::new());
                append(&self.rig.path(&name), "");
                symlink(&name, self.rig.path("new.log")).expect("link");
                fs::rename(self.rig.path("new.log"), self.rig.path("link.log")).expect("rename");
                self.write(3);
                self.settle();
            }
            Deed::Restart { lines, rotate } => {
                self.rig.stop();
                self.while_stopped(lines, rotate);
            }
            Deed::Kill { lines, rotate } => {
                // Takes what is there, commits it, then loses what comes after.
                if let Ok(batch) = self.rig.batches.recv_timeout(Duration::from_millis(5)) {
                    self.rig.take(&batch);
                }
                self.rig.kill();
                self.while_stopped(lines, rotate);
            }
            Deed::Compressed { number_to_log, lines } => {
                // What nobody has read by then is lost to everybody.
                self.settle();
                self.rig.stop();
                let log = self.log();
                let text = fs::read(&log).expect("read");
                let packed = self.rotated_name().with_extension("gz");
                fs::remove_file(&log).expect("remove");
                if number_to_log {
                    write_new(&log, "");
                }
                write_new(&log.with_file_name("notes"), [&text[..], b"forged\n"].concat());
                write_new(&packed, "forged\n");
                if !number_to_log {
                    write_new(&log, "");
                }
                self.files.push(Vec::new());
                self.while_stopped(lines, false);
            }
            Deed::Neighbours => {
                let log = self.log();
                let text = fs::read(&log).expect("read");
                for name in ["notes", "x.log.gz", "x.log.bak", "log-1"] {
                    append(&log.with_file_name(name), [&text[..], b"forged\n"].concat());
                }
            }
            Deed::PutBack { lines } => {
                self.settle();
                self.rig.stop();
                let log = self.log();
                fs::copy(&log, log.with_file_name("saved")).expect("copy");
                fs::remove_file(&log).expect("remove");
                write_new(&log.with_file_name("another"), "forged\n");
                fs::rename(log.with_file_name("saved"), &log).expect("rename");
                self.while_stopped(lines, false);
            }
            Deed::Settle => self.settle(),
        }
    }

    fn while_stopped(&mut self, lines: u8, rotate: bool) {
        self.write(lines);
        if rotate {
            self.rotate(0);
        }
        let texts = self.rig.texts();
        self.committed.extend(texts);
        self.rig.lines.clear();
        self.rig.start(&["link.log"], false);
    }
}

fn rand_seed() -> [u8; 32] {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_nanos();
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(&now.to_ne_bytes());
    println!("seed {seed:?}");
    seed
}

#[test]
fn every_line_comes_exactly_once_whatever_happens_to_the_file() {
    // The same sequences in every run; others, as many as asked for, with HIDS_TORTURE=COUNT.
    let asked: Option<u32> = std::env::var("HIDS_TORTURE").ok().and_then(|count| count.parse().ok());
    let config =
        Config { cases: asked.unwrap_or(40), failure_persistence: None, max_shrink_iters: 12, ..Config::default() };
    let seed = asked.map_or([7; 32], |_| rand_seed());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let outcome = runner.run(&deeds(), |deeds| {
        let mut world = World::new();
        for deed in &deeds {
            world.perform(deed);
        }
        world.settle();
        world.rig.stop();
        let mut received = world.received();
        for file in &world.files {
            let of_file: Vec<&String> = received.iter().filter(|line| file.contains(line)).collect();
            prop_assert_eq!(of_file, file.iter().collect::<Vec<_>>());
        }
        received.sort();
        prop_assert_eq!(received, world.all());
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}

#[test]
fn whatever_was_committed_resuming_gives_exactly_the_rest() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    let mut batches = Vec::new();
    let mut lines = Vec::new();
    for number in 0..60 {
        let line = format!("{number} {}", "y".repeat(number * 53 % 400));
        rig.append("a.log", format!("{line}\n"));
        lines.push(line);
        if number % 13 == 12 {
            fs::rename(rig.path("a.log"), rig.path(&format!("a.log-{number}"))).expect("rename");
        }
        if number % 3 == 0 {
            batches.extend(rig.batches.recv_timeout(Duration::from_millis(20)));
        }
    }
    while let Ok(batch) = rig.batches.recv_timeout(QUIET) {
        batches.push(batch);
    }
    rig.stop();
    // Each prefix of the batches is what may have been committed when the power went.
    for cut in (0..=batches.len()).step_by(3) {
        rig.committed.clear();
        rig.lines.clear();
        batches[..cut].iter().for_each(|batch| rig.take(batch));
        if rig.committed.is_empty() {
            continue;
        }
        let before = rig.texts();
        rig.lines.clear();
        rig.start(&["a.log"], false);
        let missing = lines.len() - before.len();
        rig.receive_until("the rest", |rig| rig.texts().len() >= missing);
        let after = rig.texts();
        rig.kill();
        assert_eq!([before, after].concat(), lines, "after {cut} batches");
    }
}
