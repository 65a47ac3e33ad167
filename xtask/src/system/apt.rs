//! Debian and Ubuntu packages.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::{has, is_root, require_root};
use crate::exec::{command, run, say};

/// What `invoke-rc.d` asks whether a freshly installed service may start.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Those of `packages` that are not installed.
pub(super) fn missing(packages: &[&'static str]) -> Result<Vec<&'static str>> {
    let output = command("dpkg-query")
        .args(["--show", "--showformat=${db:Status-Abbrev} ${Package}\n"])
        .args(packages)
        .output()
        .context("cannot start dpkg-query")?;
    // It ends with status 1 when it does not know one of them; the list of the others is still good.
    let text = String::from_utf8_lossy(&output.stdout);
    let installed: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("ii").map(str::trim)).collect();
    Ok(packages.iter().copied().filter(|package| !installed.contains(package)).collect())
}

/// Whether apt can install all of `packages`.
pub(super) fn offers(packages: &[&str]) -> bool {
    let known = |package: &&str| {
        let output = command("apt-cache").args(["policy", package]).output();
        output.is_ok_and(|output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            text.contains("Candidate:") && !text.contains("Candidate: (none)")
        })
    };
    packages.iter().all(known)
}

/// Fetches the package lists.
pub(super) fn update() -> Result<()> {
    run(command("apt-get").args(["update", "-qq"]))
}

/// Installs `packages` and keeps `services` that they bring from starting, now and at boot.
pub(super) fn install(packages: &[&str], services: &[&str]) -> Result<()> {
    require_root(&format!("installing packages; or install them yourself: apt-get install {}", packages.join(" ")))?;
    let new_services: Vec<&str> = services.iter().copied().filter(|service| !has_unit(service)).collect();
    let _policy = ServicesOff::new()?;
    if !offers(packages) {
        update()?;
    }
    run(command("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "--yes", "--quiet", "--no-install-recommends"])
        .args(packages))?;
    keep_off(&new_services)
}

fn has_unit(service: &str) -> bool {
    ["/lib/systemd/system", "/etc/systemd/system"]
        .iter()
        .any(|dir| Path::new(dir).join(format!("{service}.service")).exists())
}

fn keep_off(services: &[&str]) -> Result<()> {
    let services: Vec<&str> = services.iter().copied().filter(|service| has_unit(service)).collect();
    if services.is_empty() || !has("systemctl") {
        return Ok(());
    }
    say("the services just installed stay off; the tests start their own in namespaces");
    run(command("systemctl").args(["--quiet", "disable"]).args(&services))
}

/// While it lives, package scripts start no service.
struct ServicesOff {
    ours: bool,
}

impl ServicesOff {
    fn new() -> Result<Self> {
        if Path::new(POLICY).exists() || !is_root() {
            return Ok(Self { ours: false });
        }
        // 101: "action forbidden by policy" (invoke-rc.d(8)).
        fs::write(POLICY, "#!/bin/sh\nexit 101\n").with_context(|| format!("cannot write {POLICY}"))?;
        let guard = Self { ours: true };
        fs::set_permissions(POLICY, fs::Permissions::from_mode(0o755))
            .with_context(|| format!("cannot make {POLICY} executable"))?;
        Ok(guard)
    }
}

impl Drop for ServicesOff {
    fn drop(&mut self) {
        if self.ours
            && let Err(error) = fs::remove_file(POLICY)
        {
            say(&format!("cannot remove {POLICY} ({error}): no service starts on installation until you do"));
        }
    }
}
