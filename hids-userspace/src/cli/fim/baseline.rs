//! `hidsctl fim export`, `hidsctl fim verify` and the comparison with an export.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::json;

use super::entry::entry_line;
use super::{absolute, ask_for, shown};
use crate::accounts::Names;
use crate::cli::exit::{Exit, WrongUsage};
use crate::cli::{Common, output, times};
use crate::config;
use crate::fim::export::{self, ExportError, ExportKey, PublicKey};
use crate::fim::protocol::{CompareView, ExportView, FimRequest, PathText, VerifyView};
use crate::fim::queries::EXPORT_KEY;

/// Where to.
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Output file; must not exist
    file: PathBuf,
}

/// What to check.
#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Exported copy to check instead of the baseline of this host
    file: Option<PathBuf>,
    /// Public key of the exporting host, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", requires = "file")]
    key: Option<String>,
}

/// Lets the daemon write a signed copy.
pub(super) fn export(common: &Common, args: &ExportArgs) -> anyhow::Result<Exit> {
    let (view, answer) = ask_for::<ExportView>(common, FimRequest::Export { file: absolute(&args.file)? })?;
    if common.json {
        output::print_json(&answer)?;
        return Ok(Exit::Success);
    }
    let new = if view.key_is_new { " (newly generated; store it on another host)" } else { "" };
    output::print(&format!("{} entries exported\npublic key {}{new}\n", view.entries, view.public_key))?;
    Ok(Exit::Success)
}

/// Checks; 1 when something is wrong.
pub(super) fn verify(common: &Common, args: &VerifyArgs) -> anyhow::Result<Exit> {
    if let Some(file) = &args.file {
        return verify_export(common, file, args.key.as_deref());
    }
    let (view, answer) = ask_for::<VerifyView>(common, FimRequest::Verify)?;
    if common.json {
        output::print_json(&answer)?;
    } else {
        output::print(&text(&view))?;
    }
    Ok(if view.sound { Exit::Success } else { Exit::No })
}

/// Needs neither the daemon nor the baseline.
fn verify_export(common: &Common, file: &Path, key: Option<&str>) -> anyhow::Result<Exit> {
    let key = trusted(common, key)?;
    let input = File::open(file).with_context(|| format!("cannot open {}", file.display()))?;
    let (line, exit) = match export::check(BufReader::new(input), &key) {
        Ok(report) => {
            let host = output::visible(&report.header.host);
            let created = report.header.created.rfc3339(&TimeZone::system());
            (json!({ "valid": true, "entries": report.entries, "host": host, "created": created }), Exit::Success)
        }
        Err(error @ ExportError::Read(_)) => return Err(error.into()),
        Err(error) => (json!({ "valid": false, "error": error.to_string() }), Exit::No),
    };
    let word = |name: &str| line[name].as_str().unwrap_or_default();
    if common.json {
        output::print_json(&line)?;
    } else if exit == Exit::Success {
        let entries = &line["entries"];
        let created = times::local(word("created"));
        let text = format!("signature valid: {entries} entries, host {}, created {created}\n", word("host"));
        output::print(&text)?;
    } else {
        output::print(&format!("VERIFICATION FAILED: {}\n", word("error")))?;
    }
    Ok(exit)
}

/// The key to verify with: the given one, otherwise that of this host.
pub(super) fn trusted(common: &Common, key: Option<&str>) -> anyhow::Result<PublicKey> {
    if let Some(key) = key {
        return key.parse().context(WrongUsage);
    }
    let path = config::locate(&common.load_options(false)).state.join(EXPORT_KEY);
    let Some(key) = ExportKey::load(&path)? else {
        bail!("no export key on this host; specify the public key of the exporting host with --key HEX");
    };
    Ok(key.public())
}

fn text(view: &VerifyView) -> String {
    let state = if view.sound { "baseline verified: not modified" } else { "BASELINE MODIFIED" };
    let mut out = format!(
        "{state}: {} entries, {} history records, commit {}, head {}\n",
        view.entries, view.notices, view.commit, view.head
    );
    view.problems.iter().for_each(|what| out.push_str(&format!("  {}\n", output::visible(what.as_bytes()))));
    view.paths.iter().for_each(|path| out.push_str(&format!("  modified: {}\n", shown(path))));
    out
}

/// Shows differences from an export of this host; 1 when there are any.
pub(super) fn compare(common: &Common, file: &Path, below: &PathText) -> anyhow::Result<Exit> {
    let request = FimRequest::Compare { file: absolute(file)?, below: below.clone() };
    let (view, answer) = ask_for::<CompareView>(common, request)?;
    let exit = if view.differences.is_empty() { Exit::Success } else { Exit::No };
    if common.json {
        output::print_json(&answer)?;
        return Ok(exit);
    }
    let names = Names::load();
    for difference in &view.differences {
        output::print(&format!("- {}", entry_line(&difference.path, difference.exported.as_ref(), &names)))?;
        output::print(&format!("+ {}", entry_line(&difference.path, difference.now.as_ref(), &names)))?;
    }
    if view.more {
        output::print("output truncated; specify a directory to see the rest\n")?;
    }
    Ok(exit)
}
