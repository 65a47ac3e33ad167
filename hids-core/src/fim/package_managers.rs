//! Programs that install packages: whose writes below protected directories are right, and whose changes
//! of files belong together.

/// Executables of package managers that may write where everything else may not, unless the
/// administrator names others. Those that a machine does not have do no harm.
///
/// dnf and yum up to version 4 are scripts: their executable is a Python interpreter, which is not here
/// since every script would be allowed then. What they install is written by the same process, so
/// such a machine needs the interpreter (with its sum) under `<protect_allow>`, or monitor mode.
pub const PACKAGE_MANAGERS: [&str; 10] = [
    "/usr/bin/dpkg",
    "/usr/bin/apt",
    "/usr/bin/apt-get",
    "/usr/bin/aptitude",
    "/usr/bin/rpm",
    "/usr/bin/dnf",
    "/usr/bin/dnf5",
    "/usr/bin/microdnf",
    "/usr/bin/yum",
    "/usr/bin/zypper",
];

/// Names of services and scripts that install packages through one of those, as far as they can be told
/// by: the last part of the executable's path, or the name of the command where an interpreter runs it.
const SERVICES: [&str; 2] = ["unattended-upgr", "packagekitd"];

/// Whether a process is a package manager by the path of its executable or, where an interpreter runs
/// it, by the name of its command.
///
/// No proof: who calls himself so is not believed anything, but what he changes is looked at together.
pub fn is_package_manager(executable: &[u8], command: &[u8]) -> bool {
    let name = last_part(executable);
    let is_it = |manager: &[u8]| manager == name || manager == command;
    PACKAGE_MANAGERS.iter().any(|path| is_it(last_part(path.as_bytes())))
        || SERVICES.iter().any(|name| is_it(name.as_bytes()))
}

fn last_part(path: &[u8]) -> &[u8] {
    path.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn package_managers_are_known_by_executable_and_by_command() {
        assert!(is_package_manager(b"/usr/bin/dpkg", b"dpkg") && is_package_manager(b"/opt/rpm", b""));
        assert!(is_package_manager(b"/usr/bin/python3.11", b"yum"));
        assert!(is_package_manager(b"/usr/bin/python3.11", b"unattended-upgr"));
        assert!(!is_package_manager(b"/usr/bin/dpkg-deb", b"dpkg-deb") && !is_package_manager(b"", b""));
    }
}
