//! Looks whether others could change what the configuration consists of: its files, and the programs
//! of active responses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use hids_core::diag::Diagnostic;

use super::types::{Config, ResponseKind};
use crate::trust::{self, Distrust, Program};

/// A warning for each file or directory at fault, however many files it concerns.
pub(super) fn warnings(config: &Config) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let analysis = &config.analysis;
    let lists = analysis.lists.iter().map(|(_, path)| path);
    let files = [&config.paths.config_file].into_iter().chain(&analysis.decoder_files).chain(&analysis.rule_files);
    let faults = files.chain(lists).filter_map(|path| Some((path, trust::file(path).err()?)));
    for (at, (distrust, concerned)) in gathered(faults) {
        // Said with its place already (C125).
        if at == config.paths.config_file && matches!(distrust, Distrust::Everybody { .. }) {
            continue;
        }
        let text = format!("{distrust}: it controls which programs run as root and which addresses are blocked");
        found.push(warning("C125", text, &at, &concerned, &distrust));
    }
    let programs = config.respond.responses.iter().filter_map(|response| match &response.kind {
        ResponseKind::Program(path) => Some(path),
        ResponseKind::Block | ResponseKind::Reload => None,
    });
    for (at, (distrust, concerned)) in gathered(programs.filter_map(|path| Some((path, Program::open(path).err()?)))) {
        let text = format!("{distrust}: the active response that runs it as root is disabled");
        found.push(warning("C126", text, &at, &concerned, &distrust));
    }
    found
}

/// Faults of rights by the place that is at fault, each with the files that it concerns.
fn gathered<'a>(
    faults: impl Iterator<Item = (&'a PathBuf, Distrust)>,
) -> BTreeMap<PathBuf, (Distrust, Vec<&'a PathBuf>)> {
    let mut places = BTreeMap::new();
    for (path, distrust) in faults.filter(|(_, distrust)| distrust.is_of_rights()) {
        let (_, concerned) = places.entry(distrust.path().to_owned()).or_insert_with(|| (distrust, Vec::new()));
        concerned.push(path);
    }
    places
}

fn warning(code: &'static str, text: String, at: &Path, concerned: &[&PathBuf], distrust: &Distrust) -> Diagnostic {
    let others = match concerned {
        [one] if one.as_path() == at => String::new(),
        [one] => format!("; it is a link to {}", one.display()),
        [first, rest @ ..] => format!("; it is a link to {} and {} more", first.display(), rest.len()),
        [] => String::new(),
    };
    let warning = Diagnostic::warning(code, text + &others);
    match distrust.remedy() {
        Some(remedy) => warning.help(remedy),
        None => warning,
    }
}
