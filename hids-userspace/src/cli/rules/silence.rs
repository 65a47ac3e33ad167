//! `hidsctl rules silence ID`: a local rule that keeps another one from alerting.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use hids_core::diag::{Diagnostic, Severity, SourceFile};
use hids_core::engine::RulesetSources;
use hids_core::model::{Level, RuleId};
use hids_core::rules::{Catalogue, RuleEntry};
use ipnet::IpNet;
use serde_json::json;

use crate::cli::exit::{BadConfiguration, Exit};
use crate::cli::{Common, messages, output, reload};
use crate::config::{self, Config};
use crate::platform::{atomic_file, clock};
use crate::ruleset;

/// Ids of rules that this command writes.
const IDS: std::ops::RangeInclusive<u32> = 100_000..=109_999;
/// The file that is written, wherever the configuration has it.
const FILE: &str = "local_rules.xml";
const FILE_MODE: u32 = 0o640;
/// Longest value or reason, in bytes.
const MOST_BYTES: usize = 500;

/// Which events are silenced.
#[derive(Debug, Default, Args)]
pub(super) struct SilenceArgs {
    /// The rule
    #[arg(value_name = "ID")]
    id: u32,
    /// Only events of this source address or network
    #[arg(long, value_name = "NETWORK", value_parser = network)]
    srcip: Option<IpNet>,
    /// Only events of this user
    #[arg(long, value_name = "NAME", value_parser = value)]
    user: Option<String>,
    /// Only events with this URL; * stands for any characters
    #[arg(long, value_name = "URL", value_parser = value)]
    url: Option<String>,
    /// Only events of this program, as it is named in the log
    #[arg(long, value_name = "NAME", value_parser = value)]
    program: Option<String>,
    /// Only events of this host, as it is named in the log
    #[arg(long, value_name = "NAME", value_parser = value)]
    hostname: Option<String>,
    /// Why, for the comment above the rule
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: Option<String>,
    /// Print the rule, but do not write it
    #[arg(long, conflicts_with = "reload")]
    dry_run: bool,
    /// Let the daemon reload its configuration
    #[arg(long)]
    reload: bool,
}

fn network(text: &str) -> Result<IpNet, String> {
    let net = text.parse::<std::net::IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    let net = net.or_else(|_| text.parse::<IpNet>()).map_err(|_| "expected an address or a network".to_owned())?;
    if net.trunc() == net { Ok(net) } else { Err(format!("{text} has bits behind the prefix; use {}", net.trunc())) }
}

fn value(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
    if text.is_empty() || text.len() > MOST_BYTES || !is_plain {
        return Err(format!("expected 1 to {MOST_BYTES} printable ASCII characters"));
    }
    Ok(text.to_owned())
}

/// Nothing that ends or begins anything in OSSEC's XML.
fn reason(text: &str) -> Result<String, String> {
    if text.len() > MOST_BYTES || text.contains("--") || text.chars().any(|c| c.is_control() || "<>&\\!".contains(c)) {
        return Err(format!("a reason has at most {MOST_BYTES} bytes and none of <, >, &, \\, ! and --"));
    }
    Ok(text.trim().to_owned())
}

/// Everything that is known before anything is written.
struct Plan {
    id: RuleId,
    file: PathBuf,
    /// The rule with its comment.
    text: String,
    /// The whole file with it.
    content: Vec<u8>,
    warnings: Vec<String>,
}

/// Silences all events of a rule; what `rules silence` says of that. The daemon has to reload.
pub(in crate::cli) fn silenced(common: &Common, id: u32) -> anyhow::Result<String> {
    let config = config::load(&common.load_options(false)).config.ok_or(BadConfiguration)?;
    let plan = plan(&config, &SilenceArgs { id, ..SilenceArgs::default() }).map_err(anyhow::Error::msg)?;
    write(&plan)?;
    let warnings = plan.warnings.iter().map(|warning| format!("warning: {warning}\n"));
    Ok(warnings.chain([plan.added()]).collect())
}

