//! Target of an attack from many sources.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::escape::visible_string;

/// Most sources that an alert names.
pub const MOST_SOURCES_NAMED: usize = 12;

/// What a target is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TargetKind {
    /// A user name, whatever the service.
    Account,
    /// A path of web servers.
    Path,
    /// A program.
    Service,
}

impl TargetKind {
    /// All of them, as rules name them.
    pub const NAMES: [&'static str; 3] = ["account", "path", "service"];

    /// The kind that a rule names.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Account, Self::Path, Self::Service].into_iter().find(|kind| kind.as_str() == name)
    }

    /// As rules and alerts name it.
    pub const fn as_str(self) -> &'static str {
        Self::NAMES[self as usize]
    }
}

/// What many sources are directed at, and who they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttackedTarget {
    /// What it is.
    pub kind: TargetKind,
    /// Its name, hostile.
    pub name: Vec<u8>,
    /// How many networks the counted events came from.
    pub networks: u32,
    /// Within how many seconds.
    pub seconds: u32,
    /// One address of each network, newest first, at most [`MOST_SOURCES_NAMED`].
    pub sources: Vec<IpAddr>,
}

/// `Target: account "root": 14 source networks within 3600 s: 192.0.2.7 198.51.100.3 …`, on one line.
impl fmt::Display for AttackedTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, name, networks, seconds, sources } = self;
        let name = visible_string(name);
        write!(f, "Target: {} \"{name}\": {networks} source networks within {seconds} s:", kind.as_str())?;
        sources.iter().try_for_each(|source| write!(f, " {source}"))?;
        if sources.len() < *networks as usize { f.write_str(" …") } else { Ok(()) }
    }
}
