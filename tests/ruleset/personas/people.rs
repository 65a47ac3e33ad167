//! People who do nothing wrong.

use super::world::{DAY, HOUR, MINUTE, World};

const HOME: &str = "198.51.100.20";
const OFFICE: &str = "203.0.113.80";

/// Three wrong passwords, then the right one, each morning of five days and at each service.
#[test]
fn who_mistypes_three_times_is_not_blocked() {
    let mut world = World::new();
    for day in 0..5 {
        let morning = day * DAY + 8 * HOUR;
        for typed in 0..3 {
            world.ssh_failure(morning + typed * 6, HOME, "ann");
            world.imap_failure(morning + 20 * MINUTE + typed * 6, HOME, "ann@example.org");
            let at = morning + 40 * MINUTE + typed * 6;
            world.line(at, HOME, format!("Mon Nov  2 08:40:00 2026 [pid {typed}] [ann] FAIL LOGIN: Client \"{HOME}\""));
            let at = morning + HOUR + typed * 6;
            world.line(at, HOME, format!("[Mon Nov 02 09:00:00.1 2026] [auth_basic:error] [pid 7:tid 8] [client {HOME}:40022] AH01617: user ann: authentication failure for \"/\": Password Mismatch"));
        }
        world.ssh_login(morning + 20, HOME, "ann");
        world.imap_login(morning + 21 * MINUTE, HOME, "ann@example.org");
    }
    world.blocks_nobody();
}

/// A hundred people behind one address: each reads mail, one in eight mistypes twice in the morning.
#[test]
fn people_behind_a_busy_address_are_not_blocked() {
    let mut world = World::new();
    for day in 0..5 {
        for person in 0..100 {
            let arrives = day * DAY + 7 * HOUR + person * 90;
            let name = format!("person{person}@example.org");
            if person % 8 == 0 {
                world.imap_failure(arrives, OFFICE, &name);
                world.imap_failure(arrives + 9, OFFICE, &name);
                world.ssh_failure(arrives + 60, OFFICE, &format!("person{person}"));
            }
            for hour in 0..8 {
                world.imap_login(arrives + 20 + hour * HOUR, OFFICE, &name);
            }
            world.ssh_login(arrives + 70, OFFICE, &format!("person{person}"));
        }
    }
    world.blocks_nobody();
}

/// A proxy through which 200 people look at the site, whose pages lack images and have some dead links.
#[test]
fn people_behind_a_web_proxy_are_not_blocked() {
    let mut world = World::new();
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";
    for second in (0..8 * HOUR).step_by(2) {
        let page = second % 97;
        world.request(second, OFFICE, &format!("GET /page/{page}.html"), 200, agent);
        world.request(second, OFFICE, &format!("GET /img/{page}.png"), 404, agent);
        world.request(second, OFFICE, "GET /favicon.ico", 404, agent);
        world.request(second, OFFICE, "GET /style.css", 304, agent);
        if second % 14 == 0 {
            world.request(second, OFFICE, &format!("GET /old/{page}.html"), 404, agent);
        }
        if second % 600 == 0 {
            world.request(second, OFFICE, "POST /login", 401, agent);
            world.request(second + 8, OFFICE, "POST /login", 302, agent);
        }
    }
    world.blocks_nobody();
}

/// A telephone with last week's password asks for mail every five minutes for two days, each hour from
/// another address of its provider.
#[test]
fn a_mail_client_with_an_old_password_is_not_blocked_and_no_attack() {
    let mut world = World::new();
    for at in (0..2 * DAY).step_by(5 * 60) {
        let hour = at / HOUR;
        let from = format!("100.{}.{}.{}", 64 + hour % 2, hour * 3 % 250, 10 + hour);
        world.imap_failure(at, &from, "bob@example.org");
    }
    world.blocks_nobody();
    assert!(world.of_rule(219_001).is_empty(), "{:?}", world.of_rule(219_001));
}