fn write(plan: &Plan) -> anyhow::Result<()> {
    atomic_file::replace_content(&plan.file, FILE_MODE, &plan.content)
        .with_context(|| format!("cannot write {}", plan.file.display()))
}

impl Plan {
    fn added(&self) -> String {
        format!("added to {}:\n{}", self.file.display(), self.text)
    }
}

/// Writes the rule.
pub(super) fn run(common: &Common, args: &SilenceArgs) -> anyhow::Result<Exit> {
    let loaded = config::load(&common.load_options(false));
    let Some(config) = loaded.config else {
        messages::diagnostics(&loaded.diagnostics);
        return Err(BadConfiguration.into());
    };
    let plan = match plan(&config, args) {
        Ok(plan) => plan,
        Err(why) => return Ok(messages::refusal(&why, None)),
    };
    plan.warnings.iter().for_each(|warning| messages::note(&format!("warning: {warning}")));
    if !args.dry_run {
        write(&plan)?;
    }
    if common.json {
        let answer = json!({
            "id": plan.id, "file": plan.file, "rule": plan.text, "warnings": plan.warnings, "written": !args.dry_run,
        });
        output::print_json(&answer)?;
    } else if args.dry_run {
        output::print(&plan.text)?;
    } else {
        let next = if args.reload { "" } else { "run `hidsctl reload` to apply it\n" };
        output::print(&(plan.added() + next))?;
    }
    if args.reload { reload::run(common) } else { Ok(Exit::Success) }
}

fn plan(config: &Config, args: &SilenceArgs) -> Result<Plan, String> {
    let (mut sources, problems) = ruleset::read_sources(config);
    let (catalogue, _) = Catalogue::read(&sources.rules);
    let errors = |problems: Vec<Diagnostic>| problems.iter().any(|problem| problem.severity == Severity::Error);
    if errors(problems) || errors(ruleset::problems_of(config, &sources)) {
        return Err("the rules have errors already; run `hidsctl check` and correct them first".into());
    }
    let rule = catalogue.rule(RuleId(args.id));
    let rule = rule.ok_or_else(|| format!("no such rule: {} (see `hidsctl rules list`)", args.id))?;
    if rule.facts.level == Level(0) || rule.only_leads {
        let children = match rule.children.is_empty() {
            true => String::new(),
            false => format!("; rules below it do (see `hidsctl rules show {}`)", args.id),
        };
        return Err(format!("rule {} raises no alert, so there is nothing to silence{children}", args.id));
    }
    let conditions = conditions(args);
    if let Some(silent) = silenced_by(&catalogue, rule, &conditions) {
        return Err(format!("rule {} is silenced already: rule {} at {}", args.id, silent.facts.id, silent.place()));
    }
    let is_ours = |path: &&PathBuf| path.file_name().is_some_and(|name| name == FILE);
    let file = config.analysis.rule_files.iter().rev().find(is_ours).cloned().ok_or_else(|| {
        format!("the configuration loads no {FILE}; add <include>{FILE}</include> or a <rule_dir> with it to <rules>")
    })?;
    let id = IDS.map(RuleId).find(|&id| catalogue.rule(id).is_none());
    let id = id.ok_or_else(|| format!("no rule id from {} to {} is free", IDS.start(), IDS.end()))?;
    let text = rule_text(id, args, &conditions);
    let content = put_in(&mut sources, &file, &text)?;
    let after = checked(config, &sources, id, rule)?;
    Ok(Plan { id, file, text, content, warnings: warnings(config, &after, rule, id, conditions.is_empty()) })
}

