//! The story: a server that is watched, an attacker outside, a trusted machine inside.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use hids_tests::attack::{self, Session, WEB_HOLES};
use hids_tests::hids::GUIDE;
use hids_tests::lab::{ATTACKER, ATTACKER_WEB, FRIEND, SERVER_INSIDE, SERVER_OUTSIDE};
use hids_tests::nft::Element;
use hids_tests::servers::{Apache, MailSink, Sshd, Syslog};
use hids_tests::{Hids, Lab, nft, wait};

use super::stage::Stage;

/// The set of blocked IPv4 addresses.
const SET: &str = "blocked4";

/// `<timeout>` of the guide's configuration.
const BLOCK_TIME: Duration = Duration::from_secs(1200);

const GUESSES: usize = 16;

/// Long enough for a block; the attack itself takes some seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// Plays every scene.
pub(super) fn play(programs: &Path, stage: &mut Stage) -> Result<()> {
    stage.scene("The place");
    let lab = Lab::new().context("cannot make the namespaces")?;
    let _syslog = Syslog::start(&lab.server)?;
    let _sshd = Sshd::start(&lab.server)?;
    let _apache = Apache::start(&lab.server)?;
    let mail = MailSink::start(&lab.server)?;
    stage.tell(&format!(
        "www1 runs a real sshd, Apache, rsyslog and mail server, at {SERVER_OUTSIDE} and {SERVER_INSIDE}."
    ));
    stage.tell(&format!("Outside: an attacker at {ATTACKER} and {ATTACKER_WEB}. Inside: {FRIEND}, on the white list."));
    let start = Instant::now();
    let hids = Hids::start(&lab.server, programs, GUIDE)?;
    stage.tell(&format!("hidsd runs on the guide's configuration, ready after {} ms:", start.elapsed().as_millis()));
    stage.quote("cat ossec.conf", configuration_in_short().as_str(), 40);

    stage.scene("The attack");
    let mut session = Session::open(&lab.attacker, SERVER_OUTSIDE)?;
    stage.tell("With a stolen password the attacker has one ssh session open; it answers what it is told.");
    let start = Instant::now();
    let friend_answers = attack_from_both_sides(&lab, stage)?;
    let blocked = |address: &str| wait::value("a block", PATIENCE, || nft::find(&lab.server, SET, address)).ok();
    let (guesser, scanner) = (blocked(ATTACKER), blocked(ATTACKER_WEB));
    stage.tell(&format!("The attacks and their blocks took {:.1} s.", start.elapsed().as_secs_f64()));

    let hids = &hids;
    show_alerts(hids, stage)?;
    show_blocks(&lab, guesser.as_ref(), scanner.as_ref(), stage);
    show_silence(&lab, &mut session, stage);
    show_friend(&lab, friend_answers, stage);
    show_mail(&mail, stage);
    show_why(hids, stage)
}

/// Passwords from one address, web holes from another, and both from the trusted machine.
/// Returns how many of the trusted machine's guesses and requests were answered.
fn attack_from_both_sides(lab: &Lab, stage: &Stage) -> Result<(usize, usize)> {
    stage.tell(&format!("{ATTACKER} guesses ssh passwords, {ATTACKER_WEB} scans for web holes, {FRIEND} does both."));
    let (guesses, holes, friend) = thread::scope(|scope| {
        let guesses = scope.spawn(|| attack::guess_passwords(&lab.attacker, SERVER_OUTSIDE, "root", GUESSES));
        let holes = scope.spawn(|| attack::scan_web(&lab.attacker, ATTACKER_WEB, SERVER_OUTSIDE));
        let friend = scope.spawn(|| {
            let guesses = attack::guess_passwords(&lab.friend, SERVER_INSIDE, "root", GUESSES)?;
            Ok::<_, anyhow::Error>((guesses, attack::scan_web(&lab.friend, FRIEND, SERVER_INSIDE)?))
        });
        (guesses.join(), holes.join(), friend.join())
    });
    let lost = |_| anyhow!("an attack ended without a result");
    let (guesses, holes, friend) = (guesses.map_err(lost)??, holes.map_err(lost)??, friend.map_err(lost)??);
    stage.tell(&format!("Answered: {guesses} of {GUESSES} guesses, {holes} of {} web requests.", WEB_HOLES.len()));
    Ok(friend)
}

