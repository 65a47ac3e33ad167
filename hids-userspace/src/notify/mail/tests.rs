//! Against a real SMTP server (python3-aiosmtpd) on loopback.

mod server;

use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hids_core::model::{Level, RuleId};
use jiff::tz::TimeZone;

use self::server::{SmtpServer, available, free_port};
use super::*;
use crate::config::{GranularMail, MailConfig, MailLayout, MailProgram, MailTls, MailTransport};
use crate::contracts::alert_spool::{AlertSpool as _, MailItem};
use crate::contracts::standing::{Standing, StandingBlock, Standings};
use crate::notify::spool::tests::{alert, open};
use crate::notify::spool::{MailSpool, SpoolLimits};

fn config(port: u16) -> MailConfig {
    MailConfig {
        enabled: true,
        to: vec!["ops@example.org".into(), "second@example.org".into()],
        from: "ids@example.org".into(),
        reply_to: Some("answers@example.org".into()),
        ids_name: Some("gate\r\nBcc: evil@example.org".into()),
        transport: MailTransport::Smtp { host: "127.0.0.1".into(), port, tls: MailTls::Opportunistic, login: None },
        helo: None,
        max_per_hour: 100,
        grouping: true,
        full_subject: false,
        layout: MailLayout::Ossec,
        urgent_level: None,
        granular_apart: true,
        granular: Vec::new(),
    }
}

fn timing() -> MailTiming {
    MailTiming {
        quiet: Duration::from_millis(200),
        longest: Duration::from_secs(2),
        first_retry: Duration::from_millis(100),
        longest_retry: Duration::from_millis(400),
        // A server on a busy machine answers late; a mail that it took and did not confirm in time is sent again.
        timeout: hids_tests::wait::scaled(Duration::from_secs(5)),
        ..MailTiming::default()
    }
}

fn begin(config: MailConfig, spool: &MailSpool) -> MailHandle {
    begin_with(config, spool, timing())
}

fn begin_with(config: MailConfig, spool: &MailSpool, timing: MailTiming) -> MailHandle {
    begin_asking(config, spool, timing, Arc::new(Blocked(None)))
}

/// A responder that answers this of every address, or not at all.
#[derive(Debug)]
struct Blocked(Option<Option<StandingBlock>>);

impl Standings for Blocked {
    fn ask(&self, addresses: Vec<IpAddr>, _: Duration) -> Option<Vec<Standing>> {
        let block = self.0.clone()?;
        let standing = |address| Standing { address, block: block.clone(), never_blocked: None };
        Some(addresses.into_iter().map(standing).collect())
    }
}

fn begin_asking(
    config: MailConfig,
    spool: &MailSpool,
    timing: MailTiming,
    standings: Arc<dyn Standings>,
) -> MailHandle {
    let options = MailOptions { hostname: "host.example.org".into(), zone: TimeZone::UTC, timing, standings };
    start(config, spool.clone(), options).expect("mail starts")
}

fn spool(root: &Path) -> MailSpool {
    open(root, SpoolLimits::default())
}

/// Commits alerts together, so that it does not depend on how busy the disk is which of them share a mail.
fn record(spool: &mut MailSpool, alerts: impl IntoIterator<Item = hids_core::model::Alert>) {
    let mut next = 0;
    for alert in alerts {
        spool.stage(MailItem::single(alert.id.sequence, &alert)).expect("staged");
        next = alert.id.sequence + 1;
    }
    spool.committed(next);
}

fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(20));
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn grouped_mail_reaches_all_recipients_and_no_header_is_injected() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("plain", free_port());
    let mut spool = spool(root.path());
    let granular =
        |to: &str, level| GranularMail { to: to.into(), level: Some(Level(level)), ..GranularMail::default() };
    let mut config = config(server.port);
    config.granular_apart = false;
    config.granular = vec![granular("night@example.org", 12), granular("never@example.org", 15)];
    let handle = begin(config, &spool);
    let mut hostile = alert(2, 40111, 12);
    hostile.hostname = b"h\r\nBcc: evil@example.org\r\n\r\nforged".to_vec();
    hostile.full_log = b"x\r\n.\r\nMAIL FROM:<evil@example.org>\r\n.dot \xff \x1b[2J".to_vec();
    record(&mut spool, [alert(1, 5710, 7), hostile, alert(3, 5710, 7)]);
    let mails = server.mails(1);
    let mail = &mails[0];
    assert_eq!(mail.recipients, ["ops@example.org", "second@example.org", "night@example.org"]);
    assert_eq!(mail.from, "ids@example.org");
    assert_eq!(mail.header("To"), "ops@example.org");
    assert_eq!(mail.header("Cc"), "second@example.org, night@example.org");
    assert!(mail.header("From").contains("OSSEC HIDS") && mail.header("From").contains("<ids@example.org>"));
    assert!(mail.header("Reply-To").contains("<answers@example.org>"));
    assert_eq!(mail.header("X-IDS-OSSEC"), "gate\\r\\nBcc: evil@example.org");
    assert_eq!(mail.header("Message-ID"), "<1795558167.1.hids@host.example.org>");
    assert!(mail.header("Subject").starts_with("OSSEC Alert - h\\r\\nBcc: evil"), "{}", mail.header("Subject"));
    assert!(!mail.header("Date").is_empty());
    assert_eq!(mail.header("Content-Type").replace('"', ""), "text/plain; charset=utf-8");
    assert!(mail.headers.iter().all(|(name, _)| name != "Bcc"));
    assert_eq!(mail.text.matches("OSSEC HIDS Notification.").count(), 3);
    assert!(
        mail.text.contains("x\\r\n    .\\r\n    MAIL FROM:<evil@example.org>\\r\n    .dot \\xff \\x1b[2J"),
        "{}",
        mail.text
    );
    wait_until("the spool is empty", || spool.is_empty());
    assert_eq!((handle.report().mails, handle.report().alerts), (1, 3));
    handle.stop();
    assert_eq!(server.mails(1).len(), 1);
}

#[test]
fn urgent_alert_goes_at_once_and_a_solitary_one_alone() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("plain", free_port());
    let mut spool = spool(root.path());
    let mut config = config(server.port);
    config.granular = vec![
        GranularMail {
            to: "now@example.org".into(),
            rules: vec![RuleId(1)],
            do_not_delay: true,
            ..GranularMail::default()
        },
        GranularMail {
            to: "alone@example.org".into(),
            rules: vec![RuleId(2)],
            do_not_group: true,
            ..GranularMail::default()
        },
    ];
    let slow = MailTiming { quiet: Duration::from_secs(600), longest: Duration::from_secs(600), ..timing() };
    let handle = begin_with(config, &spool, slow);
    record(&mut spool, [alert(1, 9, 7), alert(2, 1, 7)]);
    assert_eq!(server.mails(1)[0].text.matches("Notification.").count(), 2);
    record(&mut spool, [alert(3, 9, 7), alert(4, 2, 7)]);
    let mails = server.mails(4);
    assert_eq!(mails[1].recipients, ["now@example.org"]);
    assert!(mails[1].text.contains("line 2") && !mails[1].text.contains("line 1"));
    assert!(mails[2].text.contains("line 3") && !mails[2].text.contains("line 4"));
    assert!(mails[3].text.contains("line 4") && mails[3].recipients.contains(&"alone@example.org".into()));
    handle.stop();
}

#[test]
fn alerts_wait_on_disk_while_the_server_is_down_and_over_a_restart() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let port = free_port();
    let mut first = spool(root.path());
    let handle = begin(config(port), &first);
    record(&mut first, (1..=20).map(|number| alert(number, 5710, 7)));
    wait_until("the failure is reported", || handle.report().failures > 1);
    assert_eq!(handle.report().waiting, 20);
    handle.stop();
    drop(first);
    let mut second = spool(root.path());
    second.drop_from(21).expect("as the record stage does");
    second.committed(21);
    let handle = begin(config(port), &second);
    wait_until("it is tried", || handle.report().failing_because.is_some());
    let server = SmtpServer::start("plain", port);
    assert_eq!(server.mails(1)[0].text.matches("Notification.").count(), 20);
    wait_until("it works", || handle.report().failing_because.is_none() && second.is_empty());
    handle.stop();
}

