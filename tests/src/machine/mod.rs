//! Machines with systemd: a Debian of a release of choice, booted by `systemd-nspawn` in the namespaces of a [`Host`].
//!
//! ```text
//! target/machines/bookworm   made once by mmdebstrap, never written again
//!   └─ Tree                  overlay in the mounts of a Host; what is written lies in memory
//!        ├─ chroot           one program of the release, without systemd
//!        └─ Machine          booted; uses the network of the Host, so that a Lab's attacker reaches it
//! ```
//!
//! Everything of a machine ends with its [`Host`]; the empty control groups that are left are removed by the guard, or
//! by the next machine if this process was killed.

mod boot;
mod groups;
mod install;
mod roots;
mod tree;

pub use boot::{HOSTNAME, Machine};
pub use install::{FILES, RULESET, install};
pub use roots::Release;
pub use tree::Tree;

use crate::{Host, require};

/// Programs of the test host without which there are no machines.
const PROGRAMS: &[&str] = &["chroot", "ip", "mmdebstrap", "nft", "nsenter", "systemd-nspawn", "unshare"];

/// Whether machines can be made here at all; otherwise says that the test is skipped.
///
/// # Panics
/// When they cannot and `HIDS_REQUIRE` names `machine`.
pub fn is_possible() -> bool {
    require::root() && require::programs("machine", PROGRAMS)
}

/// The file system of a release on `host`; without one says that the test is skipped.
///
/// # Panics
/// When there is none and `HIDS_REQUIRE` names `machine`.
pub fn tree(host: &Host, release: Release) -> Option<Tree<'_>> {
    let tree = Tree::new(host, release);
    tree.map_err(|error| require::skip("machine", &format!("there is no {}: {error:#}", release.name()))).ok()
}

/// A booted machine of a release with the programs under test and the shipped configuration installed, nothing of it
/// started; without one says that the test is skipped.
///
/// # Panics
/// When there is none and `HIDS_REQUIRE` names `machine`, or when the programs cannot be installed.
pub fn installed(host: &Host, release: Release) -> Option<Machine<'_>> {
    let tree = tree(host, release)?;
    install(&tree).expect("the programs under test are installed");
    // Built against a newer C library than the release has.
    if let Err(error) = tree.output("/usr/sbin/hidsctl", ["--version"]) {
        require::skip("machine", &format!("the programs do not run on {}: {error:#}", release.name()));
        return None;
    }
    boot(tree)
}

/// A booted machine with what is in `tree`; where it does not boot says that the test is skipped.
///
/// # Panics
/// When it does not boot and `HIDS_REQUIRE` names `machine`.
pub fn boot(tree: Tree<'_>) -> Option<Machine<'_>> {
    let name = tree.release().name();
    Machine::boot(tree).map_err(|error| require::skip("machine", &format!("{name} does not boot: {error:#}"))).ok()
}
