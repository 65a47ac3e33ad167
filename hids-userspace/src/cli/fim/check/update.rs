//! `--update`: what was reported is accepted, by the daemon if one runs.

use std::path::Path;

use anyhow::Context as _;

use super::failure::{Ends as _, Failure, text};
use super::source::{Origin, Source};

use crate::cli::Common;
use crate::cli::exit::CheckExit;
use crate::cli::fim::{ask_for, scan};
use crate::fim::check::{Checked, Finding};
use crate::fim::monitor;
use crate::fim::protocol::{AcceptView, FimRequest, PathText};
use crate::fim::store::StoreError;

/// Bytes of paths in one request; JSON of bytes that are no text takes four times as many.
const REQUEST_BYTES: usize = 8 << 10;

/// How many paths were accepted.
pub(super) fn accept(common: &Common, state: &Path, source: &Source, checked: &Checked) -> Result<u64, Failure> {
    if checked.findings.is_empty() {
        return Ok(0);
    }
    if source.origin == Origin::Daemon {
        return by_daemon(common, &checked.findings).ends(CheckExit::NotWritten);
    }
    monitor::accept_offline(state, &checked.findings).map_err(|error| {
        let exit = if matches!(error, StoreError::InUse { .. }) { CheckExit::InUse } else { CheckExit::NotWritten };
        Failure { exit, why: text(&error).context("the changes were reported but not accepted") }
    })
}

/// Trees that are not monitored in real time are scanned first: only what the daemon has seen can be accepted.
fn by_daemon(common: &Common, findings: &[Finding]) -> anyhow::Result<u64> {
    let mut accepted = 0;
    for paths in batches(findings) {
        scan::and_wait(common, paths.clone())?;
        let request = FimRequest::Accept { paths, packages: false };
        let (view, _) = ask_for::<AcceptView>(common, request).context("some changes were not accepted")?;
        accepted += view.accepted;
    }
    Ok(accepted)
}

fn batches(findings: &[Finding]) -> Vec<Vec<PathText>> {
    let (mut batches, mut bytes) = (vec![Vec::new()], 0);
    for finding in findings {
        bytes += finding.path.len() + 8;
        if bytes > REQUEST_BYTES {
            batches.push(Vec::new());
            bytes = finding.path.len() + 8;
        }
        if let Some(last) = batches.last_mut() {
            last.push(PathText::from(finding.path.as_slice()));
        }
    }
    batches.retain(|batch| !batch.is_empty());
    batches
}
