//! `<rootcheck>`.

use std::path::PathBuf;
use std::time::Duration;

use super::Context;
use crate::config::RootcheckConfig;
use crate::config::known::SectionKind::Rootcheck;
use crate::config::value::{word, yes_no};

/// As OSSEC's installer writes it; its code has 72000.
const DEFAULT_FREQUENCY: u64 = 36_000;

pub(super) fn resolve(context: &Context<'_>) -> RootcheckConfig {
    let path = |name| context.word(Rootcheck, name).and_then(word).map(|text| context.path(text));
    let paths = |name| -> Vec<PathBuf> {
        context.raw.all(Rootcheck, name).filter_map(word).map(|text| context.path(text)).collect()
    };
    let mut switched_off: Vec<String> = Vec::new();
    for (spec, element) in context.raw.of(Rootcheck).flat_map(|section| section.options()) {
        if spec.name.starts_with("check_") {
            switched_off.retain(|name| name != spec.name);
            if yes_no(element) == Some(false) {
                switched_off.push(spec.name.to_owned());
            }
        }
    }
    RootcheckConfig {
        disabled: context.yes_no(Rootcheck, "disabled", false),
        frequency: Duration::from_secs(context.number(Rootcheck, "frequency").unwrap_or(DEFAULT_FREQUENCY)),
        scan_all: context.yes_no(Rootcheck, "scanall", false),
        read_all: context.yes_no(Rootcheck, "readall", false),
        skip_nfs: context.yes_no(Rootcheck, "skip_nfs", false),
        base_directory: path("base_directory").unwrap_or_else(|| "/".into()),
        rootkit_files: path("rootkit_files"),
        rootkit_trojans: path("rootkit_trojans"),
        system_audit: paths("system_audit"),
        ignore: paths("ignore"),
        switched_off,
    }
}
