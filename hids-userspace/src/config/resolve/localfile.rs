//! `<localfile>`: log files, commands, the journal.

mod journal;

use std::time::Duration;

use hids_core::diag::Span;
use hids_core::xml::Element;

use super::Context;
use crate::config::command_line;
use crate::config::known::SectionKind::LocalFile;
use crate::config::raw::RawSection;
use crate::config::value::{Problems, did_you_mean, digits, seconds_hint, value_span, word};
use crate::config::{CommandOutput, LogFormat, LogInput, LogSourceConfig};

/// Seconds between two runs of a command, if not given.
const DEFAULT_FREQUENCY: u64 = 360;

/// Formats that are not those of files by name.
const OTHER_FORMATS: [&str; 6] = ["command", "full_command", "multi-line:N", "journald", "eventlog", "eventchannel"];

/// What `<log_format>` asks for.
enum Format {
    File(LogFormat),
    Command(CommandOutput),
    Journal,
    Windows,
}

pub(super) fn resolve(context: &mut Context<'_>) -> Vec<LogSourceConfig> {
    let raw = context.raw;
    let mut list: Vec<(LogSourceConfig, &Span)> = Vec::new();
    let mut journal = journal::Merged::default();
    for section in raw.of(LocalFile).filter(|section| !section.element.children.is_empty()) {
        let Some(source) = one(section, context) else { continue };
        let source = match source.input {
            // However many sections ask for the journal, it is read once.
            LogInput::Journal { .. } => {
                if journal.add(source.input, section.name_span(), context.problems) {
                    list.push((journal.placeholder(), section.name_span()));
                }
                continue;
            }
            _ => source,
        };
        match list.iter().find(|(earlier, _)| earlier.input == source.input) {
            Some((_, first)) => already_given(first, section.name_span(), context.problems),
            None => list.push((source, section.name_span())),
        }
    }
    let mut list: Vec<LogSourceConfig> = list.into_iter().map(|(source, _)| source).collect();
    if let Some(place) = list.iter_mut().find(|source| matches!(source.input, LogInput::Journal { .. })) {
        place.input = journal.input();
    }
    list
}

fn already_given(first: &Span, span: &Span, problems: &mut Problems) {
    let (line, _) = first.file.line_column(first.start);
    let message = format!("this source is already defined in line {line}; this one is ignored");
    problems.warning("C063", span, message, "remove one of them");
}

fn one(section: &RawSection, context: &mut Context<'_>) -> Option<LogSourceConfig> {
    let frequency = section.last("frequency").and_then(|element| frequency(element, context.problems));
    let location = section.last("location").filter(|element| word(element).is_some());
    let command = section.last("command").filter(|element| word(element).is_some());
    let format = match section.last("log_format") {
        Some(element) => log_format(element, context.problems),
        None => {
            context.problems.error(
                "C060",
                section.name_span(),
                "`<localfile>` has no `<log_format>`",
                "for most files, use `syslog`",
            );
            None
        }
    };
    if location.is_none() && command.is_none() {
        let message = "`<localfile>` has no `<location>`";
        context.problems.error("C061", section.name_span(), message, "specify a file, or `<command>` for a command");
        return None;
    }
    let format = format?;
    if !matches!(format, Format::Journal) {
        journal::only_for_the_journal(section, context.problems);
    }
    match format {
        Format::Command(output) => run_command(section, command, output, frequency, context),
        Format::Journal => {
            let input = journal::read(section, location, context.problems)?;
            Some(LogSourceConfig { input, format: LogFormat::Journald })
        }
        Format::File(format) => read_file(location.or(command)?, format, context),
        Format::Windows => {
            let message = "this source is for Windows only and is ignored";
            context.problems.warning("C064", section.name_span(), message, "remove it");
            None
        }
    }
}

fn read_file(element: &Element, format: LogFormat, context: &mut Context<'_>) -> Option<LogSourceConfig> {
    let text = word(element)?;
    if element.name.value == "command" {
        let message = "without `<log_format>command</log_format>` the command is treated as a file name, as in OSSEC";
        context.problems.warning(
            "C062",
            &element.name.span,
            message,
            "use the format `command` or `full_command`, or specify a file in `<location>`",
        );
    }
    let named = text.strip_suffix("/current").is_some_and(|folder| !folder.trim_matches('/').is_empty());
    if format == LogFormat::DjbMultilog && !named {
        let message = format!("a multilog path must end with /NAME/current, found \"{text}\"");
        context.problems.error(
            "C065",
            &value_span(element),
            message,
            "specify the file `current` in the program's log directory",
        );
    }
    check_time_parts(element, text, context.problems);
    if ["/proc/", "/sys/"].iter().any(|kernel| text.starts_with(kernel)) {
        let message = "files of kernel filesystems are not log files and are not read";
        let help = "remove the section; kernel messages are in the journal and in /var/log/kern.log";
        context.problems.warning("C111", &value_span(element), message, help);
    }
    let path = context.path(text);
    if !text.starts_with('/') {
        let message = format!("this path is relative and resolves to {}", path.display());
        context.problems.warning("C140", &value_span(element), message, "use an absolute path");
    }
    // The base is a path of ours; a name in another encoding than UTF-8 has been reported as C001 text.
    let pattern = path.to_string_lossy().into_owned();
    Some(LogSourceConfig { input: LogInput::File { pattern }, format })
}

