//! `<active-response>`: what happens to whom after which rules.

mod offenders;
mod switches;

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::time::Duration;

use hids_core::model::Level;
use hids_core::pattern::Dialect;
use hids_core::xml::Element;

use super::command::{self, CommandDefinition};
use super::patterns::compiled_pattern_of;
use super::{Context, level_of, rule_ids, seconds_of, white_list};
use crate::config::known::SectionKind::ActiveResponse;
use crate::config::raw::RawSection;
use crate::config::value::{did_you_mean, value_span, word};
use crate::config::{Expect, RespondConfig, Response, ResponseKind};

/// Blocking on rules below this level hits people who did nothing wrong.
const CAREFUL_LEVEL: Level = Level(6);

pub(super) fn resolve(context: &mut Context<'_>) -> RespondConfig {
    let commands = command::resolve(context);
    let white_list = white_list::resolve(context);
    let switches = switches::resolve(context);
    let repeated_offenders = offenders::resolve(context);
    let raw = context.raw;
    let mut responses = Vec::new();
    for (index, section) in raw.of(ActiveResponse).enumerate() {
        let is_response = ["command", "location", "level", "rules_id", "rules_group", "timeout"]
            .iter()
            .any(|name| section.last(name).is_some());
        // OSSEC does not look further into a section that is off.
        if !is_response || switches.section_off.contains(&index) {
            continue;
        }
        if let Some(response) = one(section, &commands, context)
            && !responses.contains(&response)
        {
            responses.push(response);
        }
    }
    let config = RespondConfig {
        disabled: switches.all_off,
        responses,
        never_block: white_list.nets,
        allowed: context.allowed.to_vec(),
        never_block_names: white_list.names,
        repeated_offenders,
    };
    note_missing_white_list(&config, context);
    config
}

/// One response, if it is carried out on this host.
fn one(section: &RawSection, commands: &[CommandDefinition], context: &mut Context<'_>) -> Option<Response> {
    let acts_here = location(section, context);
    let rules = rule_ids(section.all("rules_id"), context.problems);
    let command = find_command(section, commands, context)?;
    let level = level_of(section, "level");
    let group = compiled_pattern_of(section, "rules_group", Dialect::OsRegex, context.problems).map(Arc::new);
    let mut response = Response {
        name: command.name.clone(),
        kind: ResponseKind::Block,
        executable: context.paths.response_programs.join(&command.executable),
        expects: command.expects.clone(),
        level,
        rules,
        group,
        timeout: section.last("timeout").and_then(seconds_of).filter(|timeout| !timeout.is_zero()),
    };
    check_binding(section, &response, context);
    if command.blocks_address() {
        check_block(section, command, &mut response, context);
    } else if command.reloads() {
        note_reload(command, context);
        check_program_timeout(section, command, &response, context);
        response.kind = ResponseKind::Reload;
    } else if acts_here? {
        let program = program(command, context);
        check_program_timeout(section, command, &response, context);
        response.kind = ResponseKind::Program(program?);
    }
    acts_here.filter(|here| *here).map(|_| response)
}

/// Whether the response is carried out on this host; `None` when that cannot be told.
///
/// OSSEC looks for words anywhere in the text, in any case, in this order.
fn location(section: &RawSection, context: &mut Context<'_>) -> Option<bool> {
    let Some((element, text)) = section.last("location").and_then(|element| Some((element, word(element)?))) else {
        let message = "`<active-response>` has no `<location>`";
        context.problems.error("C080", section.name_span(), message, "use `<location>local</location>`");
        return None;
    };
    let text = text.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if has(&["as", "analysisd", "server", "local"]) {
        return Some(true);
    }
    if has(&["defined-agent"]) {
        if section.last("agent_id").is_none() {
            let message = "`<location>defined-agent</location>` requires `<agent_id>`";
            context.problems.error("C083", &value_span(element), message, "on a stand-alone host, use `local`");
        } else {
            let message = "this response is for another host and is ignored: agents are not supported";
            context.problems.warning("C083", &value_span(element), message, "use `local` to run it on this host");
        }
        return Some(false);
    }
    if has(&["all", "any"]) {
        return Some(true);
    }
    let message = format!("unknown location \"{}\"", element.text.value.trim());
    let help = did_you_mean(&text, ["local", "server", "all", "defined-agent"]);
    context.problems.error(
        "C082",
        &value_span(element),
        message,
        help.as_deref().unwrap_or("on a stand-alone host, use `local`"),
    );
    None
}

fn find_command<'c>(
    section: &RawSection,
    commands: &'c [CommandDefinition],
    context: &mut Context<'_>,
) -> Option<&'c CommandDefinition> {
    let Some((element, name)) = section.last("command").and_then(|element| Some((element, word(element)?))) else {
        let message = "`<active-response>` has no `<command>`";
        context.problems.error("C080", section.name_span(), message, "specify one of the `<command>` sections");
        return None;
    };
    let Some(command) = commands.iter().find(|command| command.name == name) else {
        let known = commands.iter().map(|command| command.name.as_str());
        let help = did_you_mean(name, known.clone()).unwrap_or_else(|| match known.collect::<Vec<_>>().join(", ") {
            names if names.is_empty() => "define it in a `<command>` section above".to_owned(),
            names => format!("defined commands: {names}"),
        });
        context.problems.error("C081", &value_span(element), format!("command `{name}` is not defined"), &help);
        return None;
    };
    if command.start > section.element.span.start {
        let message = format!("command `{name}` is defined below, where OSSEC does not find it; hids uses it");
        context.problems.warning("C081", &value_span(element), message, "move the `<command>` section above");
    }
    Some(command)
}