#[test]
fn hanging_server_costs_time_only() {
    let root = tempfile::tempdir().expect("tempdir");
    // Accepts (by the backlog) and never says a word.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut spool = spool(root.path());
    let config = config(silent.local_addr().expect("address").port());
    let handle = begin_with(config, &spool, MailTiming { timeout: Duration::from_secs(1), ..timing() });
    record(&mut spool, [alert(1, 5710, 7)]);
    wait_until("the time-out is reported", || handle.report().failures > 0);
    assert_eq!(spool.len(), 1);
    handle.stop();
}

#[test]
fn refused_recipient_does_not_keep_the_mail_from_the_others() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("refuse-second", free_port());
    let mut spool = spool(root.path());
    let handle = begin(config(server.port), &spool);
    record(&mut spool, [alert(1, 5710, 7)]);
    assert_eq!(server.mails(1)[0].recipients, ["ops@example.org"]);
    wait_until("it is counted", || handle.report().refused_recipients == 1);
    handle.stop();
}

#[test]
fn log_that_a_mail_filter_refuses_does_not_keep_other_alerts_back() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("filter", free_port());
    let mut spool = spool(root.path());
    let handle = begin(config(server.port), &spool);
    let mut poisoned = alert(2, 31106, 10);
    poisoned.full_log = b"GET /FILTER-ME".to_vec();
    record(&mut spool, [alert(1, 5710, 7), poisoned, alert(3, 5710, 7)]);
    wait_until("everything is sent", || spool.is_empty());
    let text: String = server.mails(1).iter().map(|mail| mail.text.clone()).collect();
    assert!(text.contains("line 1") && text.contains("line 3"), "{text}");
    assert!(text.contains("Rule: 31106 fired") && text.contains("alert 1795558167.2"), "{text}");
    handle.stop();
}

#[test]
fn hourly_limit_collects_and_the_count_survives_a_restart() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("plain", free_port());
    let mut spool = spool(root.path());
    let limited = || MailConfig { max_per_hour: 1, ..config(server.port) };
    let handle = begin(limited(), &spool);
    record(&mut spool, [alert(1, 5710, 7)]);
    server.mails(1);
    record(&mut spool, (2..=9).map(|number| alert(number, 5710, 7)));
    wait_until("the limit is reported", || handle.report().limit_reached);
    handle.stop();
    let handle = begin(limited(), &spool);
    wait_until("the limit is still known", || handle.report().limit_reached);
    assert_eq!((server.mails(1).len(), spool.len()), (1, 8));
    // The next clock hour, as far as the spool knows.
    spool.update(|state| state.hour -= 1).expect("stored");
    spool.wake();
    assert_eq!(server.mails(2)[1].text.matches("Notification.").count(), 8);
    handle.stop();
}

#[test]
fn mail_refused_for_days_is_kept_in_a_file() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("refuse-all", free_port());
    let mut spool = spool(root.path());
    let handle =
        begin_with(config(server.port), &spool, MailTiming { refused_for: Duration::from_secs(1), ..timing() });
    record(&mut spool, [alert(1, 5710, 7)]);
    wait_until("it is given up", || handle.report().given_up == 1);
    let kept = std::fs::read_to_string(root.path().join("mail/failed/1795558167.1.eml")).expect("kept");
    assert!(kept.contains("Subject: OSSEC Alert"), "{kept}");
    handle.stop();
}

#[test]
fn starttls_with_a_self_signed_certificate_works_only_unverified() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("starttls", free_port());
    let mut spool = spool(root.path());
    let with = |tls| {
        let mut config = config(server.port);
        config.transport = MailTransport::Smtp { host: "127.0.0.1".into(), port: server.port, tls, login: None };
        config
    };
    record(&mut spool, [alert(1, 5710, 7)]);
    let handle = begin(with(MailTls::Required), &spool);
    wait_until("the certificate is refused", || handle.report().failures > 0);
    assert_eq!(spool.len(), 1);
    handle.stop();
    let handle = begin(with(MailTls::RequiredUnverified), &spool);
    assert!(server.mails(1)[0].encrypted);
    handle.stop();
}

#[test]
fn login_is_used() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("login", free_port());
    let mut spool = spool(root.path());
    let mut config = config(server.port);
    let login = Some(("user".to_owned(), "secret".to_owned()));
    config.transport =
        MailTransport::Smtp { host: "127.0.0.1".into(), port: server.port, tls: MailTls::RequiredUnverified, login };
    let handle = begin(config, &spool);
    record(&mut spool, [alert(1, 5710, 7)]);
    assert_eq!(server.mails(1)[0].user, "user");
    handle.stop();
}

