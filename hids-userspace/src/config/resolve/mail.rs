//! Mail: the options of `<global>`.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt as _;

use hids_core::model::Level;

use super::mail_address::address;
use super::{Context, email_alerts, mail_program};
use crate::config::known::SectionKind::Global;
use crate::config::value::{is_host_name, value_span, word, yes_no};
use crate::config::{MailConfig, MailLayout, MailTls, MailTransport};

const DEFAULT_PER_HOUR: u64 = 12;
const DEFAULT_URGENT_LEVEL: Level = Level(12);
/// The highest level of a rule.
const HIGHEST_LEVEL: u16 = 16;

pub(super) fn resolve(context: &mut Context<'_>, strict_ossec: bool) -> MailConfig {
    let enabled = context.yes_no(Global, "email_notification", false);
    let to: Vec<String> =
        context.raw.all(Global, "email_to").filter_map(|element| address(element, context.problems)).collect();
    let from = context.raw.last(Global, "email_from").and_then(|element| address(element, context.problems));
    let reply_to = context.raw.last(Global, "email_reply_to").and_then(|element| address(element, context.problems));
    if enabled {
        warn_of_order(context);
        require_parties(context);
    }
    let per_hour = context.number(Global, "email_maxperhour").unwrap_or(DEFAULT_PER_HOUR);
    let granular = email_alerts::resolve(context, enabled);
    MailConfig {
        enabled,
        to,
        from: from.unwrap_or_default(),
        reply_to,
        ids_name: context.word(Global, "email_idsname").and_then(word).map(str::to_owned),
        transport: transport(context, enabled),
        helo: helo(context),
        max_per_hour: u32::try_from(per_hour).unwrap_or(u32::MAX),
        grouping: context.internal.grouping,
        full_subject: context.internal.full_subject,
        layout: if strict_ossec { MailLayout::Ossec } else { layout(context) },
        urgent_level: urgent_level(context).filter(|_| !strict_ossec),
        granular_apart: !strict_ossec,
        granular,
    }
}

/// OSSEC reads the server's options only below `<email_notification>yes`.
fn warn_of_order(context: &mut Context<'_>) {
    let mut on = false;
    for section in context.raw.of(Global) {
        for (spec, element) in section.options() {
            match spec.name {
                "email_notification" => on |= yes_no(element) == Some(true),
                "smtp_server" | "helo_server" | "smtp_port" if !on => {
                    let message = format!(
                        "`<{}>` precedes `<email_notification>`, where OSSEC ignores it; hids uses it",
                        spec.name
                    );
                    context.problems.warning(
                        "C034",
                        &element.name.span,
                        message,
                        "move `<email_notification>yes</email_notification>` above it",
                    );
                }
                _ => {}
            }
        }
    }
}

fn require_parties(context: &mut Context<'_>) {
    let Some(switch) = context.raw.last(Global, "email_notification") else { return };
    for (name, what) in [("email_to", "specify the recipient"), ("email_from", "specify the sender")] {
        if context.raw.last(Global, name).is_none() {
            let message = format!("mail is enabled, but `<{name}>` is missing");
            context.problems.error(
                "C030",
                &switch.name.span,
                message,
                &format!("{what}, or set `<email_notification>no</email_notification>`"),
            );
        }
    }
    if context.raw.last(Global, "smtp_server").is_none() {
        let message = "mail is enabled, but `<smtp_server>` is missing; using localhost";
        context.problems.warning("C030", &switch.name.span, message, "specify the mail server");
    }
}

