//! Jails to options of ossec.conf and thresholds of rules.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::jail::{BanTime, Jail, Jails};
use super::services::{self, Service};
use crate::adopt::draft::{Draft, DraftError, Item};
use crate::adopt::findings;
use crate::adopt::logs::Log;
use crate::adopt::system::System;
use crate::adopt::thresholds::Threshold;
use crate::adopt::translated::Translated;
use crate::config::is_mail_address;

/// The command that blocks an address; the daemon implements it.
const COMMAND: &str = "firewall-drop";
/// fail2ban's own defaults (jail.conf(5)).
const RETRIES: u64 = 5;
const FIND_TIME: u64 = 600;
const BAN_TIME: u64 = 600;

/// A threshold for a rule, and the jail that wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The rule.
    pub rule: u32,
    /// What it should be.
    pub threshold: Threshold,
    /// The jail.
    pub jail: String,
}

/// Puts what can be said in ossec.conf into `draft`; returns the thresholds that rules should have.
///
/// # Errors
/// When the text cannot be changed.
pub(crate) fn translate(
    jails: &Jails,
    system: &System,
    draft: &mut Draft,
    report: &mut Translated,
) -> Result<Vec<Wanted>, DraftError> {
    never_block(jails, draft, report)?;
    mail(jails, draft, report)?;
    for (key, value) in &jails.other_keys {
        report.not(format!("[DEFAULT] {key} = {value}"), "no equivalent");
    }
    let mut wanted: Vec<Wanted> = Vec::new();
    let mut responses: BTreeMap<u64, Vec<u32>> = BTreeMap::new();
    for jail in &jails.enabled {
        for (key, value) in &jail.other_keys {
            let why = if key == "ignoreip" { "the white list holds for all services" } else { "no equivalent" };
            report.not(format!("[{}] {key} = {value}", jail.name), why);
        }
        logs(jail, system, draft, report)?;
        match services::of(&jail.filter) {
            Some(Service::Rules(rules)) => service(jail, rules, &mut wanted, &mut responses, report),
            Some(Service::Otherwise(what)) => report.done(format!("[{}]: {what}", jail.name)),
            None => report.not(
                format!("[{}] filter {}", jail.name, jail.filter),
                "no rules for this filter are known; see `hidsctl rules list` and `hidsctl logtest`",
            ),
        }
    }
    respond(jails, &responses, draft, report)?;
    Ok(wanted)
}

fn never_block(jails: &Jails, draft: &mut Draft, report: &mut Translated) -> Result<(), DraftError> {
    for entry in &jails.ignore {
        let host = entry.parse::<IpAddr>().ok().map(IpNet::from);
        match entry.parse::<IpNet>().ok().map(|net| net.trunc()).or(host) {
            Some(net) if net.network().is_loopback() => {}
            Some(net) => {
                let text =
                    if net.prefix_len() == net.max_prefix_len() { net.addr().to_string() } else { net.to_string() };
                if findings::never_block(draft, &text)? {
                    report.done(format!("never block {text} (ignoreip)"));
                }
            }
            None => report.not(format!("ignoreip {entry}"), "not an address; host names are not resolved"),
        }
    }
    Ok(())
}

fn mail(jails: &Jails, draft: &mut Draft, report: &mut Translated) -> Result<(), DraftError> {
    let Some(to) = &jails.mail_to else { return Ok(()) };
    if !findings::wants_mail(draft) {
        return Ok(());
    }
    if !is_mail_address(to) || to.ends_with("@localhost") {
        report.not(format!("destemail {to}"), "not a mail address outside of this host");
        return Ok(());
    }
    findings::mail_to(draft, to, None)?;
    if let Some(from) = jails.mail_from.as_deref().filter(|from| is_mail_address(from)) {
        draft.set("global", &Item::new("email_from", from))?;
    }
    report.done(format!("send mail to {to} (destemail)"));
    Ok(())
}

