use super::*;

/// 2026-11-25 00:00:00 UTC.
const MIDNIGHT: i64 = EVENING + 6633;

#[test]
fn batch_over_midnight_goes_into_both_days() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, MIDNIGHT - 1), alert(2, MIDNIGHT), alert(3, MIDNIGHT - 1)])).expect("written");
    let month = root.path().join("logs/alerts/2026/Nov");
    assert_eq!(numbers(&read(month.join("ossec-alerts-24.log"))), [1]);
    // The clock of events never goes back into a finished file.
    assert_eq!(numbers(&read(month.join("ossec-alerts-25.log"))), [2, 3]);
    assert_eq!(numbers(&read(root.path().join("logs/alerts/alerts.log"))), [2, 3]);
}

#[test]
fn midnight_passes_without_an_event_and_empty_files_go() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.tick(Timestamp::from_unix_seconds(MIDNIGHT - 1)).expect("tick");
    recorder.write(&batch(vec![alert(1, MIDNIGHT - 1)])).expect("written");
    recorder.tick(Timestamp::from_unix_seconds(MIDNIGHT)).expect("tick");
    assert_eq!(read(root.path().join("logs/alerts/alerts.log")), "");
    assert!(root.path().join("logs/alerts/2026/Nov/ossec-alerts-24.log").exists());
    assert!(!root.path().join("logs/firewall/2026/Nov/ossec-firewall-24.log").exists());
    assert!(root.path().join("logs/firewall/2026/Nov/ossec-firewall-25.log").exists());
}

#[test]
fn crash_after_rotation_cuts_the_new_days_file_too() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, MIDNIGHT - 1)])).expect("written");
    recorder.tick(Timestamp::from_unix_seconds(MIDNIGHT)).expect("tick");
    recorder.begin(&batch(vec![alert(2, MIDNIGHT)])).expect("announced");
    drop(recorder);
    let log = root.path().join("logs/alerts/2026/Nov/ossec-alerts-25.log");
    std::fs::File::options()
        .append(true)
        .open(&log)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"uncommitted\n"))
        .expect("append");
    open(root.path());
    assert_eq!(read(&log), "");
}

fn finish(root: &Path, today: jiff::civil::Date, compress: bool) -> Vec<(std::path::PathBuf, io::Error)> {
    let logs = root::Root::open(&root.join("logs")).expect("root");
    finish::finish_before(&logs, today, finish::FinishOptions { checksums: true, compress }, &|| false)
}

#[test]
fn finished_days_get_chained_sums_and_are_compressed_once() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    let time = |day: i64| MIDNIGHT + day * 86_400 + 5;
    recorder.write(&batch(vec![alert(1, time(0)), alert(2, time(1)), alert(3, time(2))])).expect("written");
    let month = root.path().join("logs/alerts/2026/Nov");
    let plain = read(month.join("ossec-alerts-26.log"));
    let today = Timestamp::from_unix_seconds(time(2)).in_zone(&TimeZone::UTC).date();
    assert!(finish(root.path(), today, false).is_empty());
    let sum = read(month.join("ossec-alerts-26.log.sum"));
    let lines: Vec<&str> = sum.lines().collect();
    assert_eq!(lines[0], "Current checksum:");
    let hash = |program: &str, name: &str| {
        let out = std::process::Command::new(program).arg(month.join(name)).output().expect("coreutils");
        String::from_utf8_lossy(&out.stdout).split(' ').next().expect("a sum").to_owned()
    };
    let shown = "/logs/alerts/2026/Nov/ossec-alerts";
    assert_eq!(lines[1], format!("MD5  ({shown}-26.log) = {}", hash("md5sum", "ossec-alerts-26.log")));
    assert_eq!(lines[2], format!("SHA1 ({shown}-26.log) = {}", hash("sha1sum", "ossec-alerts-26.log")));
    assert_eq!(lines[3], format!("SHA256 ({shown}-26.log) = {}", hash("sha256sum", "ossec-alerts-26.log")));
    assert_eq!(&lines[4..6], ["", "Chained checksum:"]);
    assert_eq!(lines[6], format!("MD5  ({shown}-25.log.sum) = {}", hash("md5sum", "ossec-alerts-25.log.sum")));
    assert!(
        read(month.join("ossec-alerts-25.log.sum"))
            .contains("MD5  (/logs/alerts/2026/Nov/ossec-alerts-24.log.sum) = none")
    );
    for _ in 0..2 {
        assert!(finish(root.path(), today, true).is_empty());
        assert!(!month.join("ossec-alerts-26.log").exists());
        assert_eq!(unpacked(&month.join("ossec-alerts-26.log.gz")), plain);
        assert_eq!(read(month.join("ossec-alerts-26.log.sum")), sum);
    }
    assert!(month.join("ossec-alerts-27.log").exists(), "today stays");
}

