//! The decision.

use super::services::{Service, is_one_of, service_of};
use crate::model::Doubt;

/// What the journal knows of an entry's sender.
#[derive(Clone, Copy, Debug, Default)]
pub struct SenderFacts<'a> {
    /// The name under which decoders and rules see the entry.
    pub identifier: &'a [u8],
    /// `_TRANSPORT`.
    pub transport: &'a [u8],
    /// `_UID`.
    pub uid: Option<u32>,
    /// `_EXE`; empty when the sender had ended before journald looked.
    pub executable: &'a [u8],
    /// `_SYSTEMD_UNIT`; empty likewise.
    pub unit: &'a [u8],
    /// `_SYSTEMD_CGROUP`; empty likewise.
    pub control_group: &'a [u8],
    /// `CONTAINER_NAME`, which container managers set for the lines of their containers.
    pub container: &'a [u8],
}

/// An administrator's word for a sender (`<trusted>`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrustedSender {
    /// The identifier; `None`: any.
    pub identifier: Option<String>,
    /// The user whom the sender must run as.
    pub uid: u32,
    /// What else it must be.
    pub by: TrustedBy,
}

/// How an administrator names a sender.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TrustedBy {
    /// Its executable, by absolute path.
    Executable(String),
    /// Its systemd unit, with the suffix.
    Unit(String),
    /// Its container, by the name that the container manager gives.
    Container(String),
}

/// Whether the entry comes from the service that its identifier names.
///
/// `is_account(name, uid)` says whether `uid` is the user ID of the account `name`. Root may speak for a service
/// whose executable or unit fits, or when the journal knows neither, because the sender had ended: only root can
/// send with its user ID, and an attacker who closes connections quickly must not make the lines about himself
/// worthless. A service's own account needs the executable, or the unit where the executable is not known: a shell
/// that runs as `www-data` in `apache2.service` is not Apache.
pub fn verify(
    facts: &SenderFacts<'_>,
    trusted: &[TrustedSender],
    is_account: impl Fn(&str, u32) -> bool,
) -> Result<(), Doubt> {
    match (facts.transport, facts.identifier) {
        // Of this transport is also what root writes to /dev/kmsg under a name of its choice.
        (b"kernel", _) | (b"audit", b"audit") => return Ok(()),
        (_, b"kernel" | b"audit") => return Err(Doubt::OtherProgram),
        _ => {}
    }
    if trusted.iter().any(|trusted| trusted.is(facts)) {
        return Ok(());
    }
    if !facts.container.is_empty() || is_in_container(facts) {
        return Err(Doubt::Container);
    }
    let service = service_of(facts.identifier).ok_or(Doubt::UnknownIdentifier)?;
    let uid = facts.uid.ok_or(Doubt::NoSender)?;
    let (executable, unit) = (!facts.executable.is_empty(), !facts.unit.is_empty());
    let fits = match uid {
        0 => has_program(service, facts) || has_unit(service, facts) || (!executable && !unit),
        _ if !service.accounts.iter().any(|account| is_account(account, uid)) => return Err(Doubt::OtherUser),
        _ if executable => has_program(service, facts),
        _ => has_unit(service, facts),
    };
    if fits { Ok(()) } else { Err(Doubt::OtherProgram) }
}

impl TrustedSender {
    fn is(&self, facts: &SenderFacts<'_>) -> bool {
        if self.identifier.as_ref().is_some_and(|name| name.as_bytes() != facts.identifier)
            || facts.uid != Some(self.uid)
        {
            return false;
        }
        match &self.by {
            TrustedBy::Executable(path) => {
                facts.container.is_empty()
                    && !is_in_container(facts)
                    && merged(path.as_bytes()) == merged(undeleted(facts.executable))
            }
            TrustedBy::Unit(unit) => facts.container.is_empty() && unit.as_bytes() == facts.unit,
            // The name is the manager's word, so it must be the manager who says it.
            TrustedBy::Container(name) => {
                name.as_bytes() == facts.container
                    && program(facts.executable).is_some_and(|program| MANAGERS.contains(&program))
            }
        }
    }
}

/// Executables that hand on what containers write.
const MANAGERS: [&[u8]; 4] = [b"dockerd", b"conmon", b"podman", b"conmonrs"];

/// Beginnings of the parts of a control group's path that hold containers: of Docker, Podman, CRI-O, containerd,
/// Kubernetes, LXC and systemd-nspawn.
const CONTAINERS: [&[u8]; 12] = [
    b"docker-",
    b"libpod-",
    b"libpod_",
    b"crio-",
    b"cri-containerd",
    b"kubepods",
    b"lxc.payload",
    b"lxc.monitor",
    b"machine-",
    b"systemd-nspawn@",
    b"machine.slice",
    b"nerdctl-",
];

fn is_in_container(facts: &SenderFacts<'_>) -> bool {
    let mut parts = facts.control_group.split(|&byte| byte == b'/').chain([facts.unit]);
    parts.any(|part| matches!(part, b"docker" | b"lxc") || CONTAINERS.iter().any(|start| part.starts_with(start)))
}

fn has_program(service: &Service, facts: &SenderFacts<'_>) -> bool {
    program(facts.executable).is_some_and(|program| is_one_of(service.programs, program))
}

/// The unit without its suffix, and without what follows `@`.
fn has_unit(service: &Service, facts: &SenderFacts<'_>) -> bool {
    let Some(name) = facts.unit.strip_suffix(b".service") else { return false };
    let name = name.split(|&byte| byte == b'@').next().unwrap_or_default();
    is_one_of(service.units, name)
}

/// Places of programs that only root changes.
const PLACES: [&[u8]; 5] = [b"/usr/", b"/opt/", b"/nix/store/", b"/gnu/store/", b"/run/wrappers/"];

/// The same, from before they were moved below `/usr`.
const OLD_PLACES: [&[u8]; 4] = [b"/bin/", b"/sbin/", b"/lib/", b"/lib64/"];

/// The file name of an executable that lies where only root puts programs.
fn program(executable: &[u8]) -> Option<&[u8]> {
    let path = undeleted(executable);
    let lies_well = PLACES.iter().chain(&OLD_PLACES).any(|place| path.starts_with(place));
    path.rsplit(|&byte| byte == b'/').next().filter(|_| lies_well)
}

/// Without what the kernel appends once an update has replaced the file.
fn undeleted(executable: &[u8]) -> &[u8] {
    executable.strip_suffix(b" (deleted)").unwrap_or(executable)
}

/// The path without the `/usr` below which most distributions have moved the old places.
fn merged(path: &[u8]) -> &[u8] {
    let rest = path.strip_prefix(b"/usr").unwrap_or(path);
    if OLD_PLACES.iter().any(|old| rest.starts_with(old)) { rest } else { path }
}
