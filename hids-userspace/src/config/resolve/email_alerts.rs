//! `<email_alerts>`: who else gets which mail.

use hids_core::pattern::Dialect::OsMatch;

use super::mail_address::address;
use super::patterns::pattern_of;
use super::{Context, level_of, rule_ids};
use crate::config::GranularMail;
use crate::config::known::SectionKind::EmailAlerts;
use crate::config::value::yes_no;

pub(super) fn resolve(context: &mut Context<'_>, mail_enabled: bool) -> Vec<GranularMail> {
    let raw = context.raw;
    let mut list = Vec::new();
    for section in raw.of(EmailAlerts) {
        let problems = &mut *context.problems;
        let to = section.last("email_to").and_then(|element| address(element, problems));
        let criteria = ["level", "rule_id", "group", "event_location"];
        let is_there = |name: &&str| section.last(name).is_some();
        if section.last("email_to").is_none() {
            problems.error(
                "C095",
                section.name_span(),
                "`<email_alerts>` has no `<email_to>`",
                "specify the recipient",
            );
        } else if !criteria.iter().any(is_there) && ["do_not_delay", "do_not_group"].iter().any(is_there) {
            let message = "`<email_alerts>` does not select any alerts, so no mail is sent";
            let help = "add `<level>`, `<rule_id>`, `<group>` or `<event_location>`, or remove the section";
            problems.warning("C107", section.name_span(), message, help);
        } else if !criteria.iter().any(is_there) {
            let message = "`<email_alerts>` does not select any alerts";
            problems.error(
                "C095",
                section.name_span(),
                message,
                "add `<level>`, `<rule_id>`, `<group>` or `<event_location>`",
            );
        }
        for name in ["do_not_delay", "do_not_group"] {
            if let Some(element) = section.last(name).filter(|element| yes_no(element) == Some(false)) {
                let message = format!("`<{name}>` is enabled whenever present, regardless of its value, as in OSSEC");
                problems.warning("C096", &element.name.span, message, "remove it to disable it");
            }
        }
        list.push(GranularMail {
            to: to.unwrap_or_default(),
            level: level_of(section, "level"),
            rules: rule_ids(section.all("rule_id"), problems),
            group: pattern_of(section, "group", OsMatch, problems),
            location: pattern_of(section, "event_location", OsMatch, problems),
            do_not_delay: section.last("do_not_delay").is_some(),
            do_not_group: section.last("do_not_group").is_some(),
        });
    }
    if let Some(section) = raw.of(EmailAlerts).next().filter(|_| !mail_enabled) {
        let message = "`<email_alerts>` has no effect unless `<email_notification>` is yes";
        context.problems.warning("C096", section.name_span(), message, "");
    }
    list
}
