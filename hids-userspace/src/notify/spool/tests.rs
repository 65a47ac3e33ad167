use std::path::Path;
use std::sync::Arc;

use hids_core::model::*;
use jiff::tz::TimeZone;

use super::*;
use crate::contracts::alert_spool::{AlertSpool as _, MailItem};

pub(in crate::notify) fn alert(sequence: u64, rule: u32, level: u16) -> Alert {
    Alert {
        id: AlertId { epoch_seconds: 1_795_558_167, sequence },
        time: Timestamp::from_unix_seconds(1_795_558_167),
        rule: Arc::new(RuleFacts {
            id: RuleId(rule),
            level: Level(level),
            description: format!("rule number {rule}"),
            group: "syslog,sshd,".into(),
            cve: None,
            info: None,
            mitre: Vec::new(),
            frequency: None,
            may_respond: true,
        }),
        fired_times: 1,
        chain: Arc::new([]),
        recorded: true,
        mailed: true,
        decoder: None,
        fields: Fields::default(),
        hostname: b"myhost".to_vec(),
        program_name: None,
        source: Arc::new(LogSource { location: "/var/log/auth.log".into(), channel: Channel::Log }),
        full_log: format!("line {sequence}").into_bytes(),
        log_offset: 0,
        evidence: Vec::new(),
        target: None,
        previous_output: None,
        notice: None,
        untrusted: None,
    }
}

pub(in crate::notify) fn open(root: &Path, limits: SpoolLimits) -> MailSpool {
    let options = SpoolOptions { zone: TimeZone::UTC, full_subject: false, limits };
    MailSpool::open(&root.join("mail"), options).expect("spool opens")
}

fn sequences(spool: &MailSpool) -> Vec<u64> {
    spool.committed_after(0).iter().map(|waiting| waiting.sequence).collect()
}

fn stage(spool: &mut MailSpool, numbers: impl IntoIterator<Item = u64>) {
    numbers
        .into_iter()
        .for_each(|number| spool.stage(MailItem::single(number, &alert(number, 5710, 7))).expect("staged"));
}

#[test]
fn staged_alerts_are_given_out_only_after_the_commit() {
    let root = tempfile::tempdir().expect("tempdir");
    let mut spool = open(root.path(), SpoolLimits::default());
    stage(&mut spool, 1..=3);
    assert!(sequences(&spool).is_empty());
    spool.committed(3);
    assert_eq!(sequences(&spool), [1, 2]);
    let entry = spool.read(2).expect("readable").expect("there");
    assert!(entry.body.contains("line 2\n"), "{}", entry.body);
    assert_eq!(entry.location, "myhost->/var/log/auth.log");
}

#[test]
fn uncommitted_and_torn_entries_are_gone_after_a_restart_and_sent_ones_stay_sent() {
    let root = tempfile::tempdir().expect("tempdir");
    let mut spool = open(root.path(), SpoolLimits::default());
    stage(&mut spool, 1..=5);
    spool.committed(6);
    spool.update(|state| state.sent_below = 3).expect("stored");
    drop(spool);
    let queue = root.path().join("mail/queue");
    let length = queue.metadata().expect("there").len();
    std::fs::File::options().write(true).open(&queue).and_then(|file| file.set_len(length - 3)).expect("tear");
    let mut spool = open(root.path(), SpoolLimits::default());
    assert!(spool.holds(4) && !spool.holds(5));
    spool.drop_from(4).expect("dropped");
    spool.committed(4);
    assert_eq!(sequences(&spool), [3]);
    stage(&mut spool, 4..=4);
    spool.committed(5);
    assert_eq!(sequences(&spool), [3, 4]);
}

#[test]
fn a_damaged_entry_costs_only_itself() {
    // L8
    let root = tempfile::tempdir().expect("tempdir");
    let mut spool = open(root.path(), SpoolLimits::default());
    stage(&mut spool, 1..=5);
    drop(spool);
    let queue = root.path().join("mail/queue");
    let mut bytes = std::fs::read(&queue).expect("readable");
    let second = bytes.iter().position(|&byte| byte == b'\n').expect("a line") + 30;
    bytes[second] ^= 1;
    std::fs::write(&queue, &bytes).expect("damaged");
    let mut spool = open(root.path(), SpoolLimits::default());
    spool.committed(6);
    assert_eq!(sequences(&spool), [1, 3, 4, 5]);
    stage(&mut spool, 6..=6);
    spool.committed(7);
    assert_eq!(sequences(&spool), [1, 3, 4, 5, 6]);
    assert!(spool.read(6).expect("readable").is_some_and(|entry| entry.body.contains("line 6\n")));
}

#[test]
fn number_given_again_after_a_power_loss_is_mailed_again() {
    let root = tempfile::tempdir().expect("tempdir");
    let mut spool = open(root.path(), SpoolLimits::default());
    stage(&mut spool, 1..=9);
    spool.committed(10);
    spool.update(|state| state.sent_below = 10).expect("stored");
    spool.drop_from(8).expect("dropped");
    stage(&mut spool, 8..=8);
    spool.committed(9);
    assert_eq!(sequences(&spool), [8]);
}

#[test]
fn full_spool_counts_the_oldest_per_rule() {
    let root = tempfile::tempdir().expect("tempdir");
    let limits = SpoolLimits { alerts: 100, ..SpoolLimits::default() };
    let mut spool = open(root.path(), limits);
    for number in 1..=150 {
        stage(&mut spool, [number]);
        spool.committed(number + 1);
    }
    assert!(spool.len() <= 100);
    assert_eq!(spool.omitted() + spool.len() as u64, 150, "kept or counted");
    let omitted = spool.omitted();
    drop(spool);
    assert_eq!(open(root.path(), limits).omitted(), omitted, "counts survive a restart");
}

#[test]
fn room_of_sent_alerts_is_given_back() {
    let root = tempfile::tempdir().expect("tempdir");
    let mut spool = open(root.path(), SpoolLimits::default());
    let large = |number| Alert {
        evidence: (0..11).map(|_| EvidenceLine { time: Timestamp::default(), full_log: vec![b'x'; 1200] }).collect(),
        ..alert(number, 1, 7)
    };
    for number in 1..=500 {
        spool.stage(MailItem::single(number, &large(number))).expect("staged");
    }
    spool.committed(501);
    let size = || root.path().join("mail/queue").metadata().expect("there").len();
    let before = size();
    spool.update(|state| state.sent_below = 400).expect("stored");
    assert!(size() < before / 4);
    assert_eq!(spool.read(450).expect("readable").map(|entry| entry.sequence), Some(450));
    drop(spool);
    let mut spool = open(root.path(), SpoolLimits::default());
    spool.committed(501);
    assert_eq!(sequences(&spool), (400..=500).collect::<Vec<_>>());
}
