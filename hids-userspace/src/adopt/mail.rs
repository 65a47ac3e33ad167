//! Where the mail of root goes, and whether a mail server takes it.

use super::system::System;
use crate::config::is_mail_address;

/// Most aliases that are followed.
const MOST_STEPS: usize = 10;
/// The state LISTEN in /proc/net/tcp (Linux `include/net/tcp_states.h`), and the port of SMTP.
const LISTENING: &str = "0A";
const SMTP: &str = "0019";

/// A mail address and where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MailAddress {
    /// The address.
    pub address: String,
    /// The file.
    pub found_in: String,
}

/// The address to which the mail of root goes.
pub(crate) fn of_root(system: &System) -> Option<MailAddress> {
    let aliases = system.read_text("/etc/aliases").unwrap_or_default();
    let forward = || {
        let text = system.read_text("/root/.forward")?;
        text.lines().flat_map(|line| line.split(',')).find_map(|part| destination(part, &aliases))
    };
    let found = |address, file: &str| MailAddress { address, found_in: file.to_owned() };
    if let Some(address) = destination("root", &aliases) {
        return Some(found(address, "/etc/aliases"));
    }
    if let Some(address) = forward() {
        return Some(found(address, "/root/.forward"));
    }
    let tables = ["/etc/crontab".to_owned(), "/etc/anacrontab".to_owned()].into_iter();
    let folder = system.names("/etc/cron.d").into_iter().map(|name| format!("/etc/cron.d/{name}"));
    let mut addresses = tables.chain(folder).filter_map(|file| {
        let address = mail_to(&system.read_text(&file)?, &aliases)?;
        Some(found(address, &file))
    });
    addresses.next()
}

/// `MAILTO=` of a table of cron.
fn mail_to(text: &str, aliases: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.trim().strip_prefix("MAILTO=").map(str::trim))?;
    value.trim_matches(['"', '\'']).split(',').find_map(|part| destination(part, aliases))
}

/// The address behind an alias, or the address itself; local accounts without an alias have none.
fn destination(name: &str, aliases: &str) -> Option<String> {
    let mut name = name.trim().trim_matches('"').trim_start_matches('\\').to_owned();
    for _ in 0..MOST_STEPS {
        if name.contains('@') {
            return is_mail_address(&name).then_some(name);
        }
        // Programs, files and lists are no addresses.
        let next = alias(&name, aliases)?;
        name = next
            .split(',')
            .map(str::trim)
            .find(|part| !part.is_empty() && !part.starts_with(['|', '/', '"', ':']))?
            .to_owned();
    }
    None
}

/// What an alias stands for; lines that begin with a blank continue the one before.
fn alias(name: &str, aliases: &str) -> Option<String> {
    let mut lines = aliases.lines();
    let first = lines.find_map(|line| {
        let (key, value) = line.split_once(':')?;
        let is_it = !line.starts_with(['#', ' ', '\t']) && key.trim().trim_matches('"').eq_ignore_ascii_case(name);
        is_it.then(|| value.to_owned())
    })?;
    let more = lines.take_while(|line| line.starts_with([' ', '\t']));
    Some(more.fold(first, |text, line| text + line))
}

/// Whether something listens on the port of SMTP.
pub(crate) fn has_server(system: &System) -> bool {
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|file| listens(&system.read_text(file).unwrap_or_default()))
}

fn listens(table: &str) -> bool {
    table.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, state) = (fields.next(), fields.nth(1));
        state == Some(LISTENING) && local.and_then(|local| local.rsplit(':').next()) == Some(SMTP)
    })
}

/// The full name of the host, if its configuration has one: what a sender's address should end with.
pub(crate) fn host_name(system: &System) -> Option<String> {
    let name = system.read_text("/etc/mailname").or_else(|| system.read_text("/etc/hostname"))?;
    let name = name.trim().to_owned();
    (name.contains('.') && is_mail_address(&format!("hids@{name}"))).then_some(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn aliases_are_followed_to_an_address() {
        let plain = "Root:\tadmin\nadmin: /dev/null,\n\tops@example.com\nloop: loop\n";
        assert_eq!(destination("root", plain).as_deref(), Some("ops@example.com"));
        assert_eq!((destination("loop", plain), destination("nobody", plain)), (None, None));
        assert_eq!(destination("a b@example.com", plain), None);
        assert_eq!(mail_to("SHELL=/bin/sh\nMAILTO=\"ops@example.com\"\n", "").as_deref(), Some("ops@example.com"));
    }

    #[test]
    fn a_listener_on_port_25_is_a_mail_server() {
        let line = "   0: 0100007F:0019 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1";
        assert!(listens(line));
        assert!(!listens(&line.replace(" 0A ", " 01 ")) && !listens(&line.replace(":0019", ":0016")));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(name in any::<String>(), text in "[a-z:,|@. \n\t\"]{0,200}") {
            destination(&name, &text);
            mail_to(&text, &text);
            listens(&text);
        }
    }
}