/// Warns of what only a shell could run; the collector reports the source as failed.
fn check_command_line(element: &Element, text: &str, problems: &mut Problems) {
    if let Err(error) = command_line::parse(text) {
        let message = format!("this command is not run, because no shell is ever started: {error}");
        let help = "put it into a wrapper program; words, quotes, `|` and `2>&1` are supported";
        problems.warning("C068", &value_span(element), message, help);
    }
}

/// Parts that begin with `%` are those of strftime(3).
fn check_time_parts(element: &Element, text: &str, problems: &mut Problems) {
    let now = jiff::Timestamp::UNIX_EPOCH.to_zoned(jiff::tz::TimeZone::UTC);
    if text.contains('%')
        && let Err(error) = jiff::fmt::strtime::format(text, &now)
    {
        let message = format!("the `%` parts of this location cannot be understood: {error}");
        let help = "use for example %Y-%m-%d, and `%%` for a literal `%`";
        problems.error("C067", &value_span(element), message, help);
    }
}

fn run_command(
    section: &RawSection,
    command: Option<&Element>,
    output: CommandOutput,
    frequency: Option<u64>,
    context: &mut Context<'_>,
) -> Option<LogSourceConfig> {
    let Some(text) = command.and_then(word) else {
        let message = "this source has no `<command>` and is ignored";
        context.problems.warning("C062", section.name_span(), message, "add `<command>`, or remove the section");
        return None;
    };
    if let Some(element) = command {
        check_command_line(element, text, context.problems);
    }
    let alias =
        section.last("alias").map(|element| element.text.value.as_str()).filter(|alias| !alias.trim().is_empty());
    let input = LogInput::Command {
        command_line: text.to_owned(),
        alias: alias.unwrap_or(text).replace(':', "\\"),
        every: Duration::from_secs(frequency.unwrap_or(DEFAULT_FREQUENCY)),
        output,
    };
    Some(LogSourceConfig { input, format: LogFormat::Line })
}

fn frequency(element: &Element, problems: &mut Problems) -> Option<u64> {
    let text = element.text.value.trim();
    let span = value_span(element);
    match (text, digits(text)) {
        ("hourly", _) => Some(3600),
        ("daily", _) => Some(86_400),
        (_, Some(seconds)) if (1..=u64::from(u32::MAX)).contains(&seconds) => Some(seconds),
        (_, Some(_)) => {
            problems.error(
                "C012",
                &span,
                format!("`<frequency>` must be from one second to {}, found {text}", u32::MAX),
                "",
            );
            None
        }
        _ => {
            let help = seconds_hint(text).unwrap_or_else(|| "use seconds, `hourly` or `daily`".to_owned());
            problems.error(
                "C014",
                &span,
                format!("`<frequency>` must be a number of seconds, hourly or daily, found \"{text}\""),
                &help,
            );
            None
        }
    }
}

fn log_format(element: &Element, problems: &mut Problems) -> Option<Format> {
    let name = element.text.value.trim();
    if let Some((_, format)) = LogFormat::NAMES.iter().find(|(known, _)| *known == name) {
        return Some(Format::File(*format));
    }
    Some(match name {
        "command" => Format::Command(CommandOutput::Lines),
        "full_command" => Format::Command(CommandOutput::Whole),
        "journald" => Format::Journal,
        "eventlog" | "eventchannel" => Format::Windows,
        _ => return multi_line(element, name, problems),
    })
}

/// Most lines that `multi-line:N` joins.
const MULTI_LINE_LIMIT: u64 = 1000;

/// `multi-line:N`, blanks allowed around the colon; or an unknown format.
fn multi_line(element: &Element, name: &str, problems: &mut Problems) -> Option<Format> {
    let span = value_span(element);
    if let Some(count) = name.strip_prefix("multi-line").map(str::trim_start).and_then(|rest| rest.strip_prefix(':')) {
        match digits(count.trim()).filter(|count| (1..=MULTI_LINE_LIMIT).contains(count)) {
            Some(count) => return Some(Format::File(LogFormat::MultiLine(u32::try_from(count).unwrap_or(1)))),
            None => {
                let message = format!(
                    "multi-line must be a number of lines from 1 to {MULTI_LINE_LIMIT}, found \"{}\"",
                    count.trim()
                );
                problems.error("C012", &span, message, "use for example multi-line:3");
                return None;
            }
        }
    }
    let help = match name {
        "json" => "Wazuh only; use `syslog` for files with one JSON object per line".to_owned(),
        "" => "for most files, use `syslog`".to_owned(),
        _ => {
            let formats: Vec<&str> = LogFormat::NAMES.iter().map(|(name, _)| *name).chain(OTHER_FORMATS).collect();
            let list = || format!("supported formats: {}", formats.join(", "));
            did_you_mean(name, formats.iter().copied()).unwrap_or_else(list)
        }
    };
    problems.error("C013", &span, format!("unknown log format \"{}\"", element.text.value.trim()), &help);
    None
}
