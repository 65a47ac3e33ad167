//! Root file systems, made once by `mmdebstrap` and kept below `target/machines`.
//!
//! mmdebstrap rather than debootstrap: it resolves dependencies, fetches from whatever this machine's apt can fetch
//! from, and needs two thirds of the time (44 s of processor time for Debian 12 instead of 66 s).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use rustix::fs::{FlockOperation, flock};

use crate::programs;
use crate::running::output;

/// A release of Debian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// Bullseye, with OpenSSH 8.4. Not for booting.
    Debian11,
    /// Bookworm, with systemd 252 and OpenSSH 9.2.
    Debian12,
    /// Trixie, with systemd 257 and OpenSSH 10.0.
    Debian13,
}

/// What a machine has in addition to dpkg, apt and what they need: a small server's programs, and the libraries of the
/// programs under test. `rsyslog` is installed but off, since a stock Debian 12 or 13 has none.
const SERVER: &[&str] = &[
    "dbus",
    "iproute2",
    "libmnl0",
    "libnftnl11",
    "libpam-systemd",
    "libpcre2-8-0",
    "nftables",
    "openssh-server",
    "rsyslog",
    "systemd-sysv",
];

/// Where units are that start by themselves.
const ENABLED: &str = "etc/systemd/system";

impl Release {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Debian11, Self::Debian12, Self::Debian13];

    /// For messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Debian11 => "Debian 11",
            Self::Debian12 => "Debian 12",
            Self::Debian13 => "Debian 13",
        }
    }

    const fn suite(self) -> &'static str {
        match self {
            Self::Debian11 => "bullseye",
            Self::Debian12 => "bookworm",
            Self::Debian13 => "trixie",
        }
    }

    const fn packages(self) -> &'static [&'static str] {
        match self {
            Self::Debian11 => &["libmnl0", "openssh-server"],
            Self::Debian12 | Self::Debian13 => SERVER,
        }
    }

    /// Its root file system, which nobody may write. The first call in a process makes those that are missing, side by
    /// side: about a minute on two processors.
    ///
    /// # Errors
    /// When it cannot be made, for example because no mirror can be reached.
    pub(super) fn root(self) -> Result<PathBuf> {
        static MADE: OnceLock<Vec<Result<PathBuf>>> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            std::thread::scope(|scope| {
                let makers = Self::ALL.map(|release| scope.spawn(move || make(release)));
                makers.map(|maker| maker.join().unwrap_or_else(|_| anyhow::bail!("the maker panicked"))).into()
            })
        });
        let of_this = Self::ALL.iter().position(|release| *release == self).and_then(|at| made.get(at));
        match of_this.context("a release that nobody makes")? {
            Ok(root) => Ok(root.clone()),
            Err(error) => anyhow::bail!("{error:#}"),
        }
    }
}

/// Makes a root unless it is there already, as made by the same arguments. Other processes wait meanwhile.
fn make(release: Release) -> Result<PathBuf> {
    let directory = programs::target().join("machines");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let place = |suffix: &str| directory.join(format!("{}{suffix}", release.suite()));
    let lock = File::create(place(".lock")).context("cannot make a lock")?;
    flock(&lock, FlockOperation::LockExclusive).context("cannot lock")?;
    let (root, recipe) = (place(""), recipe(release));
    if fs::read_to_string(place(".recipe")).is_ok_and(|text| text == recipe.join("\n")) {
        return Ok(root);
    }
    let partial = place(".partial");
    remove(&partial)?;
    remove(&root)?;
    let mut mmdebstrap = Command::new("mmdebstrap");
    mmdebstrap.args(&recipe).args(apt_options()).arg(release.suite()).arg(&partial).args(mirror());
    output(&mut mmdebstrap).with_context(|| format!("cannot make a root of {}", release.name()))?;
    for unit in ["multi-user.target.wants/rsyslog.service", "syslog.service"] {
        remove(&partial.join(ENABLED).join(unit))?;
    }
    fs::rename(&partial, &root).with_context(|| format!("cannot rename {}", partial.display()))?;
    fs::write(place(".recipe"), recipe.join("\n")).context("cannot note how the root was made")?;
    Ok(root)
}

/// What decides how a root looks.
fn recipe(release: Release) -> Vec<String> {
    let mut recipe: Vec<String> = [
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        "--format=directory",
        "--aptopt=Acquire::Languages \"none\"",
        // A root that was half written is made again.
        "--dpkgopt=force-unsafe-io",
        "--dpkgopt=path-exclude=/usr/share/doc/*",
        "--dpkgopt=path-exclude=/usr/share/locale/*",
        "--dpkgopt=path-exclude=/usr/share/man/*",
    ]
    .map(str::to_owned)
    .into();
    recipe.push(format!("--include={}", release.packages().join(",")));
    recipe
}

/// How this machine's apt fetches: proxies, and whether the mirror is a snapshot of another day.
fn apt_options() -> Vec<String> {
    let dump = output(Command::new("apt-config").args(["dump", "Acquire"])).unwrap_or_default();
    let matters = |line: &&str| {
        ["Acquire::http", "Acquire::Check-", "Acquire::Retries"].iter().any(|start| line.starts_with(start))
    };
    // A list is dumped as its empty head and its entries.
    dump.lines()
        .filter(matters)
        .filter(|line| !line.ends_with("\"\";"))
        .map(|line| format!("--aptopt={line}"))
        .collect()
}

/// The mirror that this machine's own packages come from, if it is a Debian; else mmdebstrap knows one.
fn mirror() -> Option<String> {
    let about = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let value = |key: &str| {
        let line = about.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim_matches('"').to_owned()
    };
    if value("ID=") != "debian" {
        return None;
    }
    let arguments = ["indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"];
    let targets = output(Command::new("apt-get").args(arguments)).ok()?;
    let own = format!("{} main ", value("VERSION_CODENAME="));
    targets.lines().find_map(|line| line.strip_prefix(&own)).map(str::to_owned)
}

/// Removes a file, a link or a directory with everything below it, if it is there.
fn remove(path: &Path) -> Result<()> {
    let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
    let removed = if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}
