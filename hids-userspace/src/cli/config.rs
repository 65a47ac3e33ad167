//! `hidsctl config`: what is in force, and what options mean.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::exit::{BadConfiguration, Exit};
use super::{Common, messages, output};
use crate::config::effective::{self, OptionFacts, Setting, Support};

/// Arguments of `hidsctl config`.
#[derive(Debug, Args)]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show all options in force with their location, defaults included
    Show(ShowArgs),
    /// Print the value of an option
    Get(NameArgs),
    /// Explain an option: meaning, default and range
    Explain(NameArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Only options of this section, such as syscheck
    #[arg(value_name = "SECTION")]
    section: Option<String>,
}

#[derive(Debug, Args)]
struct NameArgs {
    /// The option, such as syscheck.frequency or `localfile[2].location`
    #[arg(value_name = "OPTION")]
    option: String,
}

/// Runs one of the commands.
pub(super) fn run(common: &Common, args: &ConfigArgs) -> anyhow::Result<Exit> {
    match &args.command {
        Command::Show(args) => show(common, args),
        Command::Get(args) => get(common, &args.option),
        Command::Explain(args) => explain(common, &args.option),
    }
}

fn settings(common: &Common) -> anyhow::Result<Vec<Setting>> {
    effective::settings(&common.load_options(false)).map_err(|diagnostics| {
        messages::diagnostics(&diagnostics);
        BadConfiguration.into()
    })
}

fn show(common: &Common, args: &ShowArgs) -> anyhow::Result<Exit> {
    let mut settings = settings(common)?;
    if let Some(section) = &args.section {
        if effective::section_facts(section).is_none() {
            return Ok(unknown(section, "`hidsctl config show` lists all options in force"));
        }
        settings.retain(|setting| setting.section == section);
    }
    if common.json {
        output::print_json(&settings.iter().map(to_json).collect())?;
        return Ok(Exit::Success);
    }
    let line = |setting: &Setting| format!("{} = {}  # {}\n", setting.name(), valued(setting), placed(setting));
    output::print(&settings.iter().map(line).collect::<String>())?;
    Ok(Exit::Success)
}

fn get(common: &Common, name: &str) -> anyhow::Result<Exit> {
    if let Err(help) = effective::facts(name) {
        return Ok(unknown(name, &help));
    }
    let is_it = |setting: &Setting| {
        let plain = format!("{}.{}", setting.section, setting.option);
        setting.name() == name || plain == name || setting.option == name
    };
    let found: Vec<Setting> = settings(common)?.into_iter().filter(is_it).collect();
    if common.json {
        output::print_json(&found.iter().map(to_json).collect())?;
    } else {
        let line = |setting: &Setting| format!("{}\n", output::visible(setting.value.as_bytes()));
        output::print(&found.iter().map(line).collect::<String>())?;
    }
    if found.is_empty() {
        return Ok(messages::refusal(&format!("{} is not set and has no default", shown(name)), None));
    }
    Ok(Exit::Success)
}

fn explain(common: &Common, name: &str) -> anyhow::Result<Exit> {
    if let Some((text, options)) = effective::section_facts(name) {
        if common.json {
            let options: Vec<Value> = options.iter().map(facts_json).collect();
            output::print_json(&json!({ "section": name, "text": text, "options": options }))?;
        } else {
            let line = |facts: &OptionFacts| format!("  {:<24} {}\n", facts.name, first_sentence(&facts.text));
            output::print(&format!("<{name}>\n\n{text}\n\n{}", options.iter().map(line).collect::<String>()))?;
        }
        return Ok(Exit::Success);
    }
    let found = match effective::facts(name) {
        Ok(found) => found,
        Err(help) => return Ok(unknown(name, &help)),
    };
    if common.json {
        output::print_json(&found.iter().map(facts_json).collect())?;
    } else {
        output::print(&found.iter().map(facts_text).collect::<Vec<_>>().join("\n"))?;
    }
    Ok(Exit::Success)
}

fn unknown(name: &str, help: &str) -> Exit {
    messages::refusal(&format!("there is no option or section \"{}\"", shown(name)), Some(help))
}

fn shown(name: &str) -> String {
    output::visible(name.as_bytes())
}

fn valued(setting: &Setting) -> String {
    let attributes: String = setting.attributes.iter().map(|(name, value)| format!("[{name}=\"{value}\"] ")).collect();
    output::visible(format!("{attributes}{}", setting.value).as_bytes())
}

fn placed(setting: &Setting) -> String {
    match &setting.place {
        Some((file, line)) => output::visible(format!("{file}:{line}").as_bytes()),
        None => "default".to_owned(),
    }
}

fn to_json(setting: &Setting) -> Value {
    let attributes = setting.attributes.iter().map(|(name, value)| (name.clone(), json!(value)));
    json!({
        "option": setting.name(),
        "value": setting.value,
        "attributes": attributes.collect::<serde_json::Map<_, _>>(),
        "file": setting.place.as_ref().map(|(file, _)| file),
        "line": setting.place.as_ref().map(|(_, line)| line),
        "is_default": setting.place.is_none(),
    })
}

fn facts_json(facts: &OptionFacts) -> Value {
    let (supported, reason) = match facts.support {
        Support::Yes => (true, None),
        Support::No(why) => (false, Some(why)),
    };
    json!({
        "option": format!("{}.{}", facts.section, facts.name),
        "value": facts.wants,
        "repeatable": facts.repeats,
        "default": facts.default,
        "supported": supported,
        "reason": reason,
        "text": facts.text,
    })
}

fn facts_text(facts: &OptionFacts) -> String {
    let support = match facts.support {
        Support::Yes => "yes".to_owned(),
        Support::No(why) => format!("no: {why}"),
    };
    let repeats = if facts.repeats { " (repeatable)" } else { "" };
    format!(
        "{}.{}\n  value:     {}{repeats}\n  default:   {}\n  supported: {support}\n\n{}\n",
        facts.section,
        facts.name,
        facts.wants,
        facts.default.as_deref().unwrap_or("none"),
        facts.text
    )
}

fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or_default();
    line.find(". ").map_or(line, |end| &line[..=end])
}