fn check_binding(section: &RawSection, response: &Response, context: &mut Context<'_>) {
    let given = ["level", "rules_id", "rules_group"].iter().any(|name| section.last(name).is_some());
    let bound = response.level.is_some() || !response.rules.is_empty() || response.group.is_some();
    if !bound && !given {
        let message = "this response is not bound to any rule and never runs";
        context.problems.warning(
            "C085",
            section.name_span(),
            message,
            "add `<level>`, `<rules_id>` or `<rules_group>`",
        );
    }
    if let Some(element) = section.last("level").filter(|_| !response.rules.is_empty() || response.group.is_some()) {
        let message = "`<level>`, `<rules_id>` and `<rules_group>` are alternatives: a rule that matches any of them triggers the response, as in OSSEC";
        context.problems.note("C085", &element.name.span, message, "keep only one of them if all were meant to apply");
    }
}

fn check_block(section: &RawSection, command: &CommandDefinition, response: &mut Response, context: &mut Context<'_>) {
    // Worth a word only to who has the script, and may have changed it.
    let script = context.paths.response_programs.join(&command.executable);
    let message = format!("{} is not run: addresses are blocked directly with nftables", script.display());
    let known = context
        .problems
        .0
        .iter()
        .any(|known| known.code == "C086" && known.span.as_ref() == Some(&command.executable_span));
    if !known && script.is_file() {
        context.problems.note("C086", &command.executable_span, message, "");
    }
    if !response.expects.contains(&Expect::SourceAddress) {
        let message =
            format!("command `{}` does not expect srcip, which blocking requires; srcip is assumed", command.name);
        context.problems.warning("C074", section.name_span(), message, "add `<expect>srcip</expect>`");
        response.expects.push(Expect::SourceAddress);
    }
    match (response.timeout, section.last("timeout")) {
        (Some(timeout), Some(element)) if !command.timeout_allowed => {
            note_native_timeout(command, timeout, element, context)
        }
        (None, _) => {
            let message = "without `<timeout>` blocks never expire";
            let help = "add a `<timeout>` in seconds; `hidsctl blocks remove` removes blocks manually";
            context.problems.warning("C087", section.name_span(), message, help);
        }
        _ => {}
    }
    if let Some(element) = section.last("level").filter(|_| response.level.is_some_and(|level| level < CAREFUL_LEVEL)) {
        let message = format!(
            "rules of level {} and above include routine events, so legitimate users will be blocked",
            response.level.unwrap_or_default()
        );
        context.problems.warning("C088", &value_span(element), message, "use a level of 6 or more");
    }
}

fn note_reload(command: &CommandDefinition, context: &mut Context<'_>) {
    let message = format!("{} is not run: hidsd reloads its configuration instead", command.executable);
    let known = context.problems.0.iter().any(|known| known.message == message);
    if !known {
        context.problems.note("C120", &command.executable_span, message, "");
    }
}

fn note_native_timeout(command: &CommandDefinition, timeout: Duration, element: &Element, context: &mut Context<'_>) {
    let message = format!(
        "command `{}` has no `<timeout_allowed>yes</timeout_allowed>`: OSSEC would reject this (1305) or never \
         remove the block; hids removes it after {} seconds",
        command.name,
        timeout.as_secs()
    );
    context.problems.note(
        "C084",
        &value_span(element),
        message,
        "for compatibility with OSSEC, add `<timeout_allowed>yes</timeout_allowed>` to the command",
    );
}

fn check_program_timeout(
    section: &RawSection,
    command: &CommandDefinition,
    response: &Response,
    context: &mut Context<'_>,
) {
    if let Some(element) = section.last("timeout").filter(|_| response.timeout.is_some() && !command.timeout_allowed) {
        let message = format!("command `{}` does not allow a `<timeout>` (OSSEC: 1305)", command.name);
        let help = format!(
            "if {} can revert its action, add `<timeout_allowed>yes</timeout_allowed>` to the command; otherwise \
             remove the `<timeout>`",
            command.executable
        );
        context.problems.error("C084", &value_span(element), message, &help);
    }
}

/// The program of a response, if it can be run.
fn program(command: &CommandDefinition, context: &mut Context<'_>) -> Option<std::path::PathBuf> {
    let path = context.paths.response_programs.join(&command.executable);
    let why = match path.metadata() {
        Ok(data) if !data.is_file() => "is not a file",
        Ok(data) if data.permissions().mode() & 0o111 == 0 => "is not executable",
        Ok(data) if data.permissions().mode() & 0o002 != 0 => "is world-writable and unsafe to run",
        Ok(_) => return Some(path),
        Err(_) => "does not exist",
    };
    let message =
        format!("{} {why}; responses with command `{}` do not work on this host", path.display(), command.name);
    let known = context.problems.0.iter().any(|known| known.message == message);
    if !known {
        context.problems.warning(
            "C089",
            &command.executable_span,
            message,
            "install the program there, or remove the command",
        );
    }
    None
}

fn note_missing_white_list(config: &RespondConfig, context: &mut Context<'_>) {
    let blocks = config.responses.iter().any(|response| response.kind == ResponseKind::Block);
    if !config.disabled
        && blocks
        && config.never_block.is_empty()
        && config.allowed.is_empty()
        && let Some(section) = context.raw.of(ActiveResponse).next()
    {
        let message = "active responses block addresses, but there is no `<white_list>`";
        let help = "add `<white_list>` with the addresses from which this host is administered; its own addresses, \
                    gateways and resolvers are always protected";
        context.problems.note("C036", section.name_span(), message, help);
    }
}