#[test]
fn interrupted_or_late_compression_loses_and_doubles_nothing() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    recorder.tick(Timestamp::from_unix_seconds(MIDNIGHT)).expect("tick");
    let today = Timestamp::from_unix_seconds(MIDNIGHT).in_zone(&TimeZone::UTC).date();
    let daily = root.path().join("logs/alerts/2026/Nov/ossec-alerts-24.log");
    let text = read(&daily);
    finish(root.path(), today, true);
    let packed = daily.with_extension("log.gz");
    std::fs::write(&daily, &text).expect("as if killed before removing it");
    finish(root.path(), today, true);
    assert_eq!(unpacked(&packed), text);
    std::fs::write(&daily, "later\n").expect("the clock went back");
    finish(root.path(), today, true);
    assert_eq!(unpacked(&packed), format!("{text}later\n"));
    assert!(!daily.exists());
}

fn unpacked(path: &Path) -> String {
    let mut text = String::new();
    let file = std::fs::File::open(path).expect("open");
    std::io::Read::read_to_string(&mut flate2::read::MultiGzDecoder::new(file), &mut text).expect("gzip");
    text
}

fn query(root: &Path) -> AlertQuery {
    AlertQuery { logs: root.join("logs"), zone: TimeZone::UTC, since: None, until: None, filters: Filters::default() }
}

fn found(query: AlertQuery) -> Vec<u64> {
    read_alerts(query).map(|alert| alert.expect("readable").id.expect("id").sequence).collect()
}

#[test]
fn alerts_are_read_back_from_plain_and_compressed_days() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING), alert(2, MIDNIGHT), alert(3, MIDNIGHT + 60)])).expect("written");
    let today = Timestamp::from_unix_seconds(MIDNIGHT).in_zone(&TimeZone::UTC).date();
    finish(root.path(), today, true);
    assert_eq!(found(query(root.path())), [1, 2, 3]);
    let since = Some(Timestamp::from_unix_seconds(MIDNIGHT + 1));
    assert_eq!(found(AlertQuery { since, ..query(root.path()) }), [3]);
    let until = Some(Timestamp::from_unix_seconds(EVENING));
    assert_eq!(found(AlertQuery { until, ..query(root.path()) }), [1]);
    let filters = Filters { level: Level(6), ..Filters::default() };
    assert!(found(AlertQuery { filters, ..query(root.path()) }).is_empty());
}

#[test]
fn newest_alerts_are_those_of_the_last_days_and_no_more_are_kept() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    let alerts = [(1, EVENING), (2, EVENING), (3, MIDNIGHT), (4, MIDNIGHT + 60)];
    recorder.write(&batch(alerts.map(|(number, time)| alert(number, time)).to_vec())).expect("written");
    let newest = |most, query: &AlertQuery| -> Vec<u64> {
        let number = |alert: &RecordedAlert| alert.id.expect("id").sequence;
        newest_alerts(query, most, number).expect("readable").into()
    };
    let all = query(root.path());
    assert_eq!(newest(1, &all), [4]);
    assert_eq!(newest(3, &all), [2, 3, 4]);
    assert_eq!(newest(9, &all), [1, 2, 3, 4]);
    assert_eq!(newest(0, &all), [0; 0]);
    let until = Some(Timestamp::from_unix_seconds(MIDNIGHT));
    assert_eq!(newest(2, &AlertQuery { until, ..all }), [2, 3]);
}

#[test]
fn alerts_are_read_from_alerts_log_when_there_is_no_json() {
    let root = tempfile::tempdir().expect("tempdir");
    let mut options = options(root.path(), None);
    options.config.json = false;
    let (mut recorder, _) = Recorder::open(options).expect("opens");
    recorder.write(&batch(vec![alert(1, EVENING), alert(2, EVENING)])).expect("written");
    let alerts: Vec<_> = read_alerts(query(root.path())).map(|alert| alert.expect("readable")).collect();
    assert_eq!(alerts.len(), 2);
    assert_eq!((alerts[1].full_log.as_str(), alerts[1].rule), ("line 2", RuleId(5710)));
    let json: serde_json::Value = serde_json::from_str(&alerts[1].json).expect("JSON");
    assert_eq!(json["rule"]["sidid"], 5710);
}

#[test]
fn follower_sees_new_alerts_and_goes_over_midnight() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    let mut follower = Follower::open(&root.path().join("logs")).expect("opens");
    let mut next = || {
        let alert = follower.next(std::time::Duration::from_secs(5)).expect("readable");
        alert.and_then(|alert| Some(alert.id?.sequence))
    };
    recorder.write(&batch(vec![alert(2, EVENING)])).expect("written");
    assert_eq!(next(), Some(2));
    recorder.write(&batch(vec![alert(3, EVENING), alert(4, MIDNIGHT)])).expect("written");
    assert_eq!((next(), next()), (Some(3), Some(4)));
}