/// The elements of the new rule besides `if_sid`.
fn conditions(args: &SilenceArgs) -> Vec<(&'static str, String)> {
    let exactly = |text: &String| whole(&literal(text));
    let with_wildcards = |text: &String| whole(&text.split('*').map(literal).collect::<Vec<_>>().join(".*"));
    let address = args.srcip.as_ref().map(|net| match net.prefix_len() == net.max_prefix_len() {
        true => net.addr().to_string(),
        false => net.to_string(),
    });
    [
        ("srcip", address),
        ("user_pcre2", args.user.as_ref().map(exactly)),
        ("url_pcre2", args.url.as_ref().map(with_wildcards)),
        ("program_name_pcre2", args.program.as_ref().map(exactly)),
        ("hostname_pcre2", args.hostname.as_ref().map(exactly)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

/// A pattern of the whole value. OSSEC's patterns ignore case, and more would be silenced than was asked for.
fn whole(pattern: &str) -> String {
    format!("(?-i)^{pattern}\\z")
}

/// A PCRE2 pattern of exactly this text, without a character that means anything in XML.
fn literal(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'/' | b'@' | b':' | b'=' => out.push(byte.into()),
            b'.' => out.push_str("\\."),
            _ => _ = write!(out, "\\x{byte:02x}"),
        }
        out
    })
}

fn rule_text(id: RuleId, args: &SilenceArgs, conditions: &[(&str, String)]) -> String {
    let today = clock::now().in_zone(&jiff::tz::TimeZone::system()).strftime("%F").to_string();
    let why = args.reason.as_deref().filter(|why| !why.is_empty()).unwrap_or("no reason given");
    let mut text = format!(
        "<!-- {today}, hidsctl rules silence: {why} -->\n<group name=\"local,silenced,\">\n  \
         <rule id=\"{id}\" level=\"0\">\n    <if_sid>{}</if_sid>\n",
        args.id
    );
    for (name, value) in conditions {
        let _ = writeln!(text, "    <{name}>{value}</{name}>");
    }
    let _ = write!(text, "    <description>Silenced: rule {}.</description>\n  </rule>\n</group>\n", args.id);
    text
}

/// A rule of level 0 below `rule` that has no other conditions than these, or none at all.
fn silenced_by<'a>(catalogue: &'a Catalogue, rule: &RuleEntry, conditions: &[(&str, String)]) -> Option<&'a RuleEntry> {
    const OTHER: [&str; 6] = ["if_sid", "description", "group", "info", "mitre", "options"];
    rule.children.iter().filter_map(|&id| catalogue.rule(id)).find(|child| {
        let mut asked = child.elements.iter().filter(|element| !OTHER.contains(&element.name.as_str()));
        let is_wanted =
            |name: &str, value: &str| conditions.iter().any(|(known, wanted)| *known == name && wanted == value);
        child.facts.level == Level(0)
            && !child.only_leads
            && child.counts.is_none()
            && child.elements.iter().any(|element| element.name == "if_sid")
            && asked.all(|element| element.attributes.is_empty() && is_wanted(&element.name, &element.value))
    })
}

/// Appends the rule to its file among the sources; the new content of the file.
fn put_in(sources: &mut RulesetSources, file: &std::path::Path, text: &str) -> Result<Vec<u8>, String> {
    let name = file.to_string_lossy();
    let source = sources.rules.iter_mut().find(|source| source.name == name);
    let source = source.ok_or_else(|| format!("{} cannot be read", file.display()))?;
    let mut content = source.text.clone();
    if content.last().is_some_and(|&byte| byte != b'\n') {
        content.push(b'\n');
    }
    content.push(b'\n');
    content.extend_from_slice(text.as_bytes());
    *source = SourceFile::new(name, content.clone());
    Ok(content)
}