/// Adds log files of a jail that the configuration does not have.
fn logs(jail: &Jail, system: &System, draft: &mut Draft, report: &mut Translated) -> Result<(), DraftError> {
    let is_web = jail.filter.starts_with("apache") || jail.filter.starts_with("nginx");
    let format = if is_web { "apache" } else { "syslog" };
    let paths = jail.logs.iter().filter(|path| path.starts_with('/') && !path.contains(['[', '%']));
    let named = paths.filter(|path| path.contains('*') || system.has_file(path));
    let logs: Vec<Log> =
        named.map(|path| Log { path: path.clone(), format, found_in: format!("[{}] logpath", jail.name) }).collect();
    findings::read_reported(&logs, draft, report)
}

fn service(
    jail: &Jail,
    rules: &[u32],
    wanted: &mut Vec<Wanted>,
    responses: &mut BTreeMap<u64, Vec<u32>>,
    report: &mut Translated,
) {
    let events = jail.retries.unwrap_or(RETRIES);
    if events < 2 {
        report.not(format!("[{}] maxretry = {events}", jail.name), "rules count at least two events; 2 is used");
    }
    let threshold = Threshold { events: events.max(2), seconds: jail.find_time.unwrap_or(FIND_TIME) };
    for &rule in rules {
        match wanted.iter().find(|other| other.rule == rule) {
            Some(other) if other.threshold != threshold => report.not(
                format!("[{}] maxretry, findtime for rule {rule}", jail.name),
                "another jail gives the same rule another threshold, which is used",
            ),
            Some(_) => {}
            None => wanted.push(Wanted { rule, threshold, jail: jail.name.clone() }),
        }
    }
    // 0 is for ever, as in ossec.conf.
    let seconds = match jail.ban_time.unwrap_or(BanTime::Seconds(BAN_TIME)) {
        BanTime::Seconds(seconds) => seconds.max(1),
        BanTime::Permanent => 0,
    };
    let taken = |rule: &u32| responses.values().any(|rules| rules.contains(rule));
    let fresh: Vec<u32> = rules.iter().copied().filter(|rule| !taken(rule)).collect();
    responses.entry(seconds).or_default().extend(fresh);
}

fn respond(
    jails: &Jails,
    responses: &BTreeMap<u64, Vec<u32>>,
    draft: &mut Draft,
    report: &mut Translated,
) -> Result<(), DraftError> {
    let present = draft.values("active-response", "rules_id");
    let mut increment = jails.increment.clone();
    if increment.is_some() && !draft.values("active-response", "repeated_offenders").is_empty() {
        let wanted = minutes(increment.take().unwrap_or_default().as_slice());
        if !draft.values("active-response", "repeated_offenders").contains(&wanted) {
            report.not(
                format!("bantime.increment ({wanted} minutes)"),
                "<repeated_offenders> is set already and holds for all responses",
            );
        }
    }
    for (seconds, rules) in responses.iter().filter(|(_, rules)| !rules.is_empty()) {
        let list = rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        if present.contains(&list) {
            continue;
        }
        if !draft.values("command", "name").iter().any(|name| name == COMMAND) {
            let items = [
                Item::new("name", COMMAND),
                Item::new("executable", "firewall-drop.sh"),
                Item::new("expect", "srcip"),
                Item::new("timeout_allowed", "yes"),
            ];
            draft.add_section("command", &items)?;
        }
        let mut items =
            vec![Item::new("command", COMMAND), Item::new("location", "local"), Item::new("rules_id", &list)];
        items.push(Item::new("timeout", seconds.to_string()));
        if let Some(steps) = increment.take() {
            items.push(Item::new("repeated_offenders", minutes(&steps)));
        }
        draft.add_section("active-response", &items)?;
        let time = if *seconds == 0 { "for ever".to_owned() } else { format!("for {seconds} seconds") };
        report.done(format!("block {time} after rules {list} (bantime)"));
    }
    Ok(())
}

fn minutes(steps: &[u64]) -> String {
    steps.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}
