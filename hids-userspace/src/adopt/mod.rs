//! What a system already has, and what of it belongs into the configuration of hids: log sources, addresses of
//! administrators, mail, and the configurations of programs that hids replaces.
//!
//! It reads below a root directory and makes texts; it writes nothing. What it reads was written by others and is
//! bounded, checked and never carried out.

pub(crate) mod aide;
pub(crate) mod draft;
pub(crate) mod fail2ban;
pub(crate) mod findings;
pub(crate) mod logs;
pub(crate) mod mail;
pub(crate) mod network;
pub(crate) mod ossec;
pub(crate) mod system;
pub(crate) mod thresholds;
pub(crate) mod translated;