fn transport(context: &mut Context<'_>, enabled: bool) -> MailTransport {
    let server = context.word(Global, "smtp_server");
    let host = match server.and_then(word) {
        Some(path) if path.starts_with('/') => {
            let text = path.to_owned();
            return MailTransport::Program(mail_program::resolve(context, &text, enabled));
        }
        Some(host) => host.strip_suffix('.').unwrap_or(host).to_owned(),
        None => "localhost".to_owned(),
    };
    if let Some(element) = server
        && !is_host_name(&host)
        && host.parse::<IpAddr>().is_err()
    {
        let message = format!("`<smtp_server>` must be a host name, an address or a path, found \"{host}\"");
        let help =
            if host.contains(':') { "set the port with `<smtp_port>`" } else { "use the host name of the mail server" };
        let span = value_span(element);
        context.problems.error("C015", &span, message, help);
    }
    let tls = match (context.yes_no(Global, "secure_smtp", false), context.yes_no(Global, "smtp_tls_verify", true)) {
        (false, _) => MailTls::Opportunistic,
        (true, true) => MailTls::Required,
        (true, false) => MailTls::RequiredUnverified,
    };
    let port = context.number(Global, "smtp_port").and_then(|port| u16::try_from(port).ok()).unwrap_or(25);
    let login = login(context, tls);
    MailTransport::Smtp { host, port, tls, login }
}

fn login(context: &mut Context<'_>, tls: MailTls) -> Option<(String, String)> {
    if !context.yes_no(Global, "auth_smtp", false) {
        return None;
    }
    let switch = context.raw.last(Global, "auth_smtp")?;
    let user = context.word(Global, "smtp_user").and_then(word).map(str::to_owned);
    let password = context.raw.last(Global, "smtp_password").map(|element| element.text.value.clone());
    let (Some(user), Some(password)) = (user, password.filter(|password| !password.is_empty())) else {
        let message = "`<auth_smtp>` requires `<smtp_user>` and `<smtp_password>`";
        context.problems.error("C030", &switch.name.span, message, "add both, or set `<auth_smtp>no</auth_smtp>`");
        return None;
    };
    if tls == MailTls::Opportunistic {
        let message = "without `<secure_smtp>yes</secure_smtp>` the password may be sent unencrypted";
        context.problems.warning("C035", &switch.name.span, message, "add `<secure_smtp>yes</secure_smtp>`");
    }
    if context.paths.config_file.metadata().is_ok_and(|data| data.permissions().mode() & 0o004 != 0)
        && let Some(element) = context.raw.last(Global, "smtp_password")
    {
        let message = "this file contains a password and is world-readable";
        context.problems.warning("C037", &element.name.span, message, "run chmod o-r on it");
    }
    Some((user, password))
}

/// OSSEC's other subject (`maild.full_subject`) is a wish for OSSEC's layout as well.
fn layout(context: &mut Context<'_>) -> MailLayout {
    let Some(element) = context.word(Global, "email_layout") else {
        return if context.internal.full_subject { MailLayout::Ossec } else { MailLayout::Summary };
    };
    match word(element).unwrap_or_default() {
        "summary" => MailLayout::Summary,
        "ossec" => MailLayout::Ossec,
        other => {
            let message = format!("`<email_layout>` must be summary or ossec, found \"{other}\"");
            context.problems.error("C015", &value_span(element), message, "use summary, or remove the element");
            MailLayout::Summary
        }
    }
}

fn urgent_level(context: &mut Context<'_>) -> Option<Level> {
    let Some(element) = context.word(Global, "email_urgent_level") else { return Some(DEFAULT_URGENT_LEVEL) };
    let text = word(element).unwrap_or_default();
    match (text, text.parse()) {
        ("no", _) | (_, Ok(0)) => None,
        (_, Ok(level)) if level <= HIGHEST_LEVEL => Some(Level(level)),
        _ => {
            let message = format!("`<email_urgent_level>` must be a level from 1 to 16, 0 or no, found \"{text}\"");
            context.problems.error("C015", &value_span(element), message, "use 12, or no to switch it off");
            None
        }
    }
}

fn helo(context: &mut Context<'_>) -> Option<String> {
    let element = context.word(Global, "helo_server")?;
    let text = word(element)?.to_owned();
    let literal =
        text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(|ip| ip.parse::<IpAddr>().is_ok());
    if !literal && !is_host_name(&text) && text.parse::<IpAddr>().is_err() {
        let span = value_span(element);
        context.problems.error(
            "C015",
            &span,
            format!("`<helo_server>` must be a host name, found \"{text}\""),
            "use the name of this host",
        );
    }
    Some(text)
}
