//! What an administrator writes: what is watched, and what is left out.

use crate::fim::Checks;

/// A tree or file under `<directories>`, with what holds for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Absolute path of the directory or file, without a slash at its end (but for `/` itself).
    pub root: Vec<u8>,
    /// What is compared.
    pub checks: Checks,
    /// Changes are seen as they happen.
    pub realtime: bool,
    /// Who changed a file is looked for.
    pub who: bool,
    /// Writes by programs that are not on the allow-list are refused or told.
    pub protect: bool,
    /// Alerts show what changed in a text.
    pub report_changes: bool,
    /// Sub-directories are left out (their own entries are seen).
    pub no_recurse: bool,
    /// How many levels of sub-directories are entered (`recursion_level`, Wazuh's); `None` = all.
    pub recursion_level: Option<u32>,
    /// Only files whose whole path fits count (os_match); directories are not concerned.
    pub restrict: Option<String>,
    /// The pattern that the root fits (one of [`PolicyDef::wildcards`](super::PolicyDef::wildcards)); `None` where the
    /// root itself is named.
    pub wildcard: Option<Vec<u8>>,
}

impl Watch {
    /// Most levels of sub-directories that are entered.
    pub(super) fn levels(&self) -> Option<u32> {
        if self.no_recurse { Some(0) } else { self.recursion_level }
    }
}

/// A path to leave out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathPattern {
    /// Beginning of the whole path, case ignored, as OSSEC has it: `/etc/mtab` is also `/etc/mtab.tmp`.
    Prefix(Vec<u8>),
    /// os_match ("sregex") on the whole path.
    Sregex(String),
}
