//! Everything that `hidsctl setup` finds on a system, and what it changes in ossec.conf.

use std::net::IpAddr;

use ipnet::IpNet;

use super::draft::{Draft, DraftError, Item, UNWRITABLE, writable};
use super::logs::{self, Log, Logs};
use super::mail::{self, MailAddress};
use super::network::{self, Session};
use super::system::System;
use super::translated::Translated;

/// What the shipped configuration has where a person's address belongs.
const PLACEHOLDERS: [&str; 2] = ["root@localhost", "you@example.com"];

/// What was found.
#[derive(Debug)]
pub(crate) struct Findings {
    /// Whether there is a journal of systemd.
    pub has_journal: bool,
    /// Log files.
    pub logs: Logs,
    /// Login sessions from elsewhere.
    pub sessions: Vec<Session>,
    /// Private networks that the system is connected to.
    pub networks: Vec<IpNet>,
    /// Where root's mail goes.
    pub mail: Option<MailAddress>,
    /// Whether a mail server listens here.
    pub has_mail_server: bool,
    /// The full name of the host.
    pub host_name: Option<String>,
    /// Programs that hids replaces: name, file, and the command that reads its configuration.
    pub others: Vec<(&'static str, &'static str, &'static str)>,
}

/// Programs that do what hids does.
const OTHERS: [(&str, &str, &str); 5] = [
    ("OSSEC", "/var/ossec/bin/ossec-control", "hidsctl import ossec"),
    ("fail2ban", "/etc/fail2ban/jail.conf", "hidsctl import fail2ban"),
    ("AIDE", "/etc/aide/aide.conf", "hidsctl import aide"),
    ("AIDE", "/etc/aide.conf", "hidsctl import aide"),
    ("Wazuh", "/var/ossec/bin/wazuh-control", ""),
];

/// Looks at a system.
pub(crate) fn look(system: &System) -> Findings {
    Findings {
        has_journal: logs::has_journal(system),
        logs: logs::find(system),
        sessions: network::sessions(system),
        networks: network::connected(system),
        mail: mail::of_root(system),
        has_mail_server: mail::has_server(system),
        host_name: mail::host_name(system),
        others: OTHERS.into_iter().filter(|(_, file, _)| system.has_file(file)).collect(),
    }
}

/// Makes the changes that need no decision; returns what was changed, a line each.
///
/// # Errors
/// When the text cannot be changed.
pub(crate) fn apply(findings: &Findings, draft: &mut Draft) -> Result<Vec<String>, DraftError> {
    let mut changes = Vec::new();
    if findings.has_journal && !draft.values("localfile", "log_format").iter().any(|format| format == "journald") {
        draft.add_section("localfile", &[Item::new("log_format", "journald"), Item::new("location", "all")])?;
        changes.push("read the systemd journal".to_owned());
    }
    changes.extend(read_logs(&findings.logs.usable, draft)?);
    for session in findings.sessions.iter().filter(|session| session.is_admin) {
        if never_block(draft, &session.address.to_string())? {
            changes.push(format!("never block {} (login session of {})", session.address, session.user));
        }
    }
    if let Some(mail) = &findings.mail
        && findings.has_mail_server
        && wants_mail(draft)
    {
        mail_to(draft, &mail.address, findings.host_name.as_deref())?;
        changes.push(format!("send mail to {} ({})", mail.address, mail.found_in));
    }
    Ok(changes)
}

/// Adds the logs that no location stands for yet; returns a line for each.
///
/// # Errors
/// When the text cannot be changed.
pub(crate) fn read_logs(logs: &[Log], draft: &mut Draft) -> Result<Vec<String>, DraftError> {
    let mut changes = Vec::new();
    for log in uncovered(logs, draft) {
        draft.add_section("localfile", &[Item::new("log_format", log.format), Item::new("location", &log.path)])?;
        changes.push(format!("read {} ({})", log.path, log.found_in));
    }
    Ok(changes)
}

/// As [`read_logs`], for logs that another program names: what cannot be written is reported.
///
/// # Errors
/// When the text cannot be changed.
pub(crate) fn read_reported(logs: &[Log], draft: &mut Draft, report: &mut Translated) -> Result<(), DraftError> {
    let (logs, others): (Vec<Log>, Vec<Log>) = logs.iter().cloned().partition(|log| writable(&log.path).is_ok());
    others.iter().for_each(|log| report.not(format!("log {} ({})", log.path, log.found_in), UNWRITABLE));
    read_logs(&logs, draft)?.into_iter().for_each(|change| report.done(change));
    Ok(())
}

/// Whether mail is off, and nothing in the configuration shows that this is on purpose.
pub(crate) fn wants_mail(draft: &Draft) -> bool {
    let to = draft.values("global", "email_to");
    draft.values("global", "email_notification").last().is_none_or(|value| value != "yes")
        && to.iter().all(|address| PLACEHOLDERS.contains(&address.as_str()))
}

/// Switches mail on for an address.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn mail_to(draft: &mut Draft, address: &str, host: Option<&str>) -> Result<(), DraftError> {
    draft.set("global", &Item::new("email_notification", "yes"))?;
    draft.set("global", &Item::new("email_to", address))?;
    let from = draft.values("global", "email_from");
    if from.last().is_none_or(|from| from == "hids@localhost") {
        let host = host.unwrap_or("localhost");
        draft.set("global", &Item::new("email_from", format!("hids@{host}")))?;
    }
    Ok(())
}

