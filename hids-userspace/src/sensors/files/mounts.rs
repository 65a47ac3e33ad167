//! What is mounted where, from `/proc/thread-self/mountinfo` (proc_pid_mountinfo(5)): as the thread that asks sees it.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};

/// Filesystems whose files the kernel makes up: never entered from above, and without events.
const PSEUDO: &[&[u8]] = &[
    b"autofs",
    b"binfmt_misc",
    b"bpf",
    b"cgroup",
    b"cgroup2",
    b"configfs",
    b"debugfs",
    b"devpts",
    b"efivarfs",
    b"fusectl",
    b"hugetlbfs",
    b"mqueue",
    b"nsfs",
    b"proc",
    b"pstore",
    b"rpc_pipefs",
    b"securityfs",
    b"selinuxfs",
    b"sysfs",
    b"tracefs",
];

/// Network filesystems, which `skip_nfs` leaves out: their servers do not report writes of others.
const NETWORK: &[&[u8]] = &[b"nfs", b"nfs4", b"cifs", b"smb3", b"smbfs", b"9p", b"ceph", b"afs", b"fuse.sshfs"];

/// One line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Number of this mount, never two at one time.
    pub(super) id: u64,
    /// The filesystem's device, `8:1`: equal for all mounts of one filesystem.
    pub(super) device: Vec<u8>,
    /// Where it is mounted.
    pub(super) point: Vec<u8>,
    /// Type: `ext4`.
    pub(super) kind: Vec<u8>,
}

impl Mount {
    /// Whether a tree is watched across this mount, when it lies below a root.
    pub(super) fn is_entered(&self, skips_network: bool) -> bool {
        let kind = self.kind.as_slice();
        // Devices come and go all the time: whoever wants to know makes `/dev` a root.
        !is_pseudo(kind) && kind != b"devtmpfs" && !(skips_network && NETWORK.contains(&kind))
    }
}

/// Whether the kernel makes the files of such a filesystem up.
pub(super) fn is_pseudo(kind: &[u8]) -> bool {
    PSEUDO.contains(&kind)
}

/// The table, kept open: it reports when it changes.
#[derive(Debug)]
pub(super) struct MountTable(File);

impl MountTable {
    pub(super) fn open() -> io::Result<Self> {
        File::open("/proc/thread-self/mountinfo").map(Self)
    }

    /// The mounts as they are now.
    pub(super) fn read() -> io::Result<Vec<Mount>> {
        fs::read("/proc/thread-self/mountinfo").map(|text| parse(&text))
    }
}

impl AsFd for MountTable {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// The number of the mount that an open file was reached through.
pub(super) fn mount_id(file: impl AsFd) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_fd().as_raw_fd()))?;
    let number = text.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the kernel does not report the mount of a file"))
}

fn parse(text: &[u8]) -> Vec<Mount> {
    text.split(|&byte| byte == b'\n').filter_map(line).collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw`
fn line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    let device = fields.nth(1)?.to_vec();
    let point = unescape(fields.nth(1)?);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?.to_vec();
    Some(Mount { id, device, point, kind })
}

/// The kernel writes space, tab, line end and backslash as `\` and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let octal = (byte == b'\\').then(|| after.get(..3).and_then(octal)).flatten();
        plain.push(octal.unwrap_or(byte));
        rest = if octal.is_some() { &after[3..] } else { after };
    }
    plain
}

fn octal(digits: &[u8]) -> Option<u8> {
    let value = digits
        .iter()
        .try_fold(0u32, |value, digit| matches!(digit, b'0'..=b'7').then(|| value * 8 + u32::from(digit - b'0')))?;
    u8::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn points_with_spaces_and_optional_fields_are_read() {
        let text = b"36 35 98:0 /mnt1 /mnt\\0402\\134x rw,noatime master:1 shared:2 - ext4 /dev/root rw\nrubbish\n\
                     37 36 0:5 / /proc rw - proc proc rw\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].point, b"/mnt 2\\x");
        assert_eq!(
            (mounts[0].id, mounts[0].device.as_slice(), mounts[0].kind.as_slice()),
            (36, &b"98:0"[..], &b"ext4"[..])
        );
        assert!(mounts[0].is_entered(true) && !mounts[1].is_entered(false));
    }

    #[test]
    fn the_mount_of_an_open_file_is_in_the_table() {
        let mounts = MountTable::read().unwrap();
        let id = mount_id(File::open("/proc/self/status").unwrap()).unwrap();
        assert!(mounts.iter().any(|mount| mount.id == id && mount.kind == b"proc"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&text);
        }

        #[test]
        fn escaping_is_undone(name in proptest::collection::vec(1u8.., 1..40)) {
            let escaped: Vec<u8> = name.iter().flat_map(|&byte| match byte {
                b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
                other => vec![other],
            }).collect();
            prop_assert_eq!(unescape(&escaped), name);
        }
    }
}
