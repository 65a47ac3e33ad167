use super::*;

const PLACE: &str = "file:a\0/a\0v;1";

fn death(part: Part, careful: bool, place: &str, number: u64) -> Option<CrashRecord> {
    let (place, bytes) = (place.as_bytes().to_vec(), b"a line".to_vec());
    Some(CrashRecord { signal: 11, part, place, number, careful, bytes })
}

fn verdicts(found: &Found) -> Vec<(Part, Verdict)> {
    found.suspects.iter().map(|one| (one.part, one.verdict)).collect()
}

// Item 10: a first death proves nothing, the second one does; SIGKILL leaves no record.
#[test]
fn a_line_is_set_aside_after_the_second_death_of_it_and_never_after_sigkill() {
    for (part, place, careful) in [
        (Part::Analysis, PLACE, true),
        (Part::Collector, "file:a 1:2", false),
        (Part::Journal, "s=1;i=2", true),
        (Part::Recorder, PLACE, true),
        (Part::Responder, PLACE, true),
    ] {
        // Stages behind the analysis know nothing but the location at first.
        let begin = if matches!(part, Part::Recorder | Part::Responder) { "/a" } else { place };
        let mut first = Found::new(Vec::new(), death(part, false, begin, 7));
        first.compare(7, None);
        assert_eq!(verdicts(&first), [(part, Verdict::Watch)]);
        let killed = Found::new(first.suspects.clone(), None);
        assert_eq!(killed.suspects, first.suspects, "SIGKILL changes nothing");
        let second = Found::new(killed.suspects, death(part, careful, place, 7));
        assert_eq!(verdicts(&second), [(part, Verdict::SetAside)]);
        assert_eq!(second.lost, []);
    }
}

#[test]
fn a_death_in_a_careful_life_is_that_of_the_line_in_hand() {
    let first = Found::new(Vec::new(), death(Part::Analysis, false, PLACE, 7));
    let other = Found::new(first.suspects, death(Part::Analysis, true, "file:b\0/b\0v;1", 0));
    assert_eq!(verdicts(&other), [(Part::Analysis, Verdict::Watch), (Part::Analysis, Verdict::SetAside)]);
}

#[test]
fn a_line_that_a_stage_dies_of_though_it_was_not_to_get_it_is_not_even_analysed() {
    let first = Found::new(Vec::new(), death(Part::Recorder, true, PLACE, 0));
    let second = Found::new(first.suspects, death(Part::Recorder, true, PLACE, 0));
    assert_eq!(verdicts(&second), [(Part::Analysis, Verdict::SetAside)]);
}

#[test]
fn what_cannot_come_again_is_told_at_once() {
    for (part, place, location) in [
        (Part::Analysis, "\0uptime\0", "uptime"),
        (Part::Recorder, "\0uptime\0", "uptime"),
        (Part::Journal, "", "journald"),
    ] {
        let found = Found::new(Vec::new(), death(part, true, place, 0));
        assert!(found.suspects.is_empty());
        let lost: Vec<_> = found.lost.into_iter().map(|lost| (lost.location, lost.line)).collect();
        assert_eq!(lost, [(location.into(), b"a line".to_vec())]);
    }
}

// The alert was recorded before the responder died of it: its line does not come again.
#[test]
fn an_alert_that_was_recorded_before_its_response_is_told_at_once() {
    let mut found = Found::new(Vec::new(), death(Part::Responder, false, "/a", 7));
    found.compare(8, None);
    assert_eq!(found.suspects, []);
    assert_eq!(found.lost.len(), 1);
    assert!(found.is_careful());
    // Several alerts at once: nobody is suspected, and the careful life finds the one.
    let mut found = Found::new(Vec::new(), death(Part::Responder, false, "", 7));
    found.compare(7, None);
    assert!(found.suspects.is_empty() && found.lost.is_empty() && found.is_careful());
}

#[test]
fn the_text_of_joined_alerts_is_left_out_by_its_number() {
    let mut found = Found::new(Vec::new(), death(Part::JoinedText, false, "/a", 7));
    assert_eq!(found.joined_text, Some(7));
    let aside = SetAside {
        location: "/a".into(),
        position: "joined alerts 1.7".into(),
        part: "recorder".into(),
        cause: String::new(),
        line: b"a line".to_vec(),
    };
    found.compare(9, Some(aside.clone()));
    assert_eq!(found.lost, [SetAside { cause: "SIGSEGV".into(), ..aside }]);
}

#[test]
fn another_offset_is_another_piece_for_the_collector() {
    let first = Found::new(Vec::new(), death(Part::Collector, false, "file:a 1:2", 7));
    let second = Found::new(first.suspects, death(Part::Collector, false, "file:a 1:2", 99));
    assert!(second.suspects.iter().all(|one| one.verdict == Verdict::Watch));
}

#[test]
fn a_suspect_that_does_not_come_again_is_told_with_its_bytes() {
    let found = Found::new(Vec::new(), death(Part::Recorder, false, "/a", 7));
    let told = found.suspects[0].to_lost();
    assert_eq!((told.location.as_str(), told.part.as_str(), told.line), ("/a", "recorder", b"a line".to_vec()));
}
