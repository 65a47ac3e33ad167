//! `hidsctl import fail2ban`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::super::exit::Exit;
use super::super::proposal::Proposal;
use super::Fail2banArgs;
use super::outcome::{self, Target};
use crate::adopt::fail2ban::{self, Wanted};
use crate::adopt::system::System;
use crate::adopt::thresholds::{self, Overwritten};
use crate::adopt::translated::Translated;
use crate::cli::Common;
use crate::config::{self, Overlay};
use crate::ruleset;

/// Where rules of the administrator are.
const LOCAL_RULES: &str = "local_rules.xml";

/// Translates the enabled jails.
pub(super) fn run(common: &Common, args: &Fail2banArgs) -> anyhow::Result<Exit> {
    let directory = outcome::absolute(&args.directory)?;
    let system = System::new(Path::new("/")).context("cannot look at the system")?;
    let jails = fail2ban::read(&system, &directory)
        .with_context(|| format!("no readable jail.conf or jail.local in {directory}"))?;
    let mut target = outcome::target(common)?;
    let mut report = Translated::default();
    let wanted = fail2ban::translate(&jails, &system, &mut target.draft, &mut report)
        .with_context(|| format!("cannot change {}", target.path.display()))?;
    let mut proposal = Proposal::default();
    if let Some((path, old, new)) = rules(&target, &wanted, &mut report) {
        proposal.add(&path, old, new);
    }
    proposal.add(&target.path, target.old.clone(), target.draft.text().to_vec());
    outcome::finish(common, &args.how, &target, &proposal, &report)
}

/// The file of custom rules with the thresholds: its path, its old and its new text.
fn rules(target: &Target, wanted: &[Wanted], report: &mut Translated) -> Option<(PathBuf, Vec<u8>, Vec<u8>)> {
    let loaded = config::load_with(&target.options, &Overlay::new());
    let Some(config) = loaded.config else {
        report.not("maxretry, findtime", "the configuration has errors, so the rules are not known");
        return None;
    };
    let (sources, _) = ruleset::read_sources(&config);
    let is_local = |path: &&PathBuf| path.file_name().is_some_and(|name| name == LOCAL_RULES);
    let Some(path) = config.analysis.rule_files.iter().rfind(is_local) else {
        report.not("maxretry, findtime", "no local_rules.xml is loaded; create it with `hidsctl setup`");
        return None;
    };
    let old = std::fs::read(path).ok()?;
    let mut new = old.clone();
    if !new.is_empty() && !new.ends_with(b"\n") {
        new.push(b'\n');
    }
    for one in wanted {
        let threshold = one.threshold;
        let said = format!("rule {}: {} events within {} seconds", one.rule, threshold.events, threshold.seconds);
        match thresholds::overwrite(&sources.rules, one.rule, threshold) {
            Overwritten::Text(text) => {
                new.extend_from_slice(b"\n<!-- Threshold of fail2ban's jail ");
                new.extend(one.jail.bytes().filter(|byte| byte.is_ascii_alphanumeric() || *byte == b'_'));
                new.extend_from_slice(b" (hidsctl import). -->\n");
                new.extend_from_slice(text.as_bytes());
                report.done(format!("{said} ([{}])", one.jail));
            }
            Overwritten::Same => {}
            Overwritten::Not(why) => report.not(format!("[{}] {said}", one.jail), why),
        }
    }
    let changed = new.len() > old.len() + 1;
    Some((path.clone(), old.clone(), if changed { new } else { old }))
}
