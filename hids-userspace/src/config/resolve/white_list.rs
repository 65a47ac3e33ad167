//! `<white_list>` and `<allow_list>`: whom nothing may block.

use hids_core::xml::Element;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{Context, items};
use crate::config::NeverBlock;
use crate::config::known::SectionKind::Global;
use crate::config::value::{AddressEntry, Problems, address_entry, is_host_name, span_of, word};

#[derive(Default)]
pub(super) struct WhiteList {
    /// In order; the first that holds an address decides.
    pub nets: Vec<(IpNet, NeverBlock)>,
    pub names: Vec<String>,
}

pub(super) fn resolve(context: &mut Context<'_>) -> WhiteList {
    let mut list = WhiteList::default();
    for section in context.raw.of(Global) {
        for (spec, element) in section.options() {
            if matches!(spec.name, "white_list" | "allow_list") {
                list.add_element(element, context.problems);
            }
        }
    }
    list.apply_last_negation();
    list
}

impl WhiteList {
    fn add_element(&mut self, element: &Element, problems: &mut Problems) {
        let Some(text) = word(element) else {
            let message = format!("`<{}>` is empty and has no effect", element.name.value);
            problems.warning("C019", &element.name.span, message, "remove it, or set an address");
            return;
        };
        let parts: Vec<&str> = items(text).collect();
        if parts.len() > 1 {
            let message = format!(
                "all {} entries are protected; OSSEC would treat them as one host name and protect none",
                parts.len()
            );
            problems.warning(
                "C033",
                &span_of(element, text),
                message,
                &format!("use one `<{}>` for each", element.name.value),
            );
        }
        for part in parts {
            self.add_entry(element, part, problems);
        }
    }

    fn add_entry(&mut self, element: &Element, part: &str, problems: &mut Problems) {
        let span = span_of(element, part);
        let before = self.nets.len();
        let (says, text) = match part.strip_prefix('!') {
            Some(rest) => (NeverBlock::Except, rest),
            None => (NeverBlock::Protect, part),
        };
        match address_entry(text) {
            AddressEntry::Any => self.add_everything(says),
            AddressEntry::Net(net, remark) => {
                if let Some(remark) = remark {
                    problems.warning("C015", &span, remark, &format!("use {net}"));
                }
                self.nets.push((net, says));
            }
            AddressEntry::Bad(why) => {
                let message = format!(
                    "`<{}>` {why}; OSSEC would treat it as a host name and protect nothing",
                    element.name.value
                );
                problems.error("C015", &span, message, "use an address or a network, for example 192.0.2.0/24");
                return;
            }
            AddressEntry::Other if says == NeverBlock::Protect && is_host_name(text.trim_end_matches('.')) => {
                let message = format!(
                    "\"{text}\" is a host name: it only applies to events whose source is this name; it is not \
                     resolved to addresses"
                );
                problems.warning("C033", &span, message, "use the address of the host");
                self.names.push(text.to_owned());
            }
            AddressEntry::Other if says == NeverBlock::Protect && host_name_in_anchors(text).is_some() => {
                let name = host_name_in_anchors(text).unwrap_or(text);
                let message = format!(
                    "\"{text}\" is a host name pattern: it only applies to events whose source is \"{name}\"; it is \
                     not resolved to addresses"
                );
                problems.warning("C033", &span, message, "use the address of the host");
                self.names.push(name.to_owned());
            }
            AddressEntry::Other => {
                problems.error(
                    "C015",
                    &span,
                    format!("\"{part}\" is neither an address nor a host name"),
                    "use an address or a network, for example 192.0.2.0/24",
                );
                return;
            }
        }
        let everything = self.nets.len() > before
            && self.nets.last().is_some_and(|(net, says)| net.prefix_len() == 0 && *says == NeverBlock::Protect);
        if everything {
            problems.warning(
                "C033",
                &span,
                "this protects every address, so nothing is ever blocked",
                "list only addresses that must stay reachable",
            );
        }
    }

    fn add_everything(&mut self, says: NeverBlock) {
        self.nets.push((IpNet::V4(Ipv4Net::default()), says));
        self.nets.push((IpNet::V6(Ipv6Net::default()), says));
    }

    /// A list that ends with an exception protects everything it does not mention, as in OSSEC.
    fn apply_last_negation(&mut self) {
        if self.nets.last().is_some_and(|(_, says)| *says == NeverBlock::Except) {
            self.add_everything(NeverBlock::Protect);
        }
    }
}

/// The host name in `^NAME$`, as installers of OSSEC's relatives write it.
fn host_name_in_anchors(text: &str) -> Option<&str> {
    let name = text.strip_prefix('^')?;
    Some(name.strip_suffix('$').unwrap_or(name)).filter(|name| is_host_name(name))
}
