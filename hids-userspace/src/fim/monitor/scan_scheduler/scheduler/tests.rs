//! Which scans are queued, and what their end means.

use hids_core::model::FimEvent;

use super::super::testing::message;
use super::*;
use crate::fim::monitor::testing::{Baseline, policy, watch};

fn scheduler(baseline: &Baseline) -> ScanScheduler {
    let schedule = Schedule { frequency: Duration::from_secs(3600), time: None, days: None };
    let scan = ScanOptions { threads: 1, nice: None, ..ScanOptions::default() };
    let options = SchedulerOptions { schedule, zone: TimeZone::UTC, scan };
    ScanScheduler::new(options, &baseline.writer, Arc::clone(&baseline.status)).expect("readable")
}

const RESTART: StartOptions = StartOptions { scan_on_start: true, gap_cause: GapCause::DaemonDown };

/// Runs the scan of a slot to its end; what it found is not committed.
fn run(scheduler: &mut ScanScheduler, slot: Slot, policy: &Arc<Policy>, baseline: &mut Baseline) -> Cause {
    scheduler.start_scans(policy, &baseline.writer);
    let mut scan = scheduler.take(slot).expect("it runs");
    loop {
        let first = message(&scan);
        let messages = scan.receive(first);
        scan.committed(messages.differences.len() as u64, std::iter::empty(), messages.done);
        if let Some(report) = messages.ended {
            let cause = scan.cause();
            scheduler.ended(scan, &report, policy, &mut baseline.writer);
            return cause;
        }
    }
}

/// Causes of the gaps in the history, and whether they are closed.
fn gaps(baseline: &Baseline) -> Vec<(GapCause, bool)> {
    let of = |news: FimEvent| match news {
        FimEvent::Gap(gap) => Some((gap.cause, gap.closed.is_some())),
        _ => None,
    };
    baseline.records().into_iter().filter_map(|record| of(record.news)).collect()
}

#[test]
fn the_first_start_scans_silently_and_the_next_one_closes_a_gap() {
    let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/nonexistent/tree")]));
    let mut first = scheduler(&baseline);
    first.begin(RESTART, &policy, &mut baseline.writer);
    assert!(first.queue.has(Cause::First) && !first.queue.has(Cause::Gap));
    assert_eq!(run(&mut first, Slot::Background, &policy, &mut baseline), Cause::First);
    assert!(gaps(&baseline).is_empty() && first.coverage.holds(b"/nonexistent/tree"));
    let mut second = scheduler(&baseline);
    second.begin(RESTART, &policy, &mut baseline.writer);
    assert!(!second.queue.has(Cause::First), "it has a baseline");
    second.note_caught_up(true);
    assert!(!baseline.status.caught_up.load(Relaxed), "its gap is open");
    assert_eq!(run(&mut second, Slot::Urgent, &policy, &mut baseline), Cause::Gap);
    assert_eq!(gaps(&baseline), [(GapCause::DaemonDown, false), (GapCause::DaemonDown, true)]);
    second.note_caught_up(true);
    assert!(baseline.status.caught_up.load(Relaxed));
}

#[test]
fn many_reports_of_lost_events_are_one_gap_until_its_scan_starts() {
    let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/etc")]));
    let mut scheduler = scheduler(&baseline);
    scheduler.coverage = Coverage::of(&policy);
    for subtree in ["/etc", "/etc/ssh", "/etc"] {
        scheduler.open_gap(subtree.into(), GapCause::QueueOverflow, &policy, &mut baseline.writer);
    }
    assert_eq!(gaps(&baseline), [(GapCause::QueueOverflow, false)]);
    assert_eq!(scheduler.queue.waiting().count(), 1);
}

#[test]
fn a_gap_whose_scan_was_stopped_is_scanned_again() {
    let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/nonexistent/tree")]));
    let mut scheduler = scheduler(&baseline);
    scheduler.coverage = Coverage::of(&policy);
    scheduler.open_gap(b"/nonexistent/tree".to_vec(), GapCause::QueueOverflow, &policy, &mut baseline.writer);
    scheduler.start_scans(&policy, &baseline.writer);
    let scan = scheduler.take(Slot::Urgent).expect("it runs");
    scheduler.ended(scan, &ScanReport::default(), &policy, &mut baseline.writer);
    assert_eq!(gaps(&baseline).len(), 1, "it is still open");
    run(&mut scheduler, Slot::Urgent, &policy, &mut baseline);
    assert_eq!(gaps(&baseline), [(GapCause::QueueOverflow, false), (GapCause::QueueOverflow, true)]);
}

