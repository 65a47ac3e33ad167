//! Time until a change is reported. Figures are printed; only defects fail.

use std::time::{Duration, Instant};

use hids_tests::require;

use crate::fixture::Fim;

#[test]
fn an_alert_is_written_soon_after_the_change() {
    if !require::root() {
        return;
    }
    const ROUNDS: usize = 30;
    let fim = Fim::with_files(&[("a", "start")]);
    let alerts = fim.daemon.path("logs/alerts/alerts.json");
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let before = std::fs::metadata(&alerts).map_or(0, |metadata| metadata.len());
            let began = Instant::now();
            fim.write("a", &format!("round {round}"));
            while std::fs::metadata(&alerts).map_or(0, |metadata| metadata.len()) <= before {
                assert!(began.elapsed() < Duration::from_secs(30), "no alert of round {round}");
                std::thread::yield_now();
            }
            began.elapsed()
        })
        .collect();
    times.sort_unstable();
    let (median, slowest) = (times[ROUNDS / 2], times[ROUNDS - 1]);
    println!("from the write to its line in alerts.json: median {median:?}, slowest {slowest:?} of {ROUNDS}");
    assert!(median < Duration::from_secs(2), "median {median:?}");
}
