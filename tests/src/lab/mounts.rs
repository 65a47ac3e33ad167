//! The file systems of a machine: the caller's, with private copies where programs write.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};

use anyhow::{Context as _, Result};

use super::namespaces::Namespaces;

/// The user every machine has besides those of the caller's system.
pub const USER: &str = "webadmin";

/// The password of [`USER`].
pub const PASSWORD: &str = "correct horse battery staple";

/// `crypt(5)` of [`PASSWORD`], so that no test needs a program to make it.
pub(crate) const PASSWORD_HASH: &str =
    "$6$hidslabsalt$szEZO1engqjOba/FqpDRvaIIqpVmsmkcyH26IxK2MAEjTrwFTNcXE9/LbE851T.k7ek/c.0FcEaU994U9jNE71";

/// Directories that are empty and private.
const PRIVATE: &[&str] = &["/run", "/var/log"];

/// Devices that programs expect.
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom", "tty"];

/// Gives a machine its private file systems.
pub(super) fn prepare(host: &Namespaces) -> Result<()> {
    for directory in PRIVATE {
        host.output("mount", ["-t", "tmpfs", "-o", "mode=0755", "tmpfs", directory])?;
    }
    devices(host)?;
    users(host)
}

/// A `/dev` of its own, so that the machine's log socket is not the caller's.
fn devices(host: &Namespaces) -> Result<()> {
    const NEW: &str = "/run/lab/dev";
    fs::create_dir_all(host.path(NEW))?;
    host.output("mount", ["-t", "tmpfs", "-o", "mode=0755", "tmpfs", NEW])?;
    for device in DEVICES {
        host.write(format!("{NEW}/{device}"), "")?;
        host.output("mount", ["--bind", &format!("/dev/{device}"), &format!("{NEW}/{device}")])?;
    }
    for directory in ["pts", "shm"] {
        fs::create_dir_all(host.path(NEW).join(directory))?;
    }
    let options = "newinstance,ptmxmode=0666,mode=0620,gid=5";
    host.output("mount", ["-t", "devpts", "-o", options, "devpts", &format!("{NEW}/pts")])?;
    host.output("mount", ["-t", "tmpfs", "tmpfs", &format!("{NEW}/shm")])?;
    for (link, target) in [
        ("ptmx", "pts/ptmx"),
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(target, host.path(NEW).join(link)).with_context(|| format!("cannot link /dev/{link}"))?;
    }
    host.output("mount", ["--move", NEW, "/dev"])?;
    Ok(())
}

/// The caller's users without their passwords, and one with a known password.
fn users(host: &Namespaces) -> Result<()> {
    const HOME: &str = "/run/lab/home";
    fs::create_dir_all(host.path(HOME))?;
    host.output("chown", ["2000:2000", HOME])?;
    let passwd = fs::read_to_string("/etc/passwd").context("cannot read /etc/passwd")?;
    let names: Vec<&str> = passwd.lines().filter_map(|line| line.split(':').next()).collect();
    let mut shadow: String = names.iter().map(|name| format!("{name}:*:19000:0:99999:7:::\n")).collect();
    shadow += &format!("{USER}:{PASSWORD_HASH}:19000:0:99999:7:::\n");
    let group = fs::read_to_string("/etc/group").context("cannot read /etc/group")?;
    let files = [
        ("passwd", format!("{}\n{USER}:x:2000:2000::{HOME}:/bin/sh\n", passwd.trim_end()), 0o644),
        ("group", format!("{}\n{USER}:x:2000:\n", group.trim_end()), 0o644),
        ("shadow", shadow, 0o600),
        ("hosts", "127.0.0.1 localhost\n::1 localhost\n".to_owned(), 0o644),
        ("resolv.conf", String::new(), 0o644),
    ];
    for (name, text, mode) in files {
        let place = format!("/run/lab/etc/{name}");
        host.write(&place, text)?;
        fs::set_permissions(host.path(&place), Permissions::from_mode(mode))?;
        // A link to elsewhere (resolv.conf) cannot be covered; programs then read the private /run.
        if host.path("/etc").join(name).symlink_metadata().is_ok_and(|metadata| metadata.is_file()) {
            host.output("mount", ["--bind", &place, &format!("/etc/{name}")])?;
        }
    }
    Ok(())
}
