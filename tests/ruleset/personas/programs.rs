//! Programs that do nothing wrong, or nothing on purpose.

use super::world::{DAY, HOUR, World};

const BACKUP: &str = "192.0.2.50";
const MONITOR: &str = "192.0.2.60";

/// rsync over ssh with a key that is no longer accepted: three tries of two keys each hour, for three days;
/// sshd logs them with `LogLevel VERBOSE`.
#[test]
fn a_backup_with_an_expired_key_is_not_blocked() {
    let mut world = World::new();
    for hour in 0..72 {
        for attempt in 0..3 {
            let at = hour * HOUR + attempt * 20;
            for key in ["ED25519 SHA256:aaaa", "RSA SHA256:bbbb"] {
                let text = format!("Failed publickey for backup from {BACKUP} port 40022 ssh2: {key}");
                world.syslog(at, BACKUP, "sshd[900]", &text);
            }
            let text = format!("Connection closed by authenticating user backup {BACKUP} port 40022 [preauth]");
            world.syslog(at + 1, BACKUP, "sshd[900]", &text);
        }
    }
    world.blocks_nobody();
}

/// Each minute a probe opens the ports of ssh, mail and web and closes them again.
#[test]
fn a_monitoring_probe_is_not_blocked() {
    let mut world = World::new();
    for at in (0..DAY).step_by(60) {
        let texts = [
            ("sshd[901]", "kex_exchange_identification: Connection closed by remote host".to_owned()),
            ("sshd[901]", format!("Connection closed by {MONITOR} port 40022")),
            ("postfix/smtpd[902]", format!("connect from monitor.example.org[{MONITOR}]")),
            ("postfix/smtpd[902]", format!("lost connection after CONNECT from monitor.example.org[{MONITOR}]")),
            (
                "postfix/smtpd[902]",
                format!("disconnect from monitor.example.org[{MONITOR}] ehlo=0/0 quit=1 commands=1"),
            ),
            (
                "dovecot",
                format!(
                    "imap-login: Disconnected (no auth attempts in 0 secs): user=<>, rip={MONITOR}, lip=192.0.2.1, session=<AbCdEf>"
                ),
            ),
        ];
        for (program, text) in texts {
            world.syslog(at, MONITOR, program, &text);
        }
        world.request(at, MONITOR, "GET /health", 200, "check_http/v2.3 (monitoring-plugins 2.3)");
        world.request(at, MONITOR, "HEAD /private/", 401, "check_http/v2.3 (monitoring-plugins 2.3)");
    }
    world.blocks_nobody();
}

/// Crawlers follow dead links: a known one as fast as it likes, another with a pause.
#[test]
fn search_engines_are_not_blocked() {
    let mut world = World::new();
    for at in 0..2 * HOUR {
        let agent = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
        world.request(at, "66.249.66.17", &format!("GET /archive/{at}.html"), 404, agent);
        if at % 10 == 0 {
            let agent = "Mozilla/5.0 (compatible; ExampleBot/1.0; +https://bot.example.org/)";
            world.request(at, "198.51.100.77", "GET /robots.txt", 404, agent);
            world.request(at, "198.51.100.77", &format!("GET /archive/{at}.html"), 404, agent);
            world.request(at, "198.51.100.77", &format!("GET /page/{at}.html"), 200, agent);
        }
    }
    world.blocks_nobody();
}
