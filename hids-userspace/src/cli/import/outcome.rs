//! What all imports have in common: the configuration that they change, and what they say.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::super::exit::Exit;
use super::super::proposal::{self, Consent, Proposal, Settled};
use super::super::{Common, messages, output};
use super::How;
use crate::adopt::draft::{Draft, DraftError};
use crate::adopt::translated::Translated;
use crate::config::{self, LoadOptions};

/// The configuration that an import changes.
pub(super) struct Target {
    /// Where it is.
    pub path: PathBuf,
    /// Its present text.
    pub old: Vec<u8>,
    /// The text that is made.
    pub draft: Draft,
    /// Loads it.
    pub options: LoadOptions,
}

/// Reads the configuration that the daemon would read.
pub(super) fn target(common: &Common) -> anyhow::Result<Target> {
    let path = config::find_config(common.config.as_deref())
        .filter(|path| path.symlink_metadata().is_ok())
        .context("no configuration found; create one with `hidsctl setup`")?;
    let old = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let draft = match Draft::new(old.clone()) {
        Err(DraftError::Malformed(diagnostics)) => {
            messages::diagnostics(&diagnostics);
            bail!("{} has errors; correct them first (hidsctl check)", path.display())
        }
        draft => draft.with_context(|| format!("cannot change {}", path.display()))?,
    };
    let options = LoadOptions { config: Some(path.clone()), ..LoadOptions::default() };
    Ok(Target { path, old, draft, options })
}

/// The directory or file of an argument, as an absolute path in text.
pub(super) fn absolute(path: &Path) -> anyhow::Result<String> {
    let absolute = std::path::absolute(path).with_context(|| format!("invalid path {}", path.display()))?;
    Ok(absolute.to_str().with_context(|| format!("{} is not UTF-8", path.display()))?.to_owned())
}

/// Whether an import may write.
pub(super) fn consent(common: &Common, how: &How) -> Consent {
    if common.json && !how.yes { Consent::Print } else { Consent::new(how.yes, how.dry_run) }
}

/// Shows, checks and writes; the answer of the command.
pub(super) fn finish(
    common: &Common,
    how: &How,
    target: &Target,
    proposal: &Proposal,
    report: &Translated,
) -> anyhow::Result<Exit> {
    if !common.json {
        output::print(&listed(report))?;
    }
    let settled = proposal::settle(proposal, &target.options, consent(common, how), !common.json)?;
    if common.json {
        let not = report.not.iter().map(|(what, why)| json!({ "what": what, "reason": why }));
        let (kept, errors) = match &settled {
            Settled::Written(kept) => (json!(kept), json!([])),
            Settled::Refused(errors) => (json!([]), errors.iter().map(messages::diagnostic_json).collect()),
            _ => (json!([]), json!([])),
        };
        output::print_json(&json!({
            "translated": report.done,
            "not_translated": not.collect::<Vec<_>>(),
            "omitted": report.omitted,
            "diff": proposal.diff(),
            "written": matches!(settled, Settled::Written(_)),
            "kept": kept,
            "errors": errors,
        }))?;
    } else {
        say(&settled)?;
    }
    Ok(if matches!(settled, Settled::Refused(_)) { Exit::No } else { Exit::Success })
}

fn listed(report: &Translated) -> String {
    let visible = |text: &str| output::visible(text.as_bytes());
    let mut text = String::from("translated:\n");
    report.done.iter().for_each(|line| text.push_str(&format!("  {}\n", visible(line))));
    if report.done.is_empty() {
        text.push_str("  nothing\n");
    }
    if !report.not.is_empty() {
        text.push_str("\nnot translated:\n");
        report.not.iter().for_each(|(what, why)| text.push_str(&format!("  {}: {why}\n", visible(what))));
    }
    if report.omitted > 0 {
        text.push_str(&format!("  and {} more\n", report.omitted));
    }
    text
}

fn say(settled: &Settled) -> anyhow::Result<()> {
    match settled {
        Settled::Unchanged => output::print("\nthe configuration needs no change\n"),
        Settled::Shown => output::print("\nnothing was changed; --yes writes the changes\n"),
        Settled::Written(kept) => {
            let kept = kept.iter().map(|path| output::visible(path.display().to_string().as_bytes()));
            output::print(&format!(
                "\nwritten; previous files: {}\nnext: hidsctl check; systemctl reload hidsd\n",
                kept.collect::<Vec<_>>().join(", ")
            ))
        }
        Settled::Refused(errors) => {
            messages::diagnostics(errors);
            messages::refusal("the new configuration would have errors; nothing was changed", None);
            Ok(())
        }
    }
}
