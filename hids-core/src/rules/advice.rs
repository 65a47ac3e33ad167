//! What a rule means to whoever gets its alerts, what to do, and how to silence it: from `<info>` where the rule
//! has one, else from its groups and its level.

use super::catalogue::RuleEntry;

/// What its groups say of a rule: the first row that names one of them counts, so attacks come first.
const BY_GROUP: [(&[&str], &str, &str); 24] = [
    (
        &["authentication_failures", "multiple_authentication_failures"],
        "Many logins failed in a short time: passwords are being guessed.",
        "Make sure that none of them succeeded, and leave the block in place.",
    ),
    (
        &["exploit_attempt"],
        "A client tried to exploit a known vulnerability.",
        "Make sure that the software is up to date and that the attempt had no effect.",
    ),
    (
        &["sql_injection", "sqlinjection", "attack", "attacks", "automatic_attack", "web_attack"],
        "A request or message has the form of an attack.",
        "Look at what the service answered; if it is vulnerable, update it.",
    ),
    (
        &["web_scan", "recon", "multiple_drops"],
        "A client looks for services or files to attack.",
        "Nothing, unless it comes from your own network.",
    ),
    (
        &["multiple_spam"],
        "One source sent many messages that were refused.",
        "Nothing, unless it is one of your own mail servers.",
    ),
    (
        &["virus", "malware"],
        "A scanner found harmful software.",
        "Find out how it came to this host and who received it.",
    ),
    (&["rootcheck"], "A check of the system found something that rootkits leave.", "Look at the file it names."),
    (
        &["syscheck_gap", "hids", "firewall_restored", "logs_cleared"],
        "The protection of this host was weaker for a time, or was tampered with.",
        "Find out why; `hidsctl status` names what is wrong now.",
    ),
    (
        &["file_protection"],
        "The write protection of files was used, changed or evaded.",
        "Compare with what you or your tools did; `hidsctl fim status` shows the state.",
    ),
    (
        &["syscheck"],
        "A monitored file differs from the baseline.",
        "Look at it with `hidsctl fim diff`, and accept what you have changed with `hidsctl fim accept`.",
    ),
    (
        &["adduser", "account_changed", "accounts"],
        "An account or a group of this host was changed.",
        "Make sure that an administrator did it.",
    ),
    (
        &["invalid_login"],
        "A login was tried with a user name that does not exist here.",
        "Nothing for a single one: rules that count such lines find a source that continues.",
    ),
    (
        &["authentication_failed", "authentication_failure", "win_authentication_failed"],
        "A login failed.",
        "Nothing for a single one: rules that count such lines find a source that continues.",
    ),
    (&["authentication_success"], "A user logged in.", "Nothing, if you know the user and the source."),
    (
        &["access_denied", "access_control", "invalid_access"],
        "Access was refused by the configuration of the service.",
        "Nothing, unless a client is refused that should not be.",
    ),
    (
        &["firewall_drop", "firewall"],
        "The firewall acted on a packet; the source address can be forged.",
        "Nothing, unless it comes from your own network.",
    ),
    (&["spam"], "A message or mail client was refused.", "Nothing, unless mail that you expect is missing."),
    (
        &["config_changed", "policy_changed"],
        "The configuration of this host or of a service was changed.",
        "Make sure that an administrator did it.",
    ),
    (
        &["service_availability", "process_monitor", "system_shutdown"],
        "A service or the system was started, stopped, or has failed.",
        "Make sure that it runs again, and that it was meant to stop.",
    ),
    (
        &["low_diskspace", "system_error", "client_misconfig", "promisc"],
        "The system or a service reports a fault.",
        "Correct what the line names.",
    ),
    (
        &["invalid_request", "unknown_resource", "connection_attempt"],
        "A client sent something that the service does not understand or have.",
        "Nothing for a single one.",
    ),
    (&["active_response"], "A response to an alert was carried out.", "Nothing; `hidsctl why ADDRESS` has the reason."),
    (
        &["hostinfo", "agentless"],
        "Another host has changed, as seen from this one.",
        "Make sure that an administrator did it.",
    ),
    (&["fts"], "Something happened here for the first time.", "Nothing, if you expect it."),
];

/// The same by level, for rules of other groups: the row of the highest level that is not above the rule's counts.
const BY_LEVEL: [(u16, &str, &str); 5] = [
    (12, "Something happened that is an attack, damage, or a serious fault.", "Look at the line at once."),
    (7, "Something happened that should not, and that a single user rarely causes.", "Find out what caused it."),
    (4, "An error or a refusal without further consequences.", "Nothing, unless it comes often."),
    (1, "A routine event.", "Nothing."),
    (0, "A known event that needs no alert.", "Nothing."),
];

const COUNTS: &str = "Many such events came in a short time.";
const LEADS: &str = "It selects the events for the rules below it and raises no alert.";

/// What it means when `rule` fires, and what to do; a sentence or some each.
pub fn advice(rule: &RuleEntry) -> (String, String) {
    let default = default_advice(rule);
    let info = rule.facts.info.as_deref().unwrap_or_default();
    let info = info.split_whitespace().collect::<Vec<_>>().join(" ");
    if info.is_empty() || info.starts_with("http") {
        return default;
    }
    match sentence_end(&info) {
        Some(end) => (info[..end].to_owned(), info[end..].trim_start().to_owned()),
        None => (info, default.1),
    }
}