/// The rules with the new one, if they can be used and the new one stands where it should.
fn checked(config: &Config, sources: &RulesetSources, id: RuleId, rule: &RuleEntry) -> Result<Catalogue, String> {
    let problems = ruleset::problems_of(config, sources);
    let errors: Vec<_> = problems.iter().filter(|problem| problem.severity == Severity::Error).collect();
    if let Some(first) = errors.first() {
        return Err(format!(
            "with this rule the ruleset could not be used, so nothing was written:\n{}",
            first.render()
        ));
    }
    let (catalogue, _) = Catalogue::read(&sources.rules);
    let stands = catalogue.rule(id).is_some_and(|new| new.parents == [rule.facts.id] && new.facts.level == Level(0));
    if !stands {
        return Err(format!("the end of {FILE} is inside a comment or an element; nothing was written"));
    }
    Ok(catalogue)
}

/// What else changes.
fn warnings(config: &Config, after: &Catalogue, rule: &RuleEntry, new: RuleId, all: bool) -> Vec<String> {
    let id = rule.facts.id;
    let mut warnings = Vec::new();
    if all {
        warnings
            .push(format!("all events of rule {id} are silenced; limit this with --srcip, --user, --url or --program"));
    }
    let responses = |rule: &RuleEntry| {
        let bound = config.respond.responses.iter().filter(|response| response.is_bound_to(&rule.facts));
        let mut names: Vec<&str> = bound.map(|response| response.name.as_str()).collect();
        names.dedup();
        names.join(", ")
    };
    let bound = responses(rule);
    if !bound.is_empty() {
        warnings.push(format!("the silenced events no longer start the active response {bound}"));
    }
    for counting in after.rules().filter(|other| other.counts.is_some() && counts(other, rule)) {
        let bound = responses(counting);
        let starts = if bound.is_empty() { String::new() } else { format!(", which starts {bound}") };
        let facts = &counting.facts;
        warnings
            .push(format!("rule {} (level {}) no longer counts the silenced events{starts}", facts.id, facts.level));
    }
    if rule.counts.is_some() {
        warnings.push(format!("rule {id} counts other events; the alerts of these stay"));
    }
    let children = after.rule(id).map_or(&[][..], |rule| &rule.children);
    let earlier = children.iter().take_while(|&&child| child != new).filter_map(|&child| after.rule(child));
    for other in earlier.filter(|other| other.facts.level > Level(0) && other.counts.is_none()) {
        warnings.push(format!("rule {} is tried before it and still alerts", other.facts.id));
    }
    warnings
}

/// Whether a composite rule counts events of `rule`.
fn counts(composite: &RuleEntry, rule: &RuleEntry) -> bool {
    composite.elements.iter().any(|element| match element.name.as_str() {
        "if_matched_sid" => element.value.split([',', ' ']).any(|sid| sid.trim().parse() == Ok(rule.facts.id.0)),
        "if_matched_group" => rule.facts.group.contains(element.value.trim()),
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_match_themselves_only() {
        let args = |url: &str| SilenceArgs {
            id: 1,
            srcip: None,
            user: None,
            url: Some(url.into()),
            program: None,
            hostname: None,
            reason: None,
            dry_run: true,
            reload: false,
        };
        let pattern = |url: &str| conditions(&args(url)).remove(0).1;
        assert_eq!(pattern("/a.php?x=1"), "(?-i)^/a\\.php\\x3fx=1\\z");
        assert_eq!(pattern("/static/*"), "(?-i)^/static/.*\\z");
        assert!(value("a\nb").is_err() && value("").is_err() && value("j\u{f6}rg").is_err());
        assert!(reason("-->").is_err() && reason("a !> b").is_err() && reason("our scanner, ticket 12").is_ok());
        assert!(network("10.0.0.1/8").is_err());
    }

    proptest! {
        #[test]
        fn any_value_is_a_literal_pattern(text in "[ -~]{1,40}", other in "[ -~]{1,40}") {
            let pattern = hids_core::pattern::Pattern::pcre2(&whole(&literal(&text))).expect("a pattern");
            prop_assert!(pattern.is_match(text.as_bytes()));
            prop_assert!(text == other || !pattern.is_match(other.as_bytes()));
            prop_assert!(!literal(&text).contains(['<', '>', '&', '"', '\'']));
        }
    }
}