#[test]
fn program_gets_the_mail_on_standard_input_without_a_shell() {
    let root = tempfile::tempdir().expect("tempdir");
    let (program, output) = (root.path().join("deliver"), root.path().join("out"));
    let text = format!(
        "#!/bin/sh\ncat > {0}.new && env > {0}.env && printf '%s|' \"$@\" > {0}.argv && mv {0}.new {0}\n",
        output.display()
    );
    hids_tests::executable::script(&program, &text);
    let mut spool = spool(root.path());
    let mut config = config(25);
    let arguments = ["-t".to_owned(), "-F".to_owned(), "$HOME; id".to_owned()];
    config.transport = MailTransport::Program(MailProgram { path: program, arguments: arguments.to_vec() });
    let handle = begin(config, &spool);
    record(&mut spool, [alert(1, 5710, 7)]);
    wait_until("the program ran", || output.exists());
    let mail = std::fs::read_to_string(&output).expect("mail");
    assert!(mail.contains("\nTo: ops@example.org\n") || mail.starts_with("To: ops@example.org\n"), "{mail}");
    assert!(mail.contains("OSSEC HIDS Notification.\n") && !mail.contains('\r'));
    assert!(!std::fs::read_to_string(output.with_extension("env")).expect("env").contains("HOME="));
    // C11
    assert_eq!(std::fs::read_to_string(output.with_extension("argv")).expect("argv"), "-t|-F|$HOME; id|");
    handle.stop();
}

// C65
#[test]
fn a_granular_recipient_sees_only_the_alerts_that_fit_its_criteria() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("plain", free_port());
    let mut spool = spool(root.path());
    let granular =
        |to: &str, rule| GranularMail { to: to.into(), rules: vec![RuleId(rule)], ..GranularMail::default() };
    let mut config = config(server.port);
    config.granular = vec![
        granular("one@example.org", 1),
        granular("both@example.org", 1),
        granular("both@example.org", 2),
        granular("twin@example.org", 1),
        granular("second@example.org", 2),
        granular("none@example.org", 9),
    ];
    let handle = begin(config, &spool);
    record(&mut spool, [alert(1, 1, 7), alert(2, 2, 7)]);
    let mails = server.mails(2);
    assert_eq!(mails[0].recipients, ["ops@example.org", "second@example.org", "both@example.org"]);
    assert!(mails[0].text.contains("line 1") && mails[0].text.contains("line 2"));
    assert_eq!(mails[1].recipients, ["one@example.org", "twin@example.org"]);
    assert!(mails[1].text.contains("line 1") && !mails[1].text.contains("line 2"), "{}", mails[1].text);
    assert!(!mails[1].header("Cc").contains("ops@"));
    assert_ne!(mails[0].header("Message-ID"), mails[1].header("Message-ID"));
    wait_until("the spool is empty", || spool.is_empty());
    assert_eq!((handle.report().alerts, spool.state().sent), (2, 1));
    handle.stop();
    assert_eq!(server.mails(2).len(), 2);
}

// C65
#[test]
fn a_granular_recipient_whom_the_server_refuses_keeps_nothing_back() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("refuse-second", free_port());
    let mut spool = spool(root.path());
    let mut config = config(server.port);
    config.to = vec!["ops@example.org".into()];
    config.granular =
        vec![GranularMail { to: "second@example.org".into(), rules: vec![RuleId(1)], ..GranularMail::default() }];
    let handle = begin(config, &spool);
    record(&mut spool, [alert(1, 1, 7), alert(2, 2, 7)]);
    wait_until("the spool is empty", || spool.is_empty());
    wait_until("it is counted", || handle.report().refused_recipients == 1);
    assert_eq!(server.mails(1).len(), 1);
    let kept = std::fs::read_to_string(root.path().join("mail/failed/1795558167.1.1.eml")).expect("kept");
    assert!(kept.contains("line 1") && !kept.contains("line 2"), "{kept}");
    handle.stop();
}