#[test]
fn gaps_of_the_last_run_are_closed_by_this_one() {
    let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/nonexistent/tree")]));
    let gap = Gap {
        subtree: b"/nonexistent/other".to_vec(),
        cause: GapCause::QueueOverflow,
        opened: clock::now(),
        closed: None,
        found: 0,
    };
    super::gaps::open(gap, &mut baseline.writer, &baseline.status);
    let mut scheduler = scheduler(&baseline);
    scheduler.begin(RESTART, &policy, &mut baseline.writer);
    run(&mut scheduler, Slot::Urgent, &policy, &mut baseline);
    assert_eq!(gaps(&baseline), [(GapCause::QueueOverflow, false), (GapCause::QueueOverflow, true)]);
}

#[test]
fn an_initial_scan_that_was_stopped_starts_again_with_the_next_request() {
    let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/nonexistent/tree")]));
    let mut scheduler = scheduler(&baseline);
    scheduler.begin(RESTART, &policy, &mut baseline.writer);
    scheduler.start_scans(&policy, &baseline.writer);
    let scan = scheduler.take(Slot::Background).expect("it runs");
    scheduler.ended(scan, &ScanReport::default(), &policy, &mut baseline.writer);
    assert!(!scheduler.coverage.holds(b"/nonexistent/tree") && !scheduler.has_waiting());
    scheduler.request(Vec::new(), ScanDepth::Full, &policy).expect("watched");
    assert!(scheduler.queue.has(Cause::First) && scheduler.queue.has(Cause::Asked));
}

#[test]
fn a_scheduled_scan_is_queued_when_it_is_due_and_once() {
    let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/nonexistent/tree")]));
    let mut scheduler = scheduler(&baseline);
    scheduler.begin(RESTART, &policy, &mut baseline.writer);
    run(&mut scheduler, Slot::Background, &policy, &mut baseline);
    scheduler.queue_if_due(&policy);
    assert!(!scheduler.has_waiting() && baseline.status.lists().next_scan.is_some());
    scheduler.full_scans.set_schedule(Schedule { frequency: Duration::ZERO, time: None, days: None });
    scheduler.queue_if_due(&policy);
    scheduler.queue_if_due(&policy);
    assert_eq!(scheduler.queue.waiting().count(), 1);
}

#[test]
fn only_watched_paths_can_be_scanned() {
    let (baseline, policy) = (Baseline::new(), policy(vec![watch("/etc/ssh")]));
    let mut scheduler = scheduler(&baseline);
    let mut request = |path: &str| scheduler.request(vec![path.into()], ScanDepth::Full, &policy);
    assert_eq!((request("/etc"), request("/etc/ssh/sshd_config")), (Ok(1), Ok(2)));
    let refused = request("/usr").expect_err("not watched");
    assert_eq!(refused.to_string(), "/usr is in no <directories> of <syscheck>");
}

#[test]
fn after_a_failure_of_the_store_everything_is_scanned_and_after_damage_silently() {
    let (mut baseline, policy) = (Baseline::new(), policy(vec![watch("/etc"), watch("/usr")]));
    let mut scheduler = scheduler(&baseline);
    scheduler.coverage = Coverage::of(&policy);
    scheduler.store_recovered(&policy, &mut baseline.writer);
    assert_eq!(gaps(&baseline), [(GapCause::StoreFailed, false), (GapCause::StoreFailed, false)]);
    scheduler.baseline_recreated(&policy);
    assert!(scheduler.queue.has(Cause::First) && !scheduler.coverage.holds(b"/etc"));
    assert!(baseline.writer.view().entry(b"/etc").expect("readable").is_none());
}

#[test]
fn a_new_tree_of_the_configuration_begins_silently() {
    let mut baseline = Baseline::new();
    let (one, two) = (policy(vec![watch("/etc")]), policy(vec![watch("/etc"), watch("/opt")]));
    let mut scheduler = scheduler(&baseline);
    scheduler.coverage = Coverage::of(&one);
    let (schedule, scan) = (Schedule { frequency: Duration::ZERO, time: None, days: None }, ScanOptions::default());
    scheduler.reconfigure(schedule, scan, &two, &mut baseline.writer);
    assert!(scheduler.queue.has_waiting_first_scan(b"/opt") && !scheduler.queue.has_waiting_first_scan(b"/etc"));
    // The sensor reports that it has not marked the new tree yet.
    scheduler.open_gap(b"/opt".to_vec(), GapCause::Unmarked, &two, &mut baseline.writer);
    assert!(gaps(&baseline).is_empty());
}
