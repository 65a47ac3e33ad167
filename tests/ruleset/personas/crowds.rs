//! Crowds: many sources at one target, honest ones and others.

use super::world::{DAY, HOUR, MINUTE, World};
use crate::files;

/// The address number `number` of a botnet, each in another /16.
fn bot(number: i64) -> String {
    format!("{}.{}.{}.7", 11 + number / 200, 10 + number % 200, number * 7 % 250)
}

/// The rule that the README gives an administrator who wants further failures blocked at once.
fn rule_of_the_readme() -> String {
    let text = std::fs::read_to_string(files::folder().join("README.md")).expect("the README of the ruleset");
    let mut blocks = text.split("```xml\n").skip(1).map(|rest| rest.split("```").next().unwrap_or_default());
    blocks.find(|block| block.contains("<if_target_of>")).expect("the README shows the rule").to_owned()
}

/// A link to a page that is gone: 3,000 people in twenty minutes.
#[test]
fn a_flash_crowd_raises_nothing() {
    let mut world = World::new();
    let agent = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X)";
    for visitor in 0..3000 {
        let from = bot(visitor);
        let at = visitor * 20 * MINUTE / 3000;
        world.request(at, &from, "GET /news/the-story", 404, agent);
        world.request(at, &from, "GET /favicon.ico", 404, agent);
        world.request(at, &from, "GET /login", 200, agent);
        world.request(at + 30, &from, "POST /login", 302, agent);
    }
    world.blocks_nobody();
    assert!(world.alerts.iter().all(|alert| alert.level < 7), "{:?}", world.alerts.iter().find(|a| a.level >= 7));
}

/// A mailbox that thirty people share from home gets a new password.
#[test]
fn clients_that_logged_in_before_are_no_attack() {
    let mut world = World::new();
    for client in 0..30 {
        for day in 0..3 {
            world.imap_login(day * DAY + client * 60, &bot(client), "orders@example.org");
        }
        for minute in (0..180).step_by(6) {
            world.imap_failure(3 * DAY + minute * MINUTE + client, &bot(client), "orders@example.org");
        }
    }
    world.blocks_nobody();
    assert!(world.alerts.iter().all(|alert| alert.target.is_none()));
}

/// What the Internet does to every sshd: 800 networks a day, each tries some of the usual names.
#[test]
fn the_usual_bots_raise_no_alert_about_targets() {
    const NAMES: [&str; 12] =
        ["root", "admin", "ubuntu", "test", "user", "oracle", "postgres", "git", "pi", "deploy", "guest", "ftpuser"];
    let mut world = World::new();
    for number in 0..2 * 800 {
        let at = number * DAY / 800 + number * 37 % 60;
        for attempt in 0..3 {
            let name = NAMES[(number * 5 + attempt * 7) as usize % NAMES.len()];
            world.ssh_failure(at + attempt * 2, &bot(number), name);
        }
    }
    world.run();
    let about_targets: Vec<_> = world.alerts.iter().filter(|alert| alert.target.is_some()).collect();
    assert!(about_targets.is_empty(), "{about_targets:?}");
}

/// Two guesses of each of 60 networks in half an hour, each source below everything that counts sources.
fn botnet(world: &mut World, start: i64) {
    for number in 0..60 {
        for attempt in 0..2 {
            world.ssh_failure(start + number * 30 + attempt * 900, &bot(number), "ann");
        }
    }
}

#[test]
fn a_distributed_guesser_is_one_alert_that_names_target_and_sources() {
    let mut world = World::new();
    botnet(&mut world, HOUR);
    // Others mistype at the same time.
    for number in 0..5 {
        world.ssh_failure(HOUR + number * 300, "198.51.100.20", "bob");
    }
    world.blocks_nobody();
    let found = world.of_rule(219_001);
    assert_eq!(found.len(), 1, "{found:?}");
    let target = found[0].target.as_ref().expect("a target");
    assert!(found[0].mailed && found[0].level == 10);
    assert_eq!((target.kind.as_str(), &*target.name, target.networks), ("account", &b"ann"[..], 12));
    assert_eq!(target.sources.len(), 12);
    assert!(target.sources.iter().any(|source| source.to_string() == bot(0)), "{target}");
    assert!(found[0].at <= HOUR + 12 * 30, "twelve networks are enough");
}

#[test]
fn further_failures_are_blocked_at_once_where_the_administrator_says_so() {
    let (home, new) = ("198.51.100.20", "203.0.113.99");
    let mut world = World::with_rules(&rule_of_the_readme());
    world.ssh_login(0, home, "ann");
    botnet(&mut world, 10 * DAY);
    // Ann at home, the white list, and another account are left alone in the middle of it.
    for attempt in 0..3 {
        let at = 10 * DAY + 15 * MINUTE + attempt * 5;
        world.ssh_failure(at, home, "ann");
        world.ssh_failure(at, "192.168.1.2", "ann");
        world.ssh_failure(at, new, "bob");
    }
    world.run();
    for innocent in [home, new, "192.168.1.2"] {
        assert!(!world.blocked.contains_key(innocent), "{:?}", world.blocked);
    }
    // The first twelve had their guess; each later one has one, and the second of all comes 15 minutes later.
    let blocked = (0..60).filter(|number| world.blocked.contains_key(&bot(*number))).count();
    assert!(blocked >= 58, "{blocked}");
    assert_eq!(world.blocked[&bot(30)], 10 * DAY + 30 * 30, "at its first guess");
}

/// A login from a new network while the account is attacked.
#[test]
fn a_guess_that_hits_is_alerted() {
    let (home, thief) = ("198.51.100.20", "203.0.113.99");
    let mut world = World::new();
    world.ssh_login(0, home, "ann");
    botnet(&mut world, HOUR);
    world.ssh_login(HOUR + 1700, home, "ann");
    world.ssh_login(HOUR + 1750, thief, "ann");
    world.blocks_nobody();
    let found = world.of_rule(219_010);
    assert_eq!(found.iter().map(|alert| (alert.at, alert.level)).collect::<Vec<_>>(), [(HOUR + 1750, 12)]);
}

/// A botnet that works through a list of names at one service.
#[test]
fn a_burst_at_one_service_is_reported() {
    let mut world = World::new();
    for number in 0..120 {
        world.imap_failure(HOUR + number * 2, &bot(number), &format!("user{number}@example.org"));
    }
    world.blocks_nobody();
    let found = world.of_rule(219_006);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].target.as_ref().map(|target| target.name.clone()), Some(b"dovecot".to_vec()));
}

/// A guesser who goes on for two days is one alert per attack, not one per guess.
#[test]
fn a_long_attack_is_few_alerts() {
    let mut world = World::new();
    for number in 0..2 * 24 * 40 {
        world.ssh_failure(number * 90, &bot(number % 2000), "ann");
    }
    world.run();
    let found = world.of_rule(219_001).len();
    assert!((1..=4).contains(&found), "{found}");
}