fn default_advice(rule: &RuleEntry) -> (String, String) {
    let owned = |(meaning, action): (&str, &str)| (meaning.to_owned(), action.to_owned());
    let level = rule.facts.level.0;
    if rule.only_leads || (level == 0 && !rule.children.is_empty()) {
        return owned((LEADS, "Nothing."));
    }
    let is_one = |names: &[&str]| rule.facts.groups().any(|group| names.contains(&group));
    if let Some((_, meaning, action)) = BY_GROUP.iter().find(|(names, ..)| level > 0 && is_one(names)) {
        return owned((meaning, action));
    }
    let of_level = BY_LEVEL.iter().find(|(least, ..)| level >= *least).unwrap_or(&BY_LEVEL[4]);
    let meaning = if rule.counts.is_some() { COUNTS } else { of_level.1 };
    owned((meaning, of_level.2))
}

/// How to silence `rule` for the events that one usually wants silent; `None` where there is nothing to silence.
pub fn silencing(rule: &RuleEntry) -> Option<String> {
    if rule.facts.level.0 == 0 || rule.only_leads {
        return None;
    }
    let has = |names: &[&str]| rule.facts.groups().any(|group| names.contains(&group));
    if has(&["syscheck"]) && !has(&["syscheck_gap", "file_protection"]) {
        return Some("`<ignore>PATH</ignore>` in `<syscheck>`".to_owned());
    }
    let narrowed = if has(&["web", "accesslog", "web-log"]) && rule.counts.is_none() {
        " --url URL"
    } else if has(&["authentication_success", "adduser", "sudo", "su"]) {
        " --user NAME"
    } else if may_name_a_source(rule) {
        " --srcip NETWORK"
    } else {
        " --program NAME"
    };
    Some(format!("`hidsctl rules silence {}{narrowed}`", rule.facts.id))
}

/// Whether events of its kind usually have the address of a peer.
fn may_name_a_source(rule: &RuleEntry) -> bool {
    const WITHOUT: [&str; 14] = [
        "linuxkernel",
        "errors",
        "system_error",
        "low_diskspace",
        "cron",
        "dpkg",
        "yum",
        "smartd",
        "rootcheck",
        "ossec",
        "apparmor",
        "systemd",
        "config_changed",
        "service_availability",
    ];
    !rule.facts.groups().any(|group| WITHOUT.contains(&group))
}

/// Where the first sentence of `text` ends, if a second one follows.
fn sentence_end(text: &str) -> Option<usize> {
    text.match_indices(". ").map(|(at, _)| at + 1).find(|&end| {
        let next = text[end..].trim_start().chars().next();
        // Not behind an abbreviation such as `e.g.`.
        let before = &text[..end - 1];
        let word = before.rsplit([' ', '(']).next().unwrap_or(before);
        next.is_some_and(|char| char.is_uppercase() || char == '`') && !word.contains('.')
    })
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::Catalogue;
    use super::*;
    use crate::diag::SourceFile;
    use crate::model::RuleId;

    fn rule(attributes: &str, elements: &str) -> RuleEntry {
        let text = format!(
            r#"<group name="syslog,"><rule id="1" level="0" noalert="1"><category>syslog</category><description>-</description></rule>
            <rule id="100" {attributes}><if_sid>1</if_sid><description>-</description>{elements}</rule></group>"#
        );
        let (catalogue, problems) = Catalogue::read(&[SourceFile::new("r.xml", text)]);
        assert!(problems.is_empty(), "{problems:?}");
        catalogue.rule(RuleId(100)).expect("the rule").clone()
    }

    #[test]
    fn the_first_sentence_of_info_is_the_meaning_and_the_rest_what_to_do() {
        let info = "<info type=\"text\">Somebody guesses, e.g. a\n   bot. Leave it blocked. Look at `who`.</info>";
        let (meaning, action) = advice(&rule("level=\"7\"", info));
        assert_eq!(meaning, "Somebody guesses, e.g. a bot.");
        assert_eq!(action, "Leave it blocked. Look at `who`.");
        let (meaning, action) = advice(&rule("level=\"7\"", "<info>A bot.</info>"));
        assert_eq!((meaning.as_str(), action.as_str()), ("A bot.", "Find out what caused it."));
    }

    #[test]
    fn without_info_groups_and_level_tell() {
        let (meaning, _) = advice(&rule("level=\"7\"", "<group>recon,authentication_failures,</group>"));
        assert!(meaning.contains("passwords are being guessed"), "{meaning}");
        let (meaning, action) = advice(&rule("level=\"3\"", "<info type=\"link\">https://example.org</info>"));
        assert_eq!((meaning.as_str(), action.as_str()), ("A routine event.", "Nothing."));
        assert_eq!(silencing(&rule("level=\"0\"", "")), None);
        assert_eq!(
            silencing(&rule("level=\"5\"", "<group>authentication_failed,</group>")).as_deref(),
            Some("`hidsctl rules silence 100 --srcip NETWORK`")
        );
    }
}
