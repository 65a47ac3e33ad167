//! Actions that are only offered where a command carries them out.

use std::net::IpAddr;

use crate::cli::Common;

/// Puts an address on the list of those that are never blocked; the text is what the command prints.
pub(super) type Allow = fn(&Common, IpAddr) -> anyhow::Result<String>;

/// Makes a rule raise no further alerts; the text is what the command prints.
pub(super) type Silence = fn(&Common, u32) -> anyhow::Result<String>;

/// The commands behind the keys `a` of the blocks and `s` of the rules; a key without one is not shown.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Connected {
    /// `a`
    pub allow: Option<Allow>,
    /// `s`
    pub silence: Option<Silence>,
}

/// What this version has.
pub(super) const OURS: Connected = Connected { allow: None, silence: None };
