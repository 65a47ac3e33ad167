//! Dependencies go one way: between packages, between the stages of `hids-userspace`, and between
//! the modules of `hids-core`.

use super::source::Source;
use super::{Finding, Weight};

/// What each package's manifest must not name among its dependencies. `xtask` and the harness it uses
/// must build on a machine that has nothing but cargo: they install the rest.
const FORBIDDEN_PACKAGES: &[(&str, &[&str])] = &[
    (
        "hids-core/Cargo.toml",
        &["tokio", "aya", "nftnl", "mnl", "lettre", "libc", "rustix", "hids-common", "hids-userspace"],
    ),
    ("hids-common/Cargo.toml", &["hids-core", "hids-userspace", "tokio"]),
    ("hids-userspace/Cargo.toml", &["hids-tests", "xtask"]),
    ("tests/Cargo.toml", &["hids-core", "hids-userspace", "nftnl", "nftnl-sys", "mnl", "tokio"]),
    ("xtask/Cargo.toml", &["hids-core", "hids-userspace", "nftnl", "nftnl-sys", "mnl", "tokio"]),
];

/// Stages that must not import one another; only `daemon`, `control` and `cli` know them.
const STAGES: &[&str] = &["collect", "sensors", "fim", "rootcheck", "respond", "notify", "record"];

/// `hids-core` from the bottom up: a module imports only those before it.
const CORE_ORDER: &[&str] = &[
    "model",
    "diag",
    "xml",
    "pattern",
    "escape",
    "fim",
    "predecode",
    "decode",
    "rules",
    "respond",
    "render",
    "engine",
];

/// Checks the imports of one Rust file.
pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    if !source.is_rust() {
        return;
    }
    if let Some(path) = source.name.strip_prefix("hids-userspace/src/") {
        check_stages(module(path), source, findings);
    } else if let Some(path) = source.name.strip_prefix("hids-core/src/") {
        check_core(module(path), source, findings);
    }
}

/// Checks the dependency tables.
pub fn check_manifests(sources: &[Source], findings: &mut Vec<Finding>) {
    for (name, forbidden) in FORBIDDEN_PACKAGES {
        let Some(source) = sources.iter().find(|source| source.name == *name) else { continue };
        for (index, package) in dependencies(&source.text) {
            if forbidden.contains(&package) {
                let text = format!("{name} must not depend on {package}");
                findings.push(Finding::new(Weight::Error, "layers", source, index + 1, text));
            }
        }
    }
}

/// Line index and name of every entry in `[dependencies]` (not the tests' own).
fn dependencies(manifest: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = false;
    manifest.lines().enumerate().filter_map(move |(index, line)| {
        if line.starts_with('[') {
            inside = line == "[dependencies]";
        }
        let name = line.split(['.', ' ', '=']).next().unwrap_or_default();
        (inside && !name.is_empty() && !name.starts_with(['#', '['])).then_some((index, name))
    })
}

fn check_stages(own: &str, source: &Source, findings: &mut Vec<Finding>) {
    if !STAGES.contains(&own) {
        return;
    }
    for (line, other) in imports(source) {
        if other != own && STAGES.contains(&other) {
            let text = format!("stage {own} imports stage {other}; let a core type flow over a channel instead");
            findings.push(Finding::new(Weight::Error, "layers", source, line, text));
        }
    }
}

fn check_core(own: &str, source: &Source, findings: &mut Vec<Finding>) {
    let Some(rank) = CORE_ORDER.iter().position(|name| *name == own) else { return };
    for (line, other) in imports(source) {
        if CORE_ORDER.iter().position(|name| *name == other).is_some_and(|place| place > rank) {
            let text = format!("{own} imports {other}, which stands above it");
            findings.push(Finding::new(Weight::Error, "layers", source, line, text));
        }
    }
}

/// The first module of every `crate::…` path outside of comments and tests.
fn imports(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    source.product_lines().filter(|(_, line)| !line.trim_start().starts_with("//")).flat_map(|(number, line)| {
        let paths = line.match_indices("crate::").map(move |(at, text)| &line[at + text.len()..]);
        paths.map(move |path| {
            (number, path.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap_or_default())
        })
    })
}

/// `respond` for `respond/nft.rs` and for `respond.rs`.
fn module(path: &str) -> &str {
    path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(name: &str, text: &str) -> usize {
        let mut found = Vec::new();
        let source = Source { name: name.into(), text: text.into() };
        check(&source, &mut found);
        check_manifests(&[source], &mut found);
        found.len()
    }

    #[test]
    fn stage_that_imports_another_stage_is_found() {
        assert_eq!(findings("hids-userspace/src/collect/tail.rs", "use crate::respond::nft;\n"), 1);
        assert_eq!(
            findings("hids-userspace/src/collect/tail.rs", "use crate::collect::glob;\nuse crate::sys::x;\n"),
            0
        );
        assert_eq!(findings("hids-userspace/src/daemon/wiring.rs", "use crate::respond::nft;\n"), 0);
    }

    #[test]
    fn core_module_that_imports_one_above_is_found() {
        assert_eq!(findings("hids-core/src/pattern/mod.rs", "use crate::rules::Rule;\n"), 1);
        assert_eq!(findings("hids-core/src/rules/mod.rs", "use crate::pattern::Pattern;\n"), 0);
    }

    #[test]
    fn manifest_with_a_forbidden_dependency_is_found() {
        assert_eq!(findings("hids-core/Cargo.toml", "[dependencies]\ntokio.workspace = true\n"), 1);
        assert_eq!(findings("hids-core/Cargo.toml", "[dev-dependencies]\ntokio.workspace = true\n"), 0);
    }
}
