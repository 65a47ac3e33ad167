//! Single attackers.

use super::world::{DAY, HOUR, MINUTE, World};

const GUESSER: &str = "198.51.100.66";

/// One guess at a service: world, when, and its number.
type Guess = fn(&mut World, i64, i64);

/// A guess at each service that logs the peer.
const GUESSES: [(&str, Guess); 7] = [
    ("sshd", |world, at, _| world.ssh_failure(at, GUESSER, "root")),
    ("sshd, unknown names", |world, at, number| {
        let text = format!("Invalid user name{number} from {GUESSER} port 50022");
        world.syslog(at, GUESSER, "sshd[811]", &text);
    }),
    ("dovecot", |world, at, _| world.imap_failure(at, GUESSER, "ann@example.org")),
    ("postfix", |world, at, _| {
        let text = format!("warning: unknown[{GUESSER}]: SASL LOGIN authentication failed: UGFzc3dvcmQ6");
        world.syslog(at, GUESSER, "postfix/smtpd[811]", &text);
    }),
    ("vsftpd", |world, at, number| {
        world.line(
            at,
            GUESSER,
            format!("Mon Nov  2 08:40:00 2026 [pid {number}] [ann] FAIL LOGIN: Client \"{GUESSER}\""),
        );
    }),
    ("proftpd", |world, at, _| {
        let text = format!("web1 ({GUESSER}[{GUESSER}]) - USER ann (Login failed): Incorrect password");
        world.syslog(at, GUESSER, "proftpd[811]", &text);
    }),
    ("Apache", |world, at, _| {
        let text = format!(
            "[Mon Nov 02 09:00:00.1 2026] [auth_basic:error] [pid 7:tid 8] [client {GUESSER}:40022] AH01617: user ann: authentication failure for \"/\": Password Mismatch"
        );
        world.line(at, GUESSER, text);
    }),
];

/// Twenty guesses, one each twelve seconds, while somebody else mistypes twice.
#[test]
fn the_tenth_guess_in_two_minutes_is_blocked() {
    let mut late = Vec::new();
    for (service, guess) in GUESSES {
        let mut world = World::new();
        for number in 0..20 {
            guess(&mut world, HOUR + number * 12, number);
        }
        for number in 0..2 {
            world.ssh_failure(HOUR + number * 30, "203.0.113.5", "bob");
        }
        world.run();
        let others = world.blocked.keys().any(|address| address != GUESSER);
        let in_time = world.blocked.get(GUESSER).is_some_and(|at| *at <= HOUR + 9 * 12);
        if others || !in_time {
            late.push((service, world.blocked.clone()));
        }
    }
    assert!(late.is_empty(), "{late:?}");
}

/// One guess of the same password each five minutes for two days. OSSEC does not see it, since its windows
/// are six minutes and shorter, and neither is it blocked here: a program with an old password does the
/// same. Each guess is an alert of level 5, and that is promised.
#[test]
fn a_slow_guesser_of_one_name_is_recorded() {
    let mut world = World::new();
    for number in 0..2 * 24 * 12 {
        world.ssh_failure(number * 5 * MINUTE, GUESSER, "root");
    }
    world.blocks_nobody();
    let recorded = world.of_rule(5716).len();
    assert_eq!(recorded, 2 * 24 * 12, "each guess is recorded");
}

/// One guess each four minutes, each with another name.
#[test]
fn a_slow_guesser_of_many_names_is_blocked() {
    let mut world = World::new();
    for number in 0..100 {
        let name = format!("name{number}");
        let text = format!("Failed password for invalid user {name} from {GUESSER} port 50022 ssh2");
        world.syslog(number * 4 * MINUTE, GUESSER, "sshd[811]", &text);
        // A person mistypes now and then, too.
        if number % 10 == 0 {
            world.ssh_failure(number * 4 * MINUTE, "203.0.113.5", "bob");
        }
    }
    let at = world.blocks_only(GUESSER);
    assert!(at <= 11 * 4 * MINUTE, "blocked at the twelfth name, not after {at} s");
    assert!(!world.of_rule(219_020).is_empty());
}

/// The same again days later, when the block has long ended: its names are no longer counted together.
#[test]
fn names_of_different_days_do_not_add_up() {
    let mut world = World::new();
    for number in 0..30 {
        world.ssh_failure(number * DAY / 6, GUESSER, &format!("name{number}"));
    }
    world.blocks_nobody();
}

/// A scanner asks for what is not there.
#[test]
fn a_scanner_is_blocked_within_fifteen_requests() {
    let mut world = World::new();
    let agent = "Mozilla/5.0 (X11; Linux x86_64)";
    for number in 0..300 {
        world.request(HOUR + number / 2, GUESSER, &format!("GET /backup{number}/"), 404, agent);
        world.request(HOUR + number / 2, "203.0.113.5", &format!("GET /page{number}.html"), 200, agent);
    }
    let at = world.blocks_only(GUESSER);
    assert!(at <= HOUR + 8, "{}", at - HOUR);
}

/// A scanner with the attacks that its lists know.
#[test]
fn a_scanner_of_holes_is_blocked() {
    let mut world = World::new();
    let urls = ["/index.php?id=1%20union%20select%201,2,3", "/../../../../etc/passwd", "/?q=%3Cscript%3Ealert(1)"];
    for number in 0..30 {
        let url = urls[number as usize % urls.len()];
        world.request(HOUR + number, GUESSER, &format!("GET {url}"), 404, "Mozilla/5.0");
    }
    let at = world.blocks_only(GUESSER);
    assert!(at <= HOUR + 15, "{}", at - HOUR);
}
