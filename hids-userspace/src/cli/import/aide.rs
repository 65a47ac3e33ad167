//! `hidsctl import aide`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::Common;
use super::super::exit::Exit;
use super::super::proposal::Proposal;
use super::AideArgs;
use super::outcome;
use crate::adopt::aide;
use crate::adopt::system::System;
use crate::adopt::translated::Translated;

/// Where the configuration is on Debian, and on RHEL.
const PLACES: [&str; 2] = ["/etc/aide/aide.conf", "/etc/aide.conf"];

/// Translates the selections.
pub(super) fn run(common: &Common, args: &AideArgs) -> anyhow::Result<Exit> {
    let system = System::new(Path::new("/")).context("cannot look at the system")?;
    let usual = || PLACES.iter().find(|place| system.has_file(place)).map(PathBuf::from);
    let file = args.file.clone().or_else(usual).with_context(|| format!("neither {} exists", PLACES.join(" nor ")))?;
    let path = outcome::absolute(&file)?;
    let mut target = outcome::target(common)?;
    let mut report = Translated::default();
    let selections = aide::read(&system, &path, &mut report).with_context(|| format!("cannot read {path}"))?;
    aide::translate(&selections, &system, &mut target.draft, &mut report)
        .with_context(|| format!("cannot change {}", target.path.display()))?;
    let mut proposal = Proposal::default();
    proposal.add(&target.path, target.old.clone(), target.draft.text().to_vec());
    outcome::finish(common, &args.how, &target, &proposal, &report)
}
