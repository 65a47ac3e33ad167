use std::fs;

use super::*;

/// How many events the kernel keeps for a group.
fn queue_length() -> usize {
    fs::read_to_string("/proc/sys/fs/fanotify/max_queued_events").unwrap().trim().parse().unwrap()
}

#[test]
fn what_the_full_queue_lost_is_covered_by_gaps_of_its_filesystem_alone() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let (noisy, quiet) = (base.join("noisy"), base.join("quiet"));
            fs::create_dir_all(&noisy).unwrap();
            fs::create_dir_all(&quiet).unwrap();
            mount_tmpfs(&quiet);
            let mut bench = Bench::watch(&[&noisy, &quiet], marks);
            let most = queue_length();
            for number in 0..most {
                fs::write(noisy.join(number.to_string()), "x").unwrap();
            }
            fs::create_dir_all(noisy.join("made/when/full")).unwrap();
            let seen = bench.seen();
            let gaps: Vec<_> = seen.gaps.iter().filter(|(_, cause)| *cause == GapCause::QueueOverflow).collect();
            assert_eq!(gaps, [&(noisy.as_os_str().as_bytes().to_vec(), GapCause::QueueOverflow)], "{marks:?}");
            assert_eq!(bench.sensor.report().overflows, 1);
            fs::write(noisy.join("made/when/full/file"), "x").unwrap();
            fs::write(quiet.join("file"), "x").unwrap();
            let seen = bench.seen();
            seen.has(noisy.join("made/when/full/file"), Operation::Create);
            seen.has(quiet.join("file"), Operation::Create);
        });
    }
}

#[test]
fn a_slow_taker_loses_nothing_and_stalls_are_counted() {
    on_tmpfs(|base| {
        let tuning = FilesTuning { stall: Duration::from_millis(1), most_events: 10, ..FilesTuning::default() };
        let options = FilesOptions { policy: Arc::new(policy(&[base])), who: Arc::new(Echo), own_pid: None, tuning };
        let (sender, sensed) = bounded(1);
        let handle = start(options, sender).expect("a sensor");
        assert!(handle.wait_ready(Duration::from_secs(10)));
        let files: BTreeSet<PathBuf> = (0..500).map(|number| base.join(number.to_string())).collect();
        for file in &files {
            fs::write(file, "x").unwrap();
        }
        let mut told = BTreeSet::new();
        while told.len() < files.len() {
            match sensed.recv_timeout(hids_tests::wait::scaled(Duration::from_secs(10))).expect("more events") {
                Sensed::Events(events) => {
                    told.extend(
                        events
                            .into_iter()
                            .map(|event| Path::new(std::ffi::OsStr::from_bytes(&event.path)).to_path_buf()),
                    );
                }
                gap @ Sensed::Gap { .. } => panic!("{gap:?}"),
            }
        }
        assert_eq!(told, files);
        drop(sensed);
        handle.stop();
    });
}
