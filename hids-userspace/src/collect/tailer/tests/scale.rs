//! Many files, few descriptors, and how soon a line is there.

use super::*;

#[test]
fn ten_thousand_files_are_followed() {
    const FILES: usize = 10_000;
    let mut rig = Rig::new("many/*.log", |root| {
        fs::create_dir(root.join("many")).expect("directory");
        for number in 0..FILES {
            append(&root.join(format!("many/{number}.log")), "old\n");
        }
    });
    let report = rig.collector.as_ref().expect("runs").report();
    assert_eq!(report.sources.len(), FILES);
    let taken: Vec<LogBatch> = rig.batches.iter().take(FILES + 1).collect();
    taken.iter().for_each(|batch| rig.take(batch));
    let begun = Instant::now();
    for number in (0..FILES).step_by(7) {
        rig.append(&format!("many/{number}.log"), format!("{number}\n"));
    }
    rig.receive_until("one line of each seventh file", |rig| rig.lines.len() == FILES.div_ceil(7));
    println!("{} files written to and read in {:?}", FILES.div_ceil(7), begun.elapsed());
    assert!(
        rig.lines.iter().all(|(location, line)| location.ends_with(&format!("/{}.log", String::from_utf8_lossy(line))))
    );
    // All rotated at once.
    for number in (0..FILES).step_by(7) {
        fs::rename(rig.path(&format!("many/{number}.log")), rig.path(&format!("many/{number}.log.1"))).expect("rename");
        rig.append(&format!("many/{number}.log"), "new\n");
    }
    rig.receive_until("the new files' lines", |rig| {
        rig.lines.iter().filter(|(_, line)| line == b"new").count() == FILES.div_ceil(7)
    });
}

#[test]
fn more_files_than_descriptors_are_followed() {
    let mut rig = Rig::new("none", |root| {
        for number in 0..100 {
            append(&root.join(format!("{number}.log")), "old\n");
        }
    });
    rig.stop();
    rig.start_with(&["*.log"], true, CollectTuning { max_open_files: Some(8), ..tuning() });
    for round in 0..3 {
        for number in 0..100 {
            rig.append(&format!("{number}.log"), format!("{round}\n"));
        }
        rig.receive_until("a line of each", |rig| rig.texts().len() == 100);
        rig.receive_rest();
        assert!(rig.texts().iter().all(|text| *text == round.to_string()));
        rig.lines.clear();
    }
    let open = fs::read_dir("/proc/self/fd").expect("proc").flatten();
    let root = rig.path("");
    let ours = open.filter(|entry| fs::read_link(entry.path()).is_ok_and(|target| target.starts_with(&root))).count();
    assert!(ours <= 8, "{ours} open");
    // A file that is closed is rotated, with a line that nobody has read.
    for number in 0..100 {
        rig.append(&format!("{number}.log"), "before\n");
        fs::rename(rig.path(&format!("{number}.log")), rig.path(&format!("{number}.log.1"))).expect("rename");
        rig.append(&format!("{number}.log"), "after\n");
    }
    rig.receive_until("a line of each old and new file", |rig| rig.texts().len() == 200);
    assert_eq!(rig.texts().iter().filter(|text| *text == "before").count(), 100);
}

// L5: who may make files in a directory cannot fill the memory with them.
#[test]
fn files_of_a_wildcard_beyond_the_limit_are_counted_and_taken_when_others_go() {
    let mut rig = Rig::new("none", |root| {
        for number in 0..12 {
            append(&root.join(format!("{number:02}.log")), "old\n");
        }
    });
    rig.stop();
    let tuning = CollectTuning { max_files_per_location: 8, rescan: Duration::from_millis(100), ..tuning() };
    rig.start_with(&["*.log"], true, tuning);
    rig.receive_rest();
    let report = |rig: &Rig| rig.collector.as_ref().expect("runs").report();
    let followed = report(&rig).sources;
    assert_eq!((followed.len(), report(&rig).files_left_out), (8, 4));
    // The next look counts the same ones.
    std::thread::sleep(Duration::from_millis(250));
    assert_eq!(report(&rig).files_left_out, 4);
    for source in &followed {
        fs::remove_file(&source.path).expect("remove");
    }
    rig.append("new.log", "line\n");
    rig.receive_until("the line of the new file", |rig| rig.texts().contains(&"line".to_owned()));
    let limit = deadline();
    while (report(&rig).sources.len(), report(&rig).files_left_out) != (5, 0) {
        assert!(Instant::now() < limit, "{:?}", report(&rig));
        rig.receive_rest();
    }
}