// Item 18: a text that stands for several alerts reaches whoever wants any of them.
#[test]
fn a_joined_text_goes_to_the_recipients_of_each_of_its_alerts() {
    let mut config = config(25);
    let granular = |rule, location: Option<&str>| GranularMail {
        to: "one@example.org".into(),
        rules: vec![RuleId(rule)],
        location: location.map(str::to_owned),
        ..GranularMail::default()
    };
    config.granular = vec![
        granular(5503, None),
        granular(5503, Some("/var/log/other.log$")),
        granular(5503, Some("/var/log/secure$")),
        granular(9, None),
    ];
    let routes = route::Routes::new(&config).expect("good addresses");
    let lead = alert(1, 5716, 7);
    let count = |rule: u32, location: &str| hids_core::join::RuleCount {
        rule: RuleId(rule),
        level: Level(5),
        group: "pam,".into(),
        location: location.into(),
        description: "x".into(),
        count: 1,
    };
    let rules = [count(5716, &lead.source.location), count(5503, "/var/log/other.log")];
    let entry = |rules| {
        let item = MailItem { number: 1, alert: &lead, count: 2, rules };
        crate::notify::spool::MailEntry::new(item, &TimeZone::UTC, false)
    };
    assert_eq!(routes.route(&entry(&rules)).granular, [0, 1]);
    assert_eq!(routes.route(&entry(&rules[..1])).granular, [0; 0]);
}

/// Of a thousand alerts a mail shows what 100 KiB hold, the most serious first, and counts the others by rule.
#[test]
fn mail_holds_100_kib_and_counts_what_does_not_fit() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("plain", free_port());
    let mut spool = spool(root.path());
    let long = |sequence, rule, level| hids_core::model::Alert {
        full_log: format!("{sequence:04} {}", "x".repeat(900)).into_bytes(),
        ..alert(sequence, rule, level)
    };
    let common = (1..=998).map(|sequence| long(sequence, 5710 + (sequence % 2) as u32, 7));
    record(&mut spool, common.chain([long(999, 40111, 12), long(1000, 40112, 10)]));
    let handle = begin(MailConfig { layout: MailLayout::Summary, ..config(server.port) }, &spool);
    let mail = &server.mails(1)[0];
    assert_eq!(mail.header("Subject"), "[hids] myhost: 1000 alerts, worst level 12: rule number 40111");
    let shown = mail.text.matches("OSSEC HIDS Notification.").count();
    assert!(shown > 50 && mail.text.len() <= 101 * 1024, "{shown} alerts in {} bytes", mail.text.len());
    for serious in ["Rule: 40111 fired (level 12)", "Rule: 40112 fired (level 10)", "0999 xxx", "1000 xxx"] {
        assert_eq!(mail.text.matches(serious).count(), 1, "{serious}");
    }
    let omitted: usize = [5710, 5711]
        .map(|rule| {
            let text = format!(" more alerts of rule {rule} (level 7) -> \"rule number {rule}\"");
            let before = mail.text.split(&text).next().expect("text before");
            before.rsplit(' ').next().and_then(|count| count.parse::<usize>().ok()).expect("their number")
        })
        .iter()
        .sum();
    assert_eq!(shown + omitted, 1000);
    assert!(mail.text.contains("All alerts are in alerts.log."));
    wait_until("the spool is empty", || spool.is_empty());
    handle.stop();
    assert_eq!(server.mails(1).len(), 1);
}

/// The text of one alert can be longer than a mail: the lines that a composite rule counted.
#[test]
fn alert_longer_than_a_mail_is_cut_off_and_not_left_out() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("plain", free_port());
    let mut spool = spool(root.path());
    let mut huge = alert(1, 40111, 12);
    huge.full_log = format!("begin{}", "\u{e4}\n".repeat(3000)).into_bytes();
    let line = hids_core::model::EvidenceLine { time: huge.time, full_log: vec![b'y'; 2000] };
    huge.evidence = vec![line; 120];
    record(&mut spool, [huge, alert(2, 5710, 7)]);
    let handle = begin(config(server.port), &spool);
    let mail = &server.mails(1)[0];
    assert!(mail.text.contains("Rule: 40111 fired (level 12)") && mail.text.contains("begin"), "{}", &mail.text[..200]);
    assert!(mail.text.contains("... cut off: the whole alert is in alerts.log."));
    assert!(mail.text.contains("... and 1 more alerts of rule 5710 (level 7)"), "{}", mail.text.len());
    assert!(mail.text.len() <= 101 * 1024, "{}", mail.text.len());
    wait_until("the spool is empty", || spool.is_empty());
    handle.stop();
}

