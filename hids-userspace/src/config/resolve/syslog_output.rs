//! `<syslog_output>`.

use std::net::IpAddr;

use hids_core::pattern::Dialect::OsMatch;
use hids_core::render::SyslogLayout;

use super::patterns::pattern_of;
use super::{Context, level_of, rule_ids, text_of};
use crate::config::SyslogOutputConfig;
use crate::config::known::SectionKind::SyslogOutput;
use crate::config::raw::RawSection;
use crate::config::value::{Problems, is_host_name, number, value_span, word, yes_no};

pub(super) fn resolve(context: &mut Context<'_>) -> Vec<SyslogOutputConfig> {
    let raw = context.raw;
    let mut list = Vec::new();
    for section in raw.of(SyslogOutput) {
        if let Some(output) = one(section, context) {
            list.push(output);
        }
    }
    list
}

fn one(section: &RawSection, context: &mut Context<'_>) -> Option<SyslogOutputConfig> {
    let tls = section.last("tls").and_then(yes_no).unwrap_or(false);
    let protocol = text_of(section, "protocol");
    if let Some(element) = section.last("protocol").filter(|_| tls && protocol.as_deref() == Some("udp")) {
        context.problems.error(
            "C097",
            &value_span(element),
            "`<tls>yes</tls>` requires tcp, not udp",
            "remove `<protocol>`",
        );
    }
    let ca = text_of(section, "tls_ca").map(|path| context.path(&path));
    if let (Some(path), Some(element)) = (&ca, section.last("tls_ca"))
        && !path.is_file()
    {
        let message = format!("the certificate file {} does not exist", path.display());
        context.problems.error(
            "C018",
            &value_span(element),
            message,
            "install it, or remove `<tls_ca>` to use the system certificates",
        );
    }
    let rules = rule_ids(section.all("rule_id"), context.problems);
    Some(SyslogOutputConfig {
        server: server(section, context.problems)?,
        port: section.last("port").and_then(number).and_then(|port| u16::try_from(port).ok()).unwrap_or(514),
        layout: layout(text_of(section, "format").as_deref()),
        level: level_of(section, "level"),
        rules,
        group: pattern_of(section, "group", OsMatch, context.problems),
        location: pattern_of(section, "location", OsMatch, context.problems),
        use_fqdn: section.last("use_fqdn").and_then(yes_no).unwrap_or(false),
        tcp: tls || protocol.as_deref() == Some("tcp"),
        tls,
        tls_verify: section.last("tls_verify").and_then(yes_no).unwrap_or(true),
        tls_ca: ca,
    })
}

/// An unknown name has been reported: it is OSSEC's own layout.
fn layout(name: Option<&str>) -> SyslogLayout {
    let known = SyslogLayout::NAMES.iter().find(|(known, _)| Some(*known) == name);
    known.map_or(SyslogLayout::Default, |(_, layout)| *layout)
}

fn server(section: &RawSection, problems: &mut Problems) -> Option<String> {
    let Some((element, text)) = section.last("server").and_then(|element| Some((element, word(element)?))) else {
        problems.error("C097", section.name_span(), "`<syslog_output>` has no `<server>`", "specify the syslog server");
        return None;
    };
    let host = text.strip_suffix('.').unwrap_or(text);
    if !is_host_name(host) && host.parse::<IpAddr>().is_err() {
        let message = format!("`<server>` must be a host name or an address, found \"{text}\"");
        let help =
            if text.contains(':') { "set the port with `<port>`" } else { "use the host name of the syslog server" };
        problems.error("C015", &value_span(element), message, help);
    }
    Some(host.to_owned())
}