// L5: nothing is kept of files that come and go, neither in memory nor in the journal of positions.
#[test]
fn positions_of_files_that_are_gone_are_forgotten() {
    let mut rig = Rig::new("*.log", |_| {});
    for number in 0..20 {
        rig.append(&format!("{number}.log"), "line\n");
    }
    rig.receive_until("all lines", |rig| rig.texts().len() == 20);
    for number in 0..20 {
        fs::remove_file(rig.path(&format!("{number}.log"))).expect("remove");
    }
    let files =
        |rig: &Rig| rig.committed.iter().filter(|(key, value)| key.starts_with("file:") && !value.is_empty()).count();
    rig.receive_until("no position is left", |rig| files(rig) == 0);
    rig.stop();
    // What comes back is new.
    rig.lines.clear();
    rig.append("3.log", "again\n");
    rig.start(&["*.log"], false);
    rig.expect(&["again"]);
}

#[test]
fn a_full_channel_is_waited_for_and_nothing_is_lost() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    let text: String = (0..200_000).map(|number| format!("{number}\n")).collect();
    rig.append("a.log", text);
    let counters = rig.collector.as_ref().expect("runs").counters();
    let limit = deadline();
    while counters.waits.load(std::sync::atomic::Ordering::Relaxed) == 0 {
        assert!(Instant::now() < limit, "the channel never was full");
        std::thread::yield_now();
    }
    rig.receive_until("all lines", |rig| rig.lines.len() == 200_000);
    assert!(rig.lines.iter().enumerate().all(|(number, (_, line))| *line == number.to_string().into_bytes()));
}

#[test]
fn an_overflow_of_the_kernels_queue_loses_nothing() {
    let mut rig = Rig::new("*.log", |root| append(&root.join("a.log"), ""));
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").expect("proc");
    let events: usize = limit.trim().parse().expect("number");
    if events > 200_000 {
        let reason = format!("the kernel's queue is too long to fill ({events} events)");
        return hids_tests::require::skip("kernel", &reason);
    }
    // The collector waits for the channel, and takes no events meanwhile.
    let text: String = (0..100_000).map(|number| format!("{number}\n")).collect();
    rig.append("a.log", text);
    let counters = rig.collector.as_ref().expect("runs").counters();
    let limit = deadline();
    while counters.waits.load(std::sync::atomic::Ordering::Relaxed) == 0 {
        assert!(Instant::now() < limit, "the channel never was full");
        std::thread::yield_now();
    }
    for number in 0..=events / 2 {
        let path = rig.path(&format!("noise{number}"));
        write_new(&path, "");
        fs::remove_file(path).expect("remove");
    }
    rig.append("b.log", "unseen\n");
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
    // Comes and goes before anybody can look.
    rig.append("a.log", "between\n");
    fs::rename(rig.path("a.log.1"), rig.path("a.log.2")).expect("rename");
    fs::rename(rig.path("a.log"), rig.path("a.log.1")).expect("rename");
    rig.append("a.log", "new\n");
    rig.receive_until("all lines", |rig| rig.lines.len() >= 100_004);
    assert!(counters.inotify_overflows.load(std::sync::atomic::Ordering::Relaxed) > 0);
    let texts = rig.texts();
    assert_eq!(texts.iter().filter(|text| ["unseen", "between", "new"].contains(&text.as_str())).count(), 3);
    assert_eq!(texts.len(), 100_003);
}

/// Not a promise a busy test machine can keep to the microsecond: the bound is generous, the figure
/// is printed.
#[test]
fn a_line_is_handed_on_at_once() {
    let mut rig = Rig::new("a.log", |root| append(&root.join("a.log"), ""));
    rig.receive_rest();
    let mut file = OpenOptions::new().append(true).open(rig.path("a.log")).expect("open");
    let mut times: Vec<Duration> = (0..500)
        .map(|_| {
            let begun = Instant::now();
            file.write_all(b"Nov 24 10:00:00 box sshd[1]: Failed password for root from 192.0.2.1 port 22 ssh2\n")
                .expect("write");
            rig.batches.recv_deadline(deadline()).expect("a batch");
            begun.elapsed()
        })
        .collect();
    times.sort();
    println!("from append to receive: median {:?}, 99th percentile {:?}", times[250], times[495]);
    assert!(times[250] < Duration::from_millis(20), "median {:?}", times[250]);
}
