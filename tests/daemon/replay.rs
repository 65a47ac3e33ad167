//! `hidsctl replay`: whole files, the lines' own times, nothing blocked.

use hids_tests::daemon::Daemon;
use serde_json::Value;

const BLOCKING: &str = "<localfile><log_format>syslog</log_format><location>@LOG@</location></localfile>
<command><name>firewall-drop</name><executable>firewall-drop.sh</executable><expect>srcip</expect></command>
<active-response><command>firewall-drop</command><location>local</location><level>7</level><timeout>60</timeout>
</active-response><global><white_list>203.0.113.200</white_list></global>";

fn guesses(host: &Daemon, name: &str, address: &str, seconds_apart: u32) -> String {
    let line = |number: u32| {
        let second = number * seconds_apart;
        let (hour, minute, second) = (10 + second / 3600, second / 60 % 60, second % 60);
        format!(
            "Nov 24 {hour:02}:{minute:02}:{second:02} web1 sshd[5]: Failed password for root from {address} port 22 ssh2\n"
        )
    };
    let path = host.path(name);
    std::fs::write(&path, (0..12).map(line).collect::<String>()).expect("written");
    path.to_string_lossy().into_owned()
}

fn summary(host: &Daemon, arguments: &[&str]) -> Value {
    let output = host.hidsctl(&[&["replay", "--json"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).expect("a JSON summary")
}

#[test]
fn the_summary_names_events_alerts_time_and_who_would_be_blocked() {
    let host = Daemon::new(BLOCKING);
    let attack = guesses(&host, "attack.log", "203.0.113.5", 1);
    let friend = guesses(&host, "friend.log", "203.0.113.200", 1);
    let summary = summary(&host, &[&attack, &friend]);
    assert_eq!(summary["events"], 24);
    assert!(summary["alerts"].as_u64().is_some_and(|alerts| alerts >= 24), "{summary}");
    assert!(summary["seconds"].is_f64());
    assert_eq!(summary["would_block"], serde_json::json!(["203.0.113.5"]));
}

#[test]
fn people_read_the_top_rules_and_sources_and_when_who_would_be_blocked() {
    let host = Daemon::new(BLOCKING);
    let attack = guesses(&host, "attack.log", "203.0.113.5", 1);
    let output = host.hidsctl(&["replay", &attack]);
    let text = String::from_utf8(output.stdout).expect("text");
    assert!(text.starts_with("12 lines in ") && text.contains(", 1 address would have been blocked\n"), "{text}");
    assert!(text.contains("ALERTS  RULE  LEVEL  DESCRIPTION\n") && text.contains("  5716      5  sshd"), "{text}");
    assert!(text.contains("ALERTS  SOURCE\n    12  203.0.113.5\n"), "{text}");
    let block = text.lines().find(|line| line.contains("-11-24 10:00:07  203.0.113.5  1m 0s  5720  "));
    assert!(block.is_some(), "{text}");
    let lines = std::fs::read(&attack).expect("the log");
    let piped = String::from_utf8(host.hidsctl_input(&["replay", "-"], &lines).stdout).expect("text");
    assert_eq!(piped.lines().skip(1).collect::<Vec<_>>(), text.lines().skip(1).collect::<Vec<_>>());
    let json = summary(&host, &[&attack]);
    assert_eq!((&json["blocks"][0]["rule"], &json["blocks"][0]["seconds"]), (&5720.into(), &60.into()), "{json}");
}

#[test]
fn the_lines_own_times_are_the_clock() {
    let host = Daemon::new(BLOCKING);
    // Twelve guesses in twelve hours are no guessing, though they are read in no time.
    let slow = guesses(&host, "slow.log", "203.0.113.5", 3600);
    assert_eq!(summary(&host, &[&slow])["would_block"], serde_json::json!([]));
}

#[test]
fn more_threads_give_the_same_alerts_byte_for_byte() {
    let host = Daemon::new(BLOCKING);
    let log = host.path("many.log");
    let lines = (0..6000u32).map(crate::common::failed_login).collect::<Vec<_>>().join("\n");
    std::fs::write(&log, lines).expect("written");
    let log = log.to_string_lossy().into_owned();
    let alerts = |threads: &str| {
        let out = host.path(&format!("alerts-{threads}.json"));
        summary(&host, &["--threads", threads, "--alerts-json", &out.to_string_lossy(), &log]);
        std::fs::read(out).expect("alerts")
    };
    let one = alerts("1");
    assert!(one.iter().filter(|&&byte| byte == b'\n').count() >= 6000);
    let first: Value = serde_json::from_slice(one.split(|&byte| byte == b'\n').next().expect("a line")).expect("JSON");
    assert_eq!(first["rule"]["sidid"], 5716);
    for threads in ["2", "4"] {
        assert!(alerts(threads) == one, "{threads} threads give other alerts");
    }
}

#[test]
fn an_empty_file_is_analysed_and_a_missing_one_named() {
    let host = Daemon::new(BLOCKING);
    assert_eq!(summary(&host, &["/dev/null"])["events"], 0);
    let output = host.hidsctl(&["replay", "/nowhere/x.log"]);
    assert_eq!(output.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nowhere/x.log"), "{output:?}");
    assert!(output.stdout.is_empty());
    assert_eq!(host.hidsctl(&["replay"]).status.code(), Some(2));
}

#[test]
fn nothing_is_written_where_the_daemon_writes() {
    let host = Daemon::new(BLOCKING);
    let attack = guesses(&host, "attack.log", "203.0.113.5", 1);
    summary(&host, &["--strict-ossec", &attack]);
    for place in ["logs", "state", "run"] {
        assert!(!host.path(place).exists(), "{place} was made");
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, bytes).expect("packed");
    encoder.finish().expect("packed")
}

// O-B9: a rotated log is analysed as its lines, also when it was packed in several parts.
#[test]
fn a_log_packed_with_gzip_is_analysed_as_its_lines() {
    let host = Daemon::new(BLOCKING);
    let plain = guesses(&host, "attack.log", "203.0.113.5", 1);
    let text = std::fs::read(&plain).expect("written");
    let packed = host.path("access.log.2.gz").to_string_lossy().into_owned();
    for parts in [vec![&text[..]], vec![&text[..500], &text[500..], b""]] {
        std::fs::write(&packed, parts.into_iter().flat_map(gzip).collect::<Vec<u8>>()).expect("written");
        for threads in ["1", "3"] {
            let summary = summary(&host, &["--threads", threads, &packed]);
            assert_eq!(summary["events"], 12);
            assert_eq!(summary["would_block"], serde_json::json!(["203.0.113.5"]));
        }
    }
    // The name does not matter.
    let renamed = host.path("access.log.2").to_string_lossy().into_owned();
    std::fs::rename(&packed, &renamed).expect("renamed");
    assert_eq!(summary(&host, &[&renamed])["events"], 12);
}

// O-B9
#[test]
fn a_damaged_gzip_file_is_an_error_that_names_it() {
    let host = Daemon::new(BLOCKING);
    let plain = guesses(&host, "attack.log", "203.0.113.5", 1);
    let whole = gzip(&std::fs::read(&plain).expect("written"));
    let packed = host.path("cut.gz");
    std::fs::write(&packed, &whole[..whole.len() - 6]).expect("written");
    for threads in ["1", "2"] {
        let output = host.hidsctl(&["replay", "--threads", threads, &packed.to_string_lossy()]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        assert!(error.contains("cut.gz") && error.contains("gzip"), "{error}");
        assert!(output.stdout.is_empty(), "no summary of half a log");
    }
}

// O-B9: other formats are not read as lines.
#[test]
fn other_compressed_formats_are_refused_with_the_command_that_helps() {
    let host = Daemon::new(BLOCKING);
    for (begin, program) in [
        (&b"\xfd7zXZ\0\0\x04"[..], "xz -dc"),
        (b"\x28\xb5\x2f\xfd\x24\x10", "zstd -dc"),
        (b"BZh91AY&SY\x00", "bzip2 -dc"),
        (b"\x04\x22\x4d\x18\x64", "lz4 -dc"),
    ] {
        let path = host.path("packed");
        std::fs::write(&path, begin).expect("written");
        let output = host.hidsctl(&["replay", &path.to_string_lossy()]);
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(4), "{output:?}");
        assert!(error.contains(program) && error.contains("packed"), "{error}");
        assert!(output.stdout.is_empty());
    }
}

// O-B9: `-` is standard input, plain or packed; the summary is the last line.
#[test]
fn standard_input_is_analysed() {
    let host = Daemon::new(BLOCKING);
    let plain = std::fs::read(guesses(&host, "attack.log", "203.0.113.5", 1)).expect("written");
    for input in [plain.clone(), gzip(&plain)] {
        let output = host.hidsctl_input(&["replay", "--json", "-"], &input);
        assert!(output.status.success(), "{output:?}");
        let text = String::from_utf8(output.stdout).expect("text");
        let summary: Value = serde_json::from_str(text.lines().last().expect("a summary")).expect("JSON");
        assert_eq!(summary["events"], 12);
        assert_eq!(summary["would_block"], serde_json::json!(["203.0.113.5"]));
    }
}
