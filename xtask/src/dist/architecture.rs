//! For which processor packages are made, and every name that it has in them.

use anyhow::{Result, bail};
use clap::ValueEnum;

/// A processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Architecture {
    /// Intel's and AMD's, 64 bits
    #[default]
    #[value(name = "x86_64")]
    X86_64,
    /// Arm's, 64 bits
    // Not offered by the help as long as it only says what is missing.
    #[value(name = "aarch64", hide = true)]
    Aarch64,
}

impl Architecture {
    /// That of the debug programs.
    pub(super) const fn of_this_machine() -> Self {
        if cfg!(target_arch = "aarch64") { Self::Aarch64 } else { Self::X86_64 }
    }

    /// The compiler's name of it with Linux and glibc.
    pub(super) const fn target(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// The kernel's and Red Hat's name, in the file names of the .rpm and of archives.
    pub(super) const fn rpm(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    /// Debian's name, in the .deb's file name and in the lists of a repository.
    pub(super) const fn deb(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Aarch64 => "arm64",
        }
    }

    /// The dynamic linker that its programs name.
    pub(super) const fn loader(self) -> &'static str {
        match self {
            Self::X86_64 => "ld-linux-x86-64.so.2",
            Self::Aarch64 => "ld-linux-aarch64.so.1",
        }
    }

    /// Whether packages for it can be made here.
    ///
    /// # Errors
    /// When they cannot, with what is missing.
    pub(super) fn check(self) -> Result<()> {
        match self {
            Self::X86_64 if cfg!(target_arch = "x86_64") => Ok(()),
            Self::X86_64 => bail!("packages for x86_64 are made on an x86_64 machine: libnftnl.a is taken from it"),
            Self::Aarch64 => bail!(
                "no packages are made for aarch64: libnftnl.a and libmnl.so would be needed for it, objcopy of this \
                 machine's binutils cannot part its debug information, and neither the BPF programs nor the daemon \
                 have ever run there. To try hids on such a machine, build it there: cargo xtask build"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_built_says_what_is_missing() {
        let refused = Architecture::Aarch64.check().expect_err("it is not built");
        assert!(refused.to_string().contains("libnftnl.a"), "{refused}");
        assert_eq!(Architecture::X86_64.check().is_ok(), cfg!(target_arch = "x86_64"));
    }
}
