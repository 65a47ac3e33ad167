//! The planner's policy and never-block list from the configuration.

use std::collections::HashMap;
use std::path::PathBuf;

use hids_core::respond::{MachineAddresses, Policy, ProtectedSet, ResponseKind};

use crate::config::RespondConfig;
use crate::trust::{Distrust, Program};

/// What the planner acts upon.
pub fn policy(config: &RespondConfig) -> Policy {
    if config.disabled {
        return Policy::default();
    }
    Policy { responses: config.responses.clone(), repeated_offenders: config.repeated_offenders.clone() }
}

/// Names of commands and their executables, for active-responses.log.
pub(super) fn scripts(config: &RespondConfig) -> HashMap<String, PathBuf> {
    config.responses.iter().map(|response| (response.name.clone(), response.executable.clone())).collect()
}

/// Programs that would not be run because others could change them, each with what to do.
pub(super) fn distrusted(config: &RespondConfig) -> Vec<String> {
    let programs = config.responses.iter().filter_map(|response| match &response.kind {
        ResponseKind::Program(path) => Some(path),
        ResponseKind::Block | ResponseKind::Reload => None,
    });
    // One that is missing is another problem.
    let fault = |path: &PathBuf| Program::open(path).err().filter(Distrust::is_of_rights);
    let said = |(path, distrust): (&PathBuf, Distrust)| {
        let remedy = distrust.remedy().unwrap_or_default();
        format!("{} not run: {distrust} ({remedy})", path.display())
    };
    let mut said: Vec<String> = programs.filter_map(|path| Some((path, fault(path)?))).map(said).collect();
    said.sort();
    said.dedup();
    said
}

/// What is never blocked.
pub fn protected(config: &RespondConfig, machine: MachineAddresses) -> ProtectedSet {
    let white_list: Vec<_> = config.white_list().collect();
    ProtectedSet::new(&white_list, &config.never_block_names, machine)
}
