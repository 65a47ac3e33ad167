//! What is done about an alert.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use hids_core::model::{Level, RuleId};
use ipnet::IpNet;

/// `<command>` and `<active-response>` together with the never-block list.
#[derive(Clone, Debug, Default)]
pub struct RespondConfig {
    /// `<disabled>` for all.
    pub disabled: bool,
    /// Enabled responses in file order.
    pub responses: Vec<ResponseConfig>,
    /// `<white_list>` addresses and networks; a negated entry (`!net`) excludes from the list; first match decides.
    pub never_block: Vec<(IpNet, NeverBlock)>,
    /// `<white_list>` host names: compared with the text of the source address.
    pub never_block_names: Vec<String>,
    /// `<repeated_offenders>`: block times of the second, third … offence, at most five.
    pub repeated_offenders: Vec<Duration>,
}

/// What a white_list entry says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeverBlock {
    /// Never block it.
    Protect,
    /// `!`: an exception, may be blocked.
    Except,
}

/// One enabled `<active-response>` with its `<command>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseConfig {
    /// Name of the command.
    pub name: String,
    /// How it is carried out.
    pub action: ResponseAction,
    /// The `<executable>` in the response directory (`BASE/active-response/bin/firewall-drop.sh`), whether
    /// it exists or not: active-responses.log names it, for native blocks too.
    pub executable: PathBuf,
    /// Fields the event must have (`<expect>`).
    pub expects: Vec<Expect>,
    /// Which rules it is bound to; any of them suffices. None given: never bound.
    pub level: Option<Level>,
    /// `<rules_id>`.
    pub rules: Vec<RuleId>,
    /// `<rules_group>`, an os_regex tried on the rule's group string.
    pub group_pattern: Option<String>,
    /// How long it lasts; `None` = never undone.
    pub timeout: Option<Duration>,
}

/// How a response is carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResponseAction {
    /// Natively: the address goes into the nftables set (firewall-drop, nftables-drop, firewalld-drop, host-deny, route-null, …).
    Block,
    /// Natively: the daemon reloads its configuration (restart-ossec).
    Reload,
    /// By running an executable in the response directory.
    Program(PathBuf),
}

/// A field that a response needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// `srcip`.
    SrcIp,
    /// `user`.
    User,
    /// `filename`.
    FileName,
}

impl RespondConfig {
    /// Whether `address` is protected by `<white_list>`: the first entry that matches decides.
    pub fn protects(&self, address: IpAddr) -> bool {
        self.never_block
            .iter()
            .find(|(net, _)| net.contains(&address))
            .is_some_and(|(_, says)| *says == NeverBlock::Protect)
    }
}
