//! `<command>`: what an active response runs.

use hids_core::diag::Span;
use hids_core::xml::Element;

use super::{Context, items};
use crate::config::Expect;
use crate::config::known::SectionKind::Command;
use crate::config::raw::RawSection;
use crate::config::value::{Problems, did_you_mean, span_of, value_span, word, yes_no};

/// Scripts of OSSEC that block an address; the kernel does that natively here.
const ADDRESS_BLOCKERS: [&str; 6] =
    ["firewall-drop", "nftables-drop", "firewalld-drop", "firewall-cmd-drop", "host-deny", "route-null"];

/// The script of OSSEC that restarts it. Run beside this daemon it would start OSSEC's own daemons.
const RESTARTER: &str = "restart-ossec";

/// A `<command>`.
pub(super) struct CommandDefinition {
    pub name: String,
    pub executable: String,
    pub expects: Vec<Expect>,
    pub timeout_allowed: bool,
    pub executable_span: Span,
    /// Where the definition starts.
    pub start: usize,
}

impl CommandDefinition {
    /// Whether it blocks an address, which needs no program.
    pub(super) fn blocks_address(&self) -> bool {
        ADDRESS_BLOCKERS.contains(&self.executable.strip_suffix(".sh").unwrap_or(&self.executable))
    }

    /// Whether it restarts OSSEC, in whose place this daemon reloads its configuration.
    pub(super) fn reloads(&self) -> bool {
        let name = [".sh", ".cmd", ".exe"].iter().find_map(|end| self.executable.strip_suffix(end));
        name.unwrap_or(&self.executable) == RESTARTER
    }
}

pub(super) fn resolve(context: &mut Context<'_>) -> Vec<CommandDefinition> {
    let raw = context.raw;
    let mut list: Vec<CommandDefinition> = Vec::new();
    for section in raw.of(Command).filter(|section| !section.element.children.is_empty()) {
        let Some(command) = one(section, context.problems) else { continue };
        if list.iter().any(|earlier| earlier.name == command.name) {
            let message = format!("command `{}` is defined twice; the first definition is used", command.name);
            context.problems.warning("C071", section.name_span(), message, "remove one, or rename it");
        } else {
            list.push(command);
        }
    }
    list
}

fn one(section: &RawSection, problems: &mut Problems) -> Option<CommandDefinition> {
    let given = |name| section.last(name).and_then(|element| Some((element, word(element)?)));
    let missing: Vec<String> = ["name", "executable"]
        .into_iter()
        .filter(|name| given(name).is_none())
        .chain(["expect"].into_iter().filter(|name| section.last(name).is_none()))
        .map(|name| format!("`<{name}>`"))
        .collect();
    if !missing.is_empty() {
        let message = format!("`<command>` is missing {}", missing.join(", "));
        problems.error("C070", section.name_span(), message, "add the missing options; `<expect>` can be empty");
    }
    let (name, executable) = (given("name"), given("executable"));
    if let Some((element, text)) = name {
        check_name(element, text, problems);
    }
    if let Some((element, text)) = executable {
        check_executable(element, text, problems);
    }
    let (executable_at, executable) = executable?;
    Some(CommandDefinition {
        name: name?.1.to_owned(),
        executable: executable.to_owned(),
        expects: section.last("expect").map(|element| expects(element, problems)).unwrap_or_default(),
        timeout_allowed: section.last("timeout_allowed").and_then(yes_no).unwrap_or(false),
        executable_span: value_span(executable_at),
        start: section.element.span.start,
    })
}

fn check_name(element: &Element, text: &str, problems: &mut Problems) {
    if text.contains(char::is_whitespace) {
        problems.error(
            "C072",
            &value_span(element),
            format!("a command name cannot contain spaces: \"{text}\""),
            "use a single word",
        );
    }
}

/// An executable is a file in one folder: nothing may lead out of it.
fn check_executable(element: &Element, text: &str, problems: &mut Problems) {
    let span = value_span(element);
    if text.contains('/') || text == "." || text.contains("..") {
        let message = format!("`<executable>` must be a file name without a path, found \"{text}\"");
        problems.error("C073", &span, message, "put the program into active-response/bin and use its file name");
    } else if text.contains(char::is_whitespace) {
        let message = format!("`<executable>` must be a file name without arguments: \"{text}\"");
        problems.error("C073", &span, message, "put them into a wrapper program");
    }
}

fn expects(element: &Element, problems: &mut Problems) -> Vec<Expect> {
    let mut list = Vec::new();
    for part in items(&element.text.value) {
        let expect = match part.to_ascii_lowercase().as_str() {
            "srcip" => Expect::SourceAddress,
            "user" | "username" => Expect::User,
            "filename" => Expect::FileName,
            _ => {
                let help = did_you_mean(part, ["srcip", "user", "username", "filename"]);
                let message = format!(
                    "`<expect>` supports srcip, user and filename; \"{part}\" is ignored, as in \
                                       OSSEC"
                );
                problems.warning("C074", &span_of(element, part), message, help.as_deref().unwrap_or("remove it"));
                continue;
            }
        };
        if !list.contains(&expect) {
            list.push(expect);
        }
    }
    list
}
