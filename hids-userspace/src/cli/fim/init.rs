//! `hidsctl fim init`: the daemon's baseline, made before a daemon runs.

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::cli::exit::{BadConfiguration, Exit};
use crate::cli::{Common, messages, output};
use crate::config;
use crate::control::Client;
use crate::fim::monitor::{self, BeginError};

/// Makes it; 1 when there is one.
pub(super) fn run(common: &Common) -> anyhow::Result<Exit> {
    let options = common.load_options(false);
    let (Some(syscheck), _) = config::load_syscheck(&options) else {
        messages::note("the configuration cannot be used; hidsctl check shows why");
        return Err(BadConfiguration.into());
    };
    if syscheck.directories.is_empty() {
        bail!("no <directories> in <syscheck>: there is nothing to make a baseline of");
    }
    let paths = config::locate(&options);
    if Client::connect(&paths.run).is_ok() {
        let help = Some("hidsctl fim status shows it");
        return Ok(messages::refusal("hidsd is running and keeps the baseline", help));
    }
    match monitor::begin_offline(&paths, &syscheck) {
        Ok(report) => {
            let totals = report.totals;
            if common.json {
                output::print_json(&json!({
                    "files": totals.files,
                    "directories": totals.directories,
                    "bytes": totals.bytes,
                    "not_examined": report.not_scanned,
                    "seconds": report.duration.as_secs_f64(),
                }))?;
            } else {
                output::print(&format!(
                    "baseline made: {} in {} (hidsctl fim check compares with it, and so does hidsd when it starts)\n",
                    output::count(totals.files, "file"),
                    match totals.directories {
                        1 => "1 directory".to_owned(),
                        many => format!("{many} directories"),
                    },
                ))?;
            }
            Ok(Exit::Success)
        }
        Err(BeginError::Exists) => {
            let help = Some("hidsctl fim check compares with it, and with --update accepts what it finds");
            Ok(messages::refusal(&format!("there is a baseline already, in {}", paths.state.display()), help))
        }
        Err(error) => Err(error).context("no baseline was made"),
    }
}
