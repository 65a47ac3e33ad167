//! Completion in bash, zsh and fish: the shells ask this program, so that it offers what there is now.
//!
//! What cannot be read offers nothing: a shell has no place for an error.

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, Write as _};
use std::time::Duration;

use clap::builder::StyledStr;
use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use hids_core::diag::codes;
use hids_core::rules::Catalogue;
use serde_json::Value;

use super::exit::Exit;
use super::{Common, Hidsctl, output};
use crate::control::{Client, Request};
use crate::{config, ruleset};

/// The program as completion scripts start it.
const NAME: &str = "hidsctl";

/// The variable by which a shell asks; not the crate's usual name, which any program may have.
const VARIABLE: &str = "HIDSCTL_COMPLETE";

/// zsh runs the file when it is first needed: that must complete as well as register.
const FIRST_IN_ZSH: &str =
    "\nif [ \"$funcstack[1]\" = \"_hidsctl\" ]; then\n    _clap_dynamic_completer_hidsctl \"$@\"\nfi\n";

/// Blocked addresses that are offered at most.
const MOST_ADDRESSES: usize = 200;

/// How long a shell's user waits for the daemon.
const PATIENCE: Duration = Duration::from_secs(1);

/// Options of `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Shell to print the completion script for
    #[arg(value_enum)]
    shell: Shell,
}

/// A shell that completion works in.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Prints the script that makes a shell ask this program.
pub(super) fn run(args: &CompletionsArgs) -> anyhow::Result<Exit> {
    let name = match args.shell {
        Shell::Bash => "bash",
        Shell::Zsh => "zsh",
        Shell::Fish => "fish",
    };
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(name) {
        shell.write_registration(VARIABLE, NAME, NAME, NAME, &mut script)?;
    }
    if let Shell::Zsh = args.shell {
        script.extend_from_slice(FIRST_IN_ZSH.as_bytes());
    }
    let mut out = io::stdout().lock();
    out.write_all(String::from_utf8(script)?.trim_start().as_bytes())?;
    out.flush()?;
    Ok(Exit::Success)
}

/// Answers a shell that asks, and ends the program; returns if none does.
pub(super) fn answer_if_asked() {
    CompleteEnv::with_factory(Hidsctl::command).var(VARIABLE).bin(NAME).completer(NAME).complete();
}

/// Numbers of rules, with their descriptions.
pub(super) fn rules() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        // Those before a comma are there already.
        let typed = typed.to_string_lossy();
        let (before, begun) = typed.rsplit_once(',').map_or(("", &*typed), |(before, begun)| (before, begun));
        let prefix = if before.is_empty() { String::new() } else { format!("{before},") };
        let of = |catalogue: &Catalogue| -> Vec<CompletionCandidate> {
            let rules = catalogue.rules().map(|rule| (rule.facts.id.to_string(), &rule.facts.description));
            rules
                .filter(|(id, _)| id.starts_with(begun))
                .map(|(id, text)| candidate(&format!("{prefix}{id}"), text))
                .collect()
        };
        catalogue().as_ref().map_or_else(Vec::new, of)
    })
}

/// Groups of rules.
pub(super) fn groups() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy();
        let catalogue = catalogue();
        let mut groups = BTreeMap::new();
        for group in catalogue.iter().flat_map(Catalogue::rules).flat_map(|rule| rule.facts.groups()) {
            *groups.entry(group).or_insert(0u64) += 1;
        }
        let fitting = groups.iter().filter(|(group, _)| group.starts_with(&*typed));
        fitting.map(|(group, count)| candidate(group, &output::count(*count, "rule"))).collect()
    })
}

/// Addresses that are blocked now, with the reason.
pub(super) fn blocked() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy();
        let answer = blocks().unwrap_or_default();
        let blocks = answer["blocks"].as_array().map_or(&[][..], Vec::as_slice);
        let of = |block: &Value| {
            let address = block["address"].as_str().filter(|address| address.starts_with(&*typed))?;
            Some(candidate(address, block["description"].as_str().unwrap_or_default()))
        };
        blocks.iter().filter_map(of).collect()
    })
}

/// Codes of diagnostics, with what they mean.
pub(super) fn codes() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let typed = typed.to_string_lossy().to_ascii_uppercase();
        let fitting = codes::all().filter(|code| code.name.starts_with(&typed));
        fitting.map(|code| candidate(code.name, code.summary)).collect()
    })
}

/// A value and what a shell shows beside it: some of these texts are from logs.
fn candidate(value: &str, help: &str) -> CompletionCandidate {
    let help = output::visible(help.as_bytes());
    CompletionCandidate::new(value).help((!help.is_empty()).then(|| StyledStr::from(help)))
}

fn catalogue() -> Option<Catalogue> {
    let config = config::load(&typed_options().load_options(false)).config?;
    Some(Catalogue::read(&ruleset::read_sources(&config).0.rules).0)
}

fn blocks() -> Option<Value> {
    let run = config::locate(&typed_options().load_options(false)).run;
    let request = Request::BlocksList { after: None, most: Some(MOST_ADDRESSES) };
    Client::connect(&run).ok()?.with_patience(PATIENCE).ok()?.ask(&request).ok()
}

/// The options of every command, as far as they are on the line that is completed.
fn typed_options() -> Common {
    let words: Vec<OsString> = env::args_os().skip_while(|word| word != "--").skip(1).collect();
    let value_of = |names: [&str; 2]| {
        words.windows(2).find(|pair| names.iter().any(|name| pair[0] == *name)).map(|pair| pair[1].clone().into())
    };
    Common { config: value_of(["-c", "--config"]), root: value_of(["--root", "--root"]), json: false }
}