fn show_alerts(hids: &Hids<'_>, stage: &mut Stage) -> Result<()> {
    stage.scene("The alerts");
    let alerts = hids.ctl(&["alerts", "--level", "7"])?;
    stage.quote("hidsctl alerts --level 7", &alerts, 24);
    stage.claim("the password guesses are an alert of level 7 or more", alerts.contains(ATTACKER));
    stage.claim("so is the web scan", alerts.contains(ATTACKER_WEB));
    stage.claim("so is what the trusted machine did: it is watched like any other", alerts.contains(FRIEND));
    Ok(())
}

fn show_blocks(lab: &Lab, guesser: Option<&Element>, scanner: Option<&Element>, stage: &mut Stage) {
    stage.scene("The block");
    let listed =
        lab.server.output("nft", ["list", "set", "inet", "hids", SET]).unwrap_or_else(|error| format!("{error:#}"));
    stage.quote(&format!("nft list set inet hids {SET}"), &listed, 16);
    let is_timed = |element: Option<&Element>| {
        element.is_some_and(|element| {
            element.timeout == Some(BLOCK_TIME)
                && element.expires.is_some_and(|left| left <= BLOCK_TIME && !left.is_zero())
        })
    };
    stage.claim(&format!("{ATTACKER} is in the kernel's set for 1,200 s"), is_timed(guesser));
    stage.claim(&format!("{ATTACKER_WEB} is in the kernel's set for 1,200 s"), is_timed(scanner));
}

fn show_silence(lab: &Lab, session: &mut Session, stage: &mut Stage) {
    stage.scene("The attacker");
    let patience = Duration::from_secs(3);
    stage.claim(
        "the ssh session that was open before does not answer any more",
        !session.echoes("are you there", patience),
    );
    for (name, port) in [("sshd", 22), ("Apache", 80)] {
        let silent = !attack::can_connect(&lab.attacker, SERVER_OUTSIDE, port);
        stage.claim(&format!("{name} is out of the attacker's reach"), silent);
    }
}

fn show_friend(lab: &Lab, (guesses, holes): (usize, usize), stage: &mut Stage) {
    stage.scene("The trusted machine");
    let all = guesses == GUESSES && holes == WEB_HOLES.len();
    stage.claim(&format!("all {GUESSES} guesses and {} requests of {FRIEND} were answered", WEB_HOLES.len()), all);
    stage.claim("it is in no set", nft::find(&lab.server, SET, FRIEND).is_none());
    let reaches = [22, 80].into_iter().all(|port| attack::can_connect(&lab.friend, SERVER_INSIDE, port));
    stage.claim("it still reaches sshd and Apache", reaches);
}

fn show_mail(sink: &MailSink<'_>, stage: &mut Stage) {
    stage.scene("The mail");
    let mails = sink.wait_for(1).unwrap_or_default();
    let Some(mail) = mails.first() else {
        stage.claim("a mail arrived", false);
        return;
    };
    let headers = ["From", "To", "Subject"].map(|name| format!("{name}: {}\n", mail.header(name))).concat();
    stage.quote("the mailbox", &format!("{headers}\n{}", mail.body()), 24);
    let envelope = mail.header("X-RcptTo");
    let both = ["admin1@example.com", "admin2@example.com"]
        .iter()
        .all(|to| envelope.contains(to) || mail.header("To").contains(to));
    stage.claim("a mail about the attack is with both administrators", both && mail.body().contains("203.0.113."));
}

fn show_why(hids: &Hids<'_>, stage: &mut Stage) -> Result<()> {
    stage.scene("The reason");
    let why = hids.ctl(&["why", ATTACKER])?;
    stage.quote(&format!("hidsctl why {ATTACKER}"), &why, 32);
    stage.claim("it shows the very log lines that led to the block", why.contains("Failed password for root from"));
    Ok(())
}

/// The configuration without its comment and closing lines, for the screen.
fn configuration_in_short() -> String {
    let lines = GUIDE.lines().skip_while(|line| !line.starts_with("<ossec_config>"));
    lines.filter(|line| !line.trim().is_empty() && !line.trim().starts_with("</")).collect::<Vec<_>>().join("\n")
}
