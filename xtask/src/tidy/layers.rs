//! Dependencies go one way: between packages, between the layers of `hids-userspace`, and between
//! the modules of `hids-core`.

use super::imports::Import;
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

/// The modules of a package from the bottom up. A module uses only what is in a layer below its own:
/// modules of one layer do not use one another.
struct Order {
    folder: &'static str,
    layers: &'static [&'static [&'static str]],
}

const ORDERS: &[Order] = &[
    Order {
        folder: "hids-core/src/",
        layers: &[
            &["escape", "paths"],
            &["model"],
            &["diag"],
            &["xml"],
            &["pattern"],
            &["sender"],
            &["fim", "predecode"],
            &["logtime"],
            &["decode"],
            &["rules"],
            &["respond", "join"],
            &["render"],
            &["faults"],
            &["engine"],
            &["ruletest"],
        ],
    },
    Order {
        folder: "hids-userspace/src/",
        layers: &[
            &["sys"],
            &["platform"],
            &["accounts", "logging", "trust", "wildcard"],
            &["contracts"],
            &["config"],
            &["adopt", "ruleset"],
            &["collect", "sensors", "fim", "rootcheck", "respond", "notify", "record"],
            &["control"],
            &["daemon"],
            &["cli"],
            &["bin", "readers"],
        ],
    },
];

/// Checks what the files import.
pub(super) fn check(imports: &[Import], findings: &mut Vec<Finding>) {
    for import in imports {
        let Some(order) = ORDERS.iter().find(|order| import.from.starts_with(order.folder)) else { continue };
        let own = order.module(&import.from);
        for other in &import.through {
            let Some(text) = order.objection(own, other) else { continue };
            let place = format!("{}:{}", import.from, import.line);
            let known = findings.iter().any(|finding| finding.place == place && finding.text == text);
            if !known {
                findings.push(Finding { weight: Weight::Error, rule: "layers", place, text });
            }
        }
    }
}

/// Checks that every module has a layer.
pub(super) fn check_modules(sources: &[Source], findings: &mut Vec<Finding>) {
    for order in ORDERS {
        let mut reported: Vec<&str> = Vec::new();
        for source in sources.iter().filter(|source| source.is_rust() && source.name.starts_with(order.folder)) {
            let module = order.module(&source.name);
            if module != "lib" && order.rank(module).is_none() && !reported.contains(&module) {
                reported.push(module);
                let text = format!("the module {module} has no layer; list it in xtask/src/tidy/layers.rs");
                findings.push(Finding::new(Weight::Error, "layers", source, 1, text));
            }
        }
    }
}

/// Checks the dependency tables.
pub(super) fn check_manifests(sources: &[Source], findings: &mut Vec<Finding>) {
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

impl Order {
    /// `respond` for `respond/nft.rs` and for `respond.rs`.
    fn module<'a>(&self, file: &'a str) -> &'a str {
        let path = file.strip_prefix(self.folder).unwrap_or(file);
        path.split('/').next().unwrap_or(path).trim_end_matches(".rs")
    }

    fn rank(&self, module: &str) -> Option<usize> {
        self.layers.iter().position(|layer| layer.contains(&module))
    }

    /// Why the module `own` may not use `other`.
    fn objection(&self, own: &str, other: &str) -> Option<String> {
        let (rank, place) = (self.rank(own)?, self.rank(other)?);
        if own == other || place < rank {
            return None;
        }
        Some(if place == rank {
            format!("{own} uses {other} of its own layer; let a core type flow over a channel instead")
        } else {
            format!("{own} uses {other}, which stands above it")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::imports::{Resolver, Workspace};
    use super::*;

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let source = |(name, text): &(&str, &str)| Source { name: (*name).to_owned(), text: (*text).to_owned() };
        let sources: Vec<Source> = files.iter().map(source).collect();
        let mut found = Vec::new();
        check(&Resolver::new(&Workspace::read(&sources)).imports(), &mut found);
        check_modules(&sources, &mut found);
        check_manifests(&sources, &mut found);
        found.iter().map(|finding| format!("{}: {}", finding.place, finding.text)).collect()
    }

    /// What the checker says about one more line in `file`, which is one of a small tree.
    fn with(file: &str, line: &str) -> Vec<String> {
        let root = "hids-userspace/src/lib.rs";
        let mut files = vec![
            (root, "mod sys; mod config; mod collect; mod respond; mod daemon; mod cli;"),
            ("hids-userspace/src/sys/mod.rs", "pub fn uptime() {}"),
            ("hids-userspace/src/config/mod.rs", "pub struct Config;"),
            ("hids-userspace/src/collect/mod.rs", "pub mod tail;\npub struct Batch;"),
            ("hids-userspace/src/respond.rs", "pub struct Ledger;\npub use crate::config::Config;"),
            ("hids-userspace/src/daemon/mod.rs", "pub fn run() {}"),
            ("hids-userspace/src/cli.rs", "pub fn main() { crate::daemon::run() }"),
            ("hids-userspace/src/collect/tail.rs", ""),
        ];
        files.retain(|(name, _)| *name != file);
        files.push((file, line));
        findings(&files)
    }

    #[test]
    fn use_of_a_layer_below_is_in_order() {
        let tail = "hids-userspace/src/collect/tail.rs";
        assert!(with(tail, "use crate::sys;\nuse super::{Batch};\nfn f(c: &crate::config::Config) {}").is_empty());
    }

    #[test]
    fn stage_that_uses_another_stage_is_found_however_it_is_written() {
        let tail = "hids-userspace/src/collect/tail.rs";
        for line in [
            "use crate::respond::Ledger;",
            "use crate::{respond::{Ledger}};",
            "use super::super::respond;",
            "fn f() { crate::respond::Ledger; }",
            "use crate::respond::Config;",
        ] {
            let found = with(tail, line);
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(found[0].contains("collect uses respond of its own layer"), "{found:?}");
        }
        assert!(with(tail, "#[cfg(test)]\nmod tests { use crate::respond::Ledger; }").is_empty());
    }

    #[test]
    fn layer_above_is_found() {
        let found = with("hids-userspace/src/config/mod.rs", "use crate::daemon::run;");
        assert!(found[0].contains("config uses daemon, which stands above it"), "{found:?}");
        let found = with("hids-userspace/src/daemon/mod.rs", "fn f() { crate::cli::main() }\npub fn run() {}");
        assert!(found[0].contains("daemon uses cli, which stands above it"), "{found:?}");
    }

    #[test]
    fn core_module_that_imports_one_above_is_found() {
        let found = findings(&[
            ("hids-core/src/lib.rs", "mod pattern; mod rules;"),
            ("hids-core/src/pattern/mod.rs", "use crate::rules::Rule;"),
            ("hids-core/src/rules/mod.rs", "pub struct Rule;\nuse crate::pattern;"),
        ]);
        assert_eq!(found, ["hids-core/src/pattern/mod.rs:1: pattern uses rules, which stands above it"]);
    }

    #[test]
    fn module_without_a_layer_is_found() {
        let found = findings(&[("hids-core/src/util/mod.rs", ""), ("hids-core/src/util/more.rs", "")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("the module util has no layer"));
    }

    #[test]
    fn manifest_with_a_forbidden_dependency_is_found() {
        assert_eq!(findings(&[("hids-core/Cargo.toml", "[dependencies]\ntokio.workspace = true\n")]).len(), 1);
        assert!(findings(&[("hids-core/Cargo.toml", "[dev-dependencies]\ntokio.workspace = true\n")]).is_empty());
    }
}
