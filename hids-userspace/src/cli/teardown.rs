//! `hidsctl teardown`: what hids keeps in the kernel while it does not run, for the removal of the package.
//!
//! Blocks and the write protection outlive the daemon on purpose. Once the programs are removed, nothing could lift
//! them any more.

use std::path::Path;

use serde_json::json;

use super::exit::Exit;
use super::{Common, output};
use crate::sensors::guard;
use crate::{config, daemon, respond};

/// Removes both; the records of blocks stay on the disk.
///
/// # Errors
/// When the daemon runs, or the kernel refuses; what can be removed is removed all the same.
pub(super) fn run(common: &Common) -> anyhow::Result<Exit> {
    let _claim = daemon::claim_state(&config::locate(&common.load_options(false)).state)?;
    let protection = guard::unlock(Path::new(guard::PINS));
    respond::remove_table()?;
    let programs = protection?;
    if common.json {
        output::print_json(&json!({ "table_removed": true, "protection_programs_removed": programs }))?;
    } else {
        output::print("blocks and write protection removed from the kernel; hidsd restores both when it starts\n")?;
    }
    Ok(Exit::Success)
}
