//! A network with nothing but a loopback interface, for one test.

use std::process::Command;

use crate::require;

/// Runs a test on a thread in such a network; what it starts is in it too. Skipped when not root.
///
/// # Panics
/// When the test does, or the network cannot be made.
pub fn alone(test: impl FnOnce() + Send + 'static) {
    if !require::root() {
        return;
    }
    let test = move || {
        new_network();
        let up = Command::new("ip").args(["link", "set", "lo", "up"]).status();
        assert!(up.is_ok_and(|status| status.success()), "the loopback interface cannot be used");
        test();
    };
    if let Err(panic) = std::thread::spawn(test).join() {
        std::panic::resume_unwind(panic);
    }
}

/// Gives this thread mounts of its own.
///
/// # Panics
/// When they cannot be made.
#[expect(deprecated, reason = "unsound for the table of descriptors, which stays shared")]
pub fn new_mounts() {
    rustix::thread::unshare(rustix::thread::UnshareFlags::FS | rustix::thread::UnshareFlags::NEWNS)
        .expect("a mount namespace");
    let private = Command::new("mount").args(["--make-rprivate", "/"]).status();
    assert!(private.is_ok_and(|status| status.success()), "the mounts cannot be made private");
}

#[expect(deprecated, reason = "unsound for the table of descriptors, which stays shared")]
fn new_network() {
    rustix::thread::unshare(rustix::thread::UnshareFlags::NEWNET).expect("a network namespace");
}
