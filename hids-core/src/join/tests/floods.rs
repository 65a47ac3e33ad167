use super::*;

fn refused(number: u64, address: &str) -> Arc<Alert> {
    let message = format!("Failed password for u{number} from {address}");
    log(number, rule(5716, 5, "syslog,sshd,"), "Nov 29 16:00:00 h sshd[1]: ", &message, &[(FieldName::SrcIp, address)])
}

// M9
#[test]
fn above_the_number_a_minute_equal_alerts_are_one_record_with_their_count() {
    let mut joiner = joiner();
    let mut placed = Vec::new();
    for number in 1..=10_000 {
        placed.push(joiner.offer(&refused(number, "203.0.113.9"), Duration::from_millis(number)));
    }
    assert_eq!(placed.iter().filter(|placed| **placed == Placement::Now).count(), 60);
    assert!(placed[60..].iter().all(|placed| *placed == Placement::Folded));
    assert!(joiner.take_due(seconds(59)).is_empty());
    let done = joiner.take_due(seconds(60));
    assert_eq!((done.len(), done[0].count, done[0].id.sequence), (1, 9_940, 61));
    let mut json = Vec::new();
    let kinship = render::Kinship { group: None, tally: Some(done[0].tally()) };
    render::alert_json_of_many(&mut json, done[0].lead(), &jiff::tz::TimeZone::UTC, kinship);
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!((&json["count"], &json["id"]), (&9_940.into(), &format!("{EVENING}.61").into()));
    assert_eq!(json["first_time"], EVENING * 1000);
    assert!(text(&done[0]).contains("rule 5716 (9940 equal alerts within 1 s)'"));
    assert_eq!(joiner.offer(&refused(10_001, "203.0.113.9"), seconds(61)), Placement::Now, "a new minute");
}

#[test]
fn other_sources_rules_and_texts_are_not_equal() {
    let mut joiner = joiner();
    for number in 1..=1_000 {
        let address = format!("203.0.113.{}", number % 250);
        assert_eq!(joiner.offer(&refused(number, &address), seconds(0)), Placement::Now);
    }
    // Without an address the text counts, but for its numbers.
    let line = |number, text: &str| log(number, rule(1002, 2, "syslog,errors,"), "", text, &[]);
    for number in 1..=60 {
        assert_eq!(joiner.offer(&line(number, &format!("error {number} of eth0")), seconds(0)), Placement::Now);
    }
    assert_eq!(joiner.offer(&line(61, "error 61 of eth0"), seconds(0)), Placement::Folded);
    assert_eq!(joiner.offer(&line(62, "a disk fails"), seconds(0)), Placement::Now);
}

#[test]
fn changed_files_are_never_folded() {
    let mut joiner = joiner();
    for number in 1..=1_000 {
        let alert = file(number, 7, &format!("/usr/bin/{number}"), vec![who(5, "/bin/x", &[])]);
        assert!(matches!(joiner.offer(&alert, seconds(0)), Placement::Joined(_)));
    }
}

#[test]
fn nothing_is_folded_when_it_is_off() {
    let mut joiner = Joiner::new(JoinOptions::default());
    for number in 1..=1_000 {
        assert_eq!(joiner.offer(&refused(number, "203.0.113.9"), seconds(0)), Placement::Now);
    }
}
