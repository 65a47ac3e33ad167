//! Response configuration.

use std::net::IpAddr;
use std::time::Duration;

pub use hids_core::respond::{Expect, NeverBlock, Response, ResponseKind};
use ipnet::IpNet;

/// `<command>` and `<active-response>` together with the never-block list.
#[derive(Clone, Debug, Default)]
pub struct RespondConfig {
    /// `<disabled>` for all.
    pub disabled: bool,
    /// Enabled responses in file order.
    pub responses: Vec<Response>,
    /// `<white_list>` addresses and networks; a negated entry (`!net`) excludes from the list; first match decides.
    pub never_block: Vec<(IpNet, NeverBlock)>,
    /// Addresses and networks that `hidsctl allow` has added; they come before `<white_list>`.
    pub allowed: Vec<AllowedNet>,
    /// `<white_list>` host names: compared with the text of the source address.
    pub never_block_names: Vec<String>,
    /// `<repeated_offenders>`: block times of the second, third … offence, at most five.
    pub repeated_offenders: Vec<Duration>,
}

/// An entry of `allow.list`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedNet {
    /// Whom nothing blocks.
    pub net: IpNet,
    /// What stands behind it.
    pub comment: Option<String>,
}

impl RespondConfig {
    /// Everything that is listed, in the order in which it decides.
    pub fn white_list(&self) -> impl Iterator<Item = (IpNet, NeverBlock)> + '_ {
        let allowed = self.allowed.iter().map(|entry| (entry.net, NeverBlock::Protect));
        allowed.chain(self.never_block.iter().copied())
    }

    /// Whether `address` is protected by `<white_list>`: the first entry that matches decides.
    pub fn protects(&self, address: IpAddr) -> bool {
        self.white_list().find(|(net, _)| net.contains(&address)).is_some_and(|(_, says)| says == NeverBlock::Protect)
    }
}
