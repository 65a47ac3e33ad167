//! fail2ban's jails: which addresses are never blocked, after how many failures of which service one is blocked,
//! and for how long.
//!
//! Format and defaults by jail.conf(5); of filters and actions only the names are used.

mod ini;
mod jail;
mod services;
mod translate;

#[cfg(test)]
use jail::Jails;
pub(crate) use jail::read;
pub(crate) use translate::{Wanted, translate};

#[cfg(test)]
mod tests;
