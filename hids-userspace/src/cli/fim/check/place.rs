//! What a check is asked for, and the configuration that it follows.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use hids_core::diag::{Diagnostic, Severity};

use super::failure::{Ends as _, Failure};
use crate::cli::exit::CheckExit;
use crate::cli::{Common, messages};
use crate::config::{self, CONFIG_SIZE_LIMIT_BYTES, LoadOptions, Paths, SyscheckConfig};
use crate::fim::check;
use crate::fim::examine::{LastLink, Tree};

/// Where a configuration is looked for in a tree.
const PLACES: [&str; 2] = ["/var/ossec/etc/ossec.conf", "/etc/hids/ossec.conf"];

/// What to compare.
#[derive(Debug, Args)]
pub(in crate::cli::fim) struct CheckArgs {
    /// Files and directories [default: everything monitored]
    pub(super) paths: Vec<PathBuf>,
    /// Compare with this signed export instead of the baseline of hidsd
    #[arg(long, value_name = "FILE")]
    pub(super) baseline: Option<PathBuf>,
    /// Public key of the export, 64 hexadecimal digits [default: the key of this host]
    #[arg(long, value_name = "HEX", requires = "baseline")]
    pub(super) key: Option<String>,
    /// Check a mounted image or system: DIR stands for /, also for links, configuration, baseline and user names
    #[arg(long, value_name = "DIR")]
    pub(super) tree: Option<PathBuf>,
    /// Make the baseline first if there is none (see fim init); nothing is compared then
    #[arg(long, conflicts_with_all = ["paths", "baseline", "tree", "update"])]
    pub(super) init: bool,
    /// Accept everything that is reported into the baseline of hidsd
    #[arg(long, conflicts_with_all = ["baseline", "tree"])]
    pub(super) update: bool,
}

/// What is compared, and where.
pub(super) struct Place {
    pub tree: Option<Tree>,
    pub syscheck: SyscheckConfig,
    pub paths: Paths,
}

/// The configuration, of this host or of the tree.
pub(super) fn place(common: &Common, args: &CheckArgs) -> Result<Place, Failure> {
    let Some(directory) = &args.tree else {
        let options = common.load_options(false);
        let (syscheck, diagnostics) = config::load_syscheck(&options);
        let Some(syscheck) = syscheck else { return Err(bad_configuration(&diagnostics)) };
        return Ok(Place { tree: None, syscheck: enabled(syscheck)?, paths: config::locate(&options) });
    };
    let tree = Tree::open(directory).with_context(|| format!("cannot open {}", directory.display()));
    let tree = tree.ends(CheckExit::Usage)?;
    let inside = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
    let file = match &common.config {
        Some(file) => check::plain(file),
        None => PLACES
            .iter()
            .map(PathBuf::from)
            .find(|place| tree.has(&inside(place), LastLink::Keep))
            .context("no configuration in the tree: neither /var/ossec/etc/ossec.conf nor /etc/hids/ossec.conf exists")
            .ends(CheckExit::Configuration)?,
    };
    let name = format!("{} in {}", file.display(), directory.display());
    let text = tree.read(&inside(&file), CONFIG_SIZE_LIMIT_BYTES).with_context(|| format!("cannot read {name}"));
    let (syscheck, diagnostics) = config::syscheck_of_text(name, text.ends(CheckExit::Configuration)?, false);
    let Some(syscheck) = syscheck else { return Err(bad_configuration(&diagnostics)) };
    let root = common.root.as_deref().map(check::plain);
    let paths = config::locate(&LoadOptions { config: Some(file), root, strict_ossec: false });
    Ok(Place { tree: Some(tree), syscheck: enabled(syscheck)?, paths })
}

fn enabled(syscheck: SyscheckConfig) -> Result<SyscheckConfig, Failure> {
    if syscheck.directories.is_empty() {
        return Err(anyhow::anyhow!("no <directories> in <syscheck>: nothing is to be compared"))
            .ends(CheckExit::Configuration);
    }
    Ok(syscheck)
}

fn bad_configuration(diagnostics: &[Diagnostic]) -> Failure {
    messages::diagnostics(diagnostics.iter().filter(|problem| problem.severity == Severity::Error));
    Failure { exit: CheckExit::Configuration, why: anyhow::anyhow!("the configuration has errors") }
}