/// Adds an address or network to those that are never blocked; false if it is there already.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn never_block(draft: &mut Draft, entry: &str) -> Result<bool, DraftError> {
    let mut present = draft.values("global", "white_list");
    present.extend(draft.values("global", "allow_list"));
    if is_covered(entry, &present) {
        return Ok(false);
    }
    // The first entry that matches decides, and an exception at the end turns the meaning of the list.
    if present.iter().any(|present| present.starts_with('!')) {
        draft.add_first("global", &Item::new("white_list", entry))?;
    } else {
        draft.add("global", &Item::new("white_list", entry))?;
    }
    Ok(true)
}

fn is_covered(entry: &str, present: &[String]) -> bool {
    let net = |text: &str| text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let Some(wanted) = net(entry) else { return present.iter().any(|known| known == entry) };
    present.iter().any(|known| known == "any" || net(known).is_some_and(|known| known.contains(&wanted)))
}

/// Logs that no location of the configuration stands for.
fn uncovered<'a>(logs: &'a [Log], draft: &Draft) -> Vec<&'a Log> {
    let locations = draft.values("localfile", "location");
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    let covers = |location: &String, path: &str| {
        location == path || glob::Pattern::new(location).is_ok_and(|pattern| pattern.matches_with(path, options))
    };
    logs.iter().filter(|log| !locations.iter().any(|location| covers(location, &log.path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../config/ossec.conf");

    fn findings() -> Findings {
        let log = |path: &str| Log { path: path.into(), format: "apache", found_in: "x".into() };
        Findings {
            has_journal: true,
            logs: Logs { usable: vec![log("/var/log/apache2/a_access.log"), log("/srv/log/b.log")], unusable: vec![] },
            sessions: vec![
                Session { user: "root".into(), address: "198.51.100.7".parse().expect("one"), is_admin: true },
                Session { user: "eve".into(), address: "203.0.113.66".parse().expect("one"), is_admin: false },
            ],
            networks: vec![],
            mail: Some(MailAddress { address: "ops@example.com".into(), found_in: "/etc/aliases".into() }),
            has_mail_server: true,
            host_name: Some("web1.example.com".into()),
            others: vec![],
        }
    }

    #[test]
    fn what_is_missing_is_added_once() {
        let mut draft = Draft::new(SHIPPED.into()).expect("the shipped configuration");
        let changes = apply(&findings(), &mut draft).expect("applied");
        assert_eq!(changes.len(), 3, "{changes:?}");
        let text = String::from_utf8(draft.text().to_vec()).expect("text");
        assert!(text.contains("<location>/srv/log/b.log</location>") && !text.contains("a_access.log"), "covered");
        assert!(text.contains("<white_list>198.51.100.7</white_list>") && !text.contains("203.0.113.66"));
        assert_eq!(draft.values("global", "email_to"), ["ops@example.com"]);
        assert_eq!(draft.values("global", "email_from"), ["hids@web1.example.com"]);
        assert!(apply(&findings(), &mut draft).expect("applied").is_empty(), "nothing is left to do");
    }

    #[test]
    fn mail_that_was_set_up_or_switched_off_for_an_address_is_left_alone() {
        for own in ["<email_notification>yes</email_notification>", "<email_to>me@example.org</email_to>"] {
            let text = format!("<ossec_config><global>{own}</global></ossec_config>");
            assert!(!wants_mail(&Draft::new(text.into()).expect("well-formed")), "{own}");
        }
    }

    #[test]
    fn an_exception_in_the_white_list_keeps_its_meaning() {
        let text = "<ossec_config><global><white_list>!192.0.2.1</white_list></global></ossec_config>";
        let mut draft = Draft::new(text.into()).expect("well-formed");
        assert!(never_block(&mut draft, "198.51.100.0/24").expect("added"));
        assert!(!never_block(&mut draft, "198.51.100.7").expect("covered"));
        assert_eq!(draft.values("global", "white_list"), ["198.51.100.0/24", "!192.0.2.1"]);
    }
}
