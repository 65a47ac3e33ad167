//! The planner's policy and never-block list from the configuration.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use hids_core::pattern::{Pattern, PatternError};
use hids_core::respond::{Expect, GroupTest, Listed, MachineAddresses, Policy, ProtectedSet, Response, ResponseKind};

use crate::config::{Expect as ConfigExpect, NeverBlock, RespondConfig, ResponseAction, ResponseConfig};
use crate::trust::{Distrust, Program};

/// A configuration that cannot be acted upon.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// `<rules_group>` is no os_regex.
    #[error("<rules_group> of active response {response} cannot be used")]
    Group {
        /// Name of the command.
        response: String,
        /// Why.
        #[source]
        source: PatternError,
    },
}

/// What the planner acts upon.
pub fn policy(config: &RespondConfig) -> Result<Policy, PolicyError> {
    if config.disabled {
        return Ok(Policy::default());
    }
    let responses = config.responses.iter().map(response).collect::<Result<_, _>>()?;
    Ok(Policy { responses, repeated_offenders: config.repeated_offenders.clone() })
}

/// Names of commands and their executables, for active-responses.log.
pub(super) fn scripts(config: &RespondConfig) -> HashMap<String, PathBuf> {
    config.responses.iter().map(|response| (response.name.clone(), response.executable.clone())).collect()
}

/// Programs that would not be run because others could change them, each with what to do.
pub fn distrusted(config: &RespondConfig) -> Vec<String> {
    let programs = config.responses.iter().filter_map(|response| match &response.action {
        ResponseAction::Program(path) => Some(path),
        ResponseAction::Block | ResponseAction::Reload => None,
    });
    // One that is missing is another problem.
    let fault = |path: &PathBuf| Program::open(path).err().filter(Distrust::is_of_rights);
    let said = |(path, distrust): (&PathBuf, Distrust)| {
        let remedy = distrust.remedy().unwrap_or_default();
        format!("{} is not run: {distrust} ({remedy})", path.display())
    };
    let mut said: Vec<String> = programs.filter_map(|path| Some((path, fault(path)?))).map(said).collect();
    said.sort();
    said.dedup();
    said
}

/// What is never blocked.
pub fn protected(config: &RespondConfig, machine: MachineAddresses) -> ProtectedSet {
    let listed = |says: NeverBlock| match says {
        NeverBlock::Protect => Listed::Protect,
        NeverBlock::Except => Listed::Except,
    };
    let white_list: Vec<_> = config.never_block.iter().map(|&(net, says)| (net, listed(says))).collect();
    ProtectedSet::new(&white_list, &config.never_block_names, machine)
}

fn response(config: &ResponseConfig) -> Result<Response, PolicyError> {
    let kind = match &config.action {
        ResponseAction::Block => ResponseKind::Block,
        ResponseAction::Reload => ResponseKind::Program(super::reload::PROGRAM.to_owned()),
        ResponseAction::Program(path) => ResponseKind::Program(path.to_string_lossy().into_owned()),
    };
    let expects = config.expects.iter().map(|expect| match expect {
        ConfigExpect::SrcIp => Expect::SourceAddress,
        ConfigExpect::User => Expect::User,
        ConfigExpect::FileName => Expect::FileName,
    });
    Ok(Response {
        name: config.name.clone(),
        kind,
        expects: expects.collect(),
        level: config.level,
        rules: config.rules.clone(),
        group: config.group_pattern.as_deref().map(|text| group_test(&config.name, text)).transpose()?,
        timeout: config.timeout,
    })
}

fn group_test(response: &str, text: &str) -> Result<GroupTest, PolicyError> {
    let pattern = Pattern::os_regex(text).map_err(|source| PolicyError::Group { response: response.into(), source })?;
    Ok(Arc::new(move |group: &str| pattern.is_match(group.as_bytes())))
}