/// A block is named first, then what happened, then OSSEC's text of each alert.
#[test]
fn mail_says_what_was_done_what_happened_and_shows_the_evidence() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("plain", free_port());
    let mut spool = spool(root.path());
    let mut hostile = alert(2, 5720, 10);
    let name = hids_core::model::FieldName::SrcIp;
    hostile.fields.0.push(hids_core::model::Field { name, value: b"203.0.113.66".to_vec() });
    hostile.hostname = "h\u{e9}\r\nBcc: evil@example.org\r\n\r\nforged".repeat(20).into_bytes();
    hostile.full_log = "x\r\n.\r\nWhat was done\r\n\u{202e}\u{e9}".into();
    record(&mut spool, [alert(1, 5710, 7), hostile]);
    let block = StandingBlock { since: Default::default(), until: None, is_enforced: true };
    let config = MailConfig { layout: MailLayout::Summary, ..config(server.port) };
    let handle = begin_asking(config, &spool, timing(), Arc::new(Blocked(Some(Some(block)))));
    let mail = &server.mails(1)[0];
    let subject = mail.header("Subject");
    assert!(subject.starts_with("[hids] h\u{e9}\\r\\nBcc: evil@") && subject.len() <= 127, "{subject}");
    assert!(subject.ends_with("2 alerts, worst level 10: rule number 5720 from 203.0.113.66"), "{subject}");
    assert!(mail.headers.iter().all(|(name, _)| name != "Bcc"), "{:?}", mail.headers);
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    let done = "What was done\n\n  203.0.113.66 is blocked until it is removed. Lift it with:\n    \
                hidsctl unblock 203.0.113.66\n\nWhat happened\n\n  2 alerts from ";
    assert!(mail.text.starts_with(done), "{}", mail.text);
    let order = ["1x level 10, rule 5720", "1x level 7, rule 5710", "\nEvidence\n", "OSSEC HIDS Notification."];
    let places: Vec<_> = order.iter().map(|part| mail.text.find(part).unwrap_or_else(|| panic!("{part}"))).collect();
    assert!(places.is_sorted(), "{}", mail.text);
    assert_eq!(mail.text.matches("\nWhat was done").count(), 0, "a log begins no line: {}", mail.text);
    handle.stop();
}

#[test]
fn urgent_alerts_pass_the_hourly_limit_within_a_limit_of_their_own() {
    if !available() {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let server = SmtpServer::start("plain", free_port());
    let mut spool = spool(root.path());
    let config = MailConfig { max_per_hour: 1, urgent_level: Some(Level(12)), ..config(server.port) };
    // As far as the spool knows, the hour is the present one throughout the test.
    let handle = begin(config, &spool);
    record(&mut spool, [alert(1, 5710, 7)]);
    server.mails(1);
    wait_until("the first one is sent", || spool.is_empty());
    record(&mut spool, [alert(2, 5710, 7), alert(3, 5710, 9)]);
    wait_until("what waits is reported", || {
        let report = handle.report();
        (report.limited, report.waiting_worst_level, report.waiting_until.is_some()) == (2, Some(9), true)
    });
    assert_eq!(server.mails(1).len(), 1);
    record(&mut spool, [alert(4, 40111, 12)]);
    assert_eq!(server.mails(2)[1].text.matches("Notification.").count(), 3, "what waits goes along");
    wait_until("it is counted", || handle.report().urgent_mails == 1 && spool.is_empty());
    assert_eq!((spool.state().sent, spool.state().urgent_sent), (1, 1));
    record(&mut spool, [alert(5, 40111, 13)]);
    wait_until("the second limit", || handle.report().waiting_worst_level == Some(13));
    assert_eq!((server.mails(2).len(), spool.len()), (2, 1), "a flood is not mailed one by one");
    // The next clock hour, as far as the spool knows.
    spool.update(|state| state.hour -= 1).expect("stored");
    spool.wake();
    server.mails(3);
    wait_until("nothing waits", || handle.report().limited == 0 && spool.is_empty());
    assert_eq!(handle.report().waiting_until, None);
    handle.stop();
}
