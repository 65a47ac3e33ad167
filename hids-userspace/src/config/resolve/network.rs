//! `<remote>` and `<client>`: checked only.

use std::net::IpAddr;

use super::Context;
use crate::config::known::SectionKind::{Client, Remote};
use crate::config::value::{AddressEntry, address_entry, value_span};

pub(super) fn check(context: &mut Context<'_>) {
    let raw = context.raw;
    for section in raw.of(Remote).chain(raw.of(Client)) {
        for (spec, element) in section.options() {
            let text = element.text.value.trim();
            let fits = match spec.name {
                "local_ip" | "server-ip" => text.parse::<IpAddr>().is_ok(),
                "allowed-ips" | "denied-ips" => {
                    matches!(address_entry(text.trim_start_matches('!')), AddressEntry::Any | AddressEntry::Net(..))
                }
                _ => true,
            };
            if !fits {
                let message = format!("`<{}>` must be an address, found \"{text}\"", spec.name);
                context.problems.error(
                    "C015",
                    &value_span(element),
                    message,
                    "use 192.0.2.1 or, for a list, 192.0.2.0/24",
                );
            }
        }
    }
    for section in
        raw.of(Remote).filter(|section| section.last("connection").is_none() && !section.element.children.is_empty())
    {
        let message = "`<remote>` has no `<connection>`";
        context.problems.error(
            "C099",
            section.name_span(),
            message,
            "add `<connection>secure</connection>`, or remove the section",
        );
    }
}
