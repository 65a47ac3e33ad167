//! Reasons why a sensor is unavailable, with help for the administrator.

use std::io;

use aya::EbpfError;
use aya::programs::ProgramError;

use crate::platform::error_chain::error_chain_without;

/// A reason that a sensor is not there. It is a state to report, not a failure of the daemon.
#[derive(Debug, thiserror::Error)]
pub enum Degradation {
    /// The daemon was built without a BPF compiler.
    #[error("this program was built without the BPF object")]
    ObjectLeftOut,
    /// The kernel does not describe its own types.
    #[error("the kernel has no readable BTF at /sys/kernel/btf/vmlinux")]
    NoBtf(#[source] aya::BtfError),
    /// The kernel's description of its types cannot be read.
    #[error("unusable kernel type information")]
    Types(#[from] super::bpf::types::TypesError),
    /// The kernel's structs lack fields that the programs read.
    #[error("no field {} in the structs of this kernel", .0.join(", "))]
    MissingFields(Vec<String>),
    /// The BPF LSM was not chosen at boot.
    #[error("bpf is not among the active security modules ({active})")]
    LsmNotActive {
        /// The content of `/sys/kernel/security/lsm`.
        active: String,
    },
    /// The kernel is locked down.
    #[error("the kernel rejects {program} in lockdown mode {mode}")]
    Lockdown {
        /// The program that was refused.
        program: &'static str,
        /// `integrity` or `confidentiality`.
        mode: String,
        /// The kernel's answer.
        #[source]
        source: ProgramError,
    },
    /// `EPERM` or `EACCES`.
    #[error("the kernel does not permit {program}")]
    NotPermitted {
        /// The program that was refused.
        program: &'static str,
        /// The kernel's answer.
        #[source]
        source: ProgramError,
    },
    /// Any other refusal.
    #[error("the kernel rejects {program}")]
    Refused {
        /// The program that was refused.
        program: &'static str,
        /// The kernel's answer.
        #[source]
        source: ProgramError,
    },
    /// The object as a whole (its maps) was refused.
    #[error("the kernel rejects the BPF object")]
    Object(#[source] EbpfError),
    /// The object holds something else than this daemon expects.
    #[error("the BPF object has no {what} named {name}")]
    Missing {
        /// "program" or "map".
        what: &'static str,
        /// Its name.
        name: &'static str,
    },
    /// The table of processes could not be started.
    #[error("cannot initialise the process table")]
    Processes(#[source] io::Error),
    /// The BPF filesystem takes no pin.
    #[error("cannot pin to the BPF filesystem")]
    Pin(#[source] aya::pin::PinError),
    /// The table of mounts cannot be read, or this process gets no thread or descriptor.
    #[error("missing system prerequisites for file protection")]
    Mounts(#[source] io::Error),
    /// The guard's pinned maps.
    #[error("cannot configure the protected paths")]
    Guard(#[source] Box<super::guard::GuardError>),
    /// `fanotify_init` failed in every way.
    #[error("cannot create a fanotify group")]
    Fanotify(#[source] io::Error),
}

/// What to do when the kernel does not let this process do it.
const NOT_PERMITTED: &str = "run as root with CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN, outside a container";

impl Degradation {
    /// Sorts a refusal of one program by its cause.
    pub(super) fn refused(program: &'static str, source: ProgramError, lockdown: Option<String>) -> Self {
        match (errno(&source), lockdown) {
            (Some(libc::EPERM | libc::EACCES), Some(mode)) => Self::Lockdown { program, mode, source },
            (Some(libc::EPERM | libc::EACCES), None) => Self::NotPermitted { program, source },
            _ => Self::Refused { program, source },
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            Self::ObjectLeftOut | Self::Missing { .. } => "build with cargo xtask build, or install a packaged build",
            Self::NoBtf(_) | Self::Types(_) => {
                "use a kernel built with CONFIG_DEBUG_INFO_BTF (all current distributions)"
            }
            Self::LsmNotActive { .. } => "add bpf to the lsm= boot parameter",
            Self::Lockdown { .. } => "see the lockdown= boot parameter and Secure Boot",
            Self::NotPermitted { .. } => NOT_PERMITTED,
            Self::Object(source) if matches!(errno(source), Some(libc::EPERM | libc::EACCES)) => NOT_PERMITTED,
            Self::Refused { .. } | Self::Object(_) | Self::MissingFields(_) => {
                "report this with the kernel version; other sensors are not affected"
            }
            Self::Processes(_) => "check the service's limits on threads and open files",
            Self::Pin(_) => "mount the BPF filesystem: mount -t bpf none /sys/fs/bpf",
            Self::Mounts(_) => "run as root with /proc mounted",
            Self::Guard(_) => "run hidsctl fim unlock to remove the pins, then restart",
            Self::Fanotify(_) => "run as root with CAP_SYS_ADMIN on a kernel with CONFIG_FANOTIFY",
        }
    }

    /// The message with that of each cause, in one line.
    pub fn with_sources(&self) -> String {
        // aya appends the verifier's log of many lines; the kernel's answer follows as the next cause.
        error_chain_without(self, |cause| matches!(cause.downcast_ref(), Some(ProgramError::LoadError { .. })))
    }
}

/// The error number of the system call behind a refusal.
fn errno(error: &(dyn std::error::Error + 'static)) -> Option<i32> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return io.raw_os_error();
        }
        cause = error.source();
    }
    None
}
