//! `hidsctl setup`: a configuration that fits the machine.
//!
//! Missing files are created; what is found on the machine and missing in ossec.conf is proposed, and written with
//! the administrator's consent.

mod create;
mod report;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::exit::Exit;
use super::proposal::{self, Consent, Proposal, Settled};
use super::{Common, messages, output};
use crate::adopt::draft::{Draft, DraftError};
use crate::adopt::findings::{self, Findings};
use crate::adopt::system::System;
use crate::config::{self, LoadOptions, is_mail_address};

/// Arguments of `hidsctl setup`.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Write the changes without asking
    #[arg(short, long)]
    yes: bool,
    /// Use DIR instead of / (for images and packages)
    #[arg(long, value_name = "DIR", default_value = "/")]
    destdir: PathBuf,
    /// Only create missing files, and print their names
    #[arg(short, long, conflicts_with = "yes")]
    quiet: bool,
}

/// Where the configuration is, below the root of the system.
const PLACES: [&str; 2] = ["var/ossec/etc/ossec.conf", "etc/hids/ossec.conf"];

/// Creates what is missing, then proposes what fits the machine.
pub(super) fn run(common: &Common, args: &SetupArgs) -> anyhow::Result<Exit> {
    let files = create::missing_files(&args.destdir)?;
    if args.quiet {
        report::files(common, &files, true)?;
        return Ok(Exit::Success);
    }
    if !common.json {
        report::files(common, &files, false)?;
    }
    let options = LoadOptions { config: Some(configuration(common, &args.destdir)?), ..LoadOptions::default() };
    let path = options.config.clone().unwrap_or_default();
    let system = System::new(&args.destdir)
        .with_context(|| format!("cannot look below {}: no readable directory", args.destdir.display()))?;
    let old = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let found = findings::look(&system);
    let consent = if common.json && !args.yes { Consent::Print } else { Consent::new(args.yes, false) };
    let Some((draft, changes)) = drafted(old.clone(), &found, consent, &path)? else { return Ok(Exit::No) };
    if !common.json {
        output::print(&report::found(&found, &changes, &draft))?;
    }
    let mut proposal = Proposal::default();
    proposal.add(&path, old, draft.text().to_vec());
    let settled = proposal::settle(&proposal, &options, consent, !common.json)?;
    if common.json {
        report::json(&files, &found, &changes, &proposal, &settled)?;
    } else {
        report::outcome(&path, &settled, &found)?;
    }
    Ok(if matches!(settled, Settled::Refused(_)) { Exit::No } else { Exit::Success })
}

/// The file to change: that of another root, or the one that the daemon would read.
fn configuration(common: &Common, destdir: &Path) -> anyhow::Result<PathBuf> {
    if destdir == Path::new("/") {
        return config::find_config(common.config.as_deref()).context("no configuration found");
    }
    let places = PLACES.map(|place| destdir.join(place));
    places.into_iter().find(|place| place.is_file()).context("no configuration found")
}

/// The new text with a line for each change; `None` if the old one cannot be changed, which is printed.
fn drafted(
    old: Vec<u8>,
    found: &Findings,
    consent: Consent,
    path: &Path,
) -> anyhow::Result<Option<(Draft, Vec<String>)>> {
    let made = Draft::new(old).and_then(|mut draft| {
        let changes = findings::apply(found, &mut draft)?;
        Ok((draft, changes))
    });
    match made {
        Ok((mut draft, mut changes)) => {
            if consent == Consent::Ask {
                changes.extend(asked(found, &mut draft)?);
            }
            Ok(Some((draft, changes)))
        }
        Err(DraftError::Malformed(diagnostics)) => {
            messages::diagnostics(&diagnostics);
            let help = Some("correct them first; hidsctl check lists all");
            messages::refusal(&format!("{} has errors", path.display()), help);
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot change {}", path.display())),
    }
}

/// What only a person can decide: networks, and an address for mail if none was found.
fn asked(found: &Findings, draft: &mut Draft) -> anyhow::Result<Vec<String>> {
    let mut changes = Vec::new();
    for network in report::suggested_networks(found, draft) {
        let question = format!("Never block addresses in {network}, to which this host is connected?");
        if proposal::is_confirmed(&question)? && findings::never_block(draft, &network)? {
            changes.push(format!("never block {network} (connected network)"));
        }
    }
    if findings::wants_mail(draft) {
        let server = if found.has_mail_server { "" } else { " (no local mail server: <smtp_server> must be set)" };
        let answer = proposal::ask(&format!("Send alerts by mail to which address?{server} [none]"))?;
        if is_mail_address(&answer) {
            findings::mail_to(draft, &answer, found.host_name.as_deref())?;
            changes.push(format!("send mail to {answer}"));
        } else if !answer.is_empty() {
            let shown = output::visible(answer.as_bytes());
            messages::note(&format!("\"{shown}\" is no mail address; mail stays off"));
        }
    }
    Ok(changes)
}
