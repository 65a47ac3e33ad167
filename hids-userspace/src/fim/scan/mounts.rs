//! Filesystems that scans do not enter.

use std::io;
use std::os::fd::BorrowedFd;

use super::NotScanned;

/// Whose files are on other machines (`linux/magic.h`; SMB2 from `fs/smb/common/smb2pdu.h`).
const NETWORK: &[(u32, &str)] = &[
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb"),
    (0x517b, "smbfs"),
    (0x0102_1997, "9p"),
    (0x5346_414f, "afs"),
    (0x00c3_6400, "ceph"),
];

/// Whose files are made up by the kernel (`linux/magic.h`).
const PSEUDO: &[(u32, &str)] = &[
    (0x9fa0, "proc"),
    (0x6265_6572, "sysfs"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0xcafe_4a11, "bpf"),
    (0x0027_e0eb, "cgroup"),
    (0x6367_7270, "cgroup2"),
    (0x6165_676c, "pstore"),
    (0x1980_0202, "mqueue"),
    (0x1cd1, "devpts"),
    (0x6265_6570, "configfs"),
    (0x0187, "autofs"),
    (0x4249_4e4d, "binfmt_misc"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x6e73_6673, "nsfs"),
    (0xde5e_81e4, "efivarfs"),
    (0x9584_58f6, "hugetlbfs"),
    (0x6759_6969, "rpc_pipefs"),
    (0x6573_5543, "fusectl"),
];

/// Why the filesystem of `directory` is not entered, if it is not.
pub(super) fn refused(
    directory: BorrowedFd<'_>,
    skips_network: bool,
    allows_pseudo: bool,
) -> io::Result<Option<NotScanned>> {
    // The field is signed and of different width on different machines; magic numbers have 32 bits.
    let magic = rustix::fs::fstatfs(directory)?.f_type as u32;
    let named = |list: &[(u32, &'static str)]| list.iter().find(|(known, _)| *known == magic).map(|(_, name)| *name);
    if skips_network && let Some(name) = named(NETWORK) {
        return Ok(Some(NotScanned::NetworkFilesystem(name)));
    }
    Ok(named(PSEUDO).filter(|_| !allows_pseudo).map(NotScanned::PseudoFilesystem))
}
