//! The mount table as the kernel writes it: `/proc/PID/mountinfo` (proc_pid_mountinfo(5)).

use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd as _};
use std::os::unix::ffi::OsStringExt as _;
use std::path::PathBuf;

/// Major and minor number.
pub(crate) type Device = (u32, u32);

/// One mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MountLine {
    /// Number of this mount, never two at one time.
    pub id: u64,
    /// The filesystem's: equal for all of its mounts.
    pub device: Device,
    /// Which directory of the filesystem is mounted.
    pub root: Vec<u8>,
    /// Where.
    pub point: Vec<u8>,
    /// Type: `ext4`.
    pub kind: Vec<u8>,
    /// Options of the filesystem.
    pub options: Vec<u8>,
}

impl MountLine {
    /// Where it is mounted.
    pub(crate) fn point_path(&self) -> PathBuf {
        path(&self.point)
    }

    /// Which directory of the filesystem is mounted.
    pub(crate) fn root_path(&self) -> PathBuf {
        path(&self.root)
    }
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes.to_vec()))
}

/// The mounts in the text of a table; what is no mount is left out.
pub(crate) fn parse(text: &[u8]) -> impl Iterator<Item = MountLine> {
    text.split(|&byte| byte == b'\n').filter_map(parse_line)
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue`
fn parse_line(line: &[u8]) -> Option<MountLine> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = number(fields.next()?)?;
    let device = fields.nth(1)?;
    let (major, minor) = device.split_at(device.iter().position(|&byte| byte == b':')?);
    let device = (number(major)?, number(&minor[1..])?);
    let (root, point) = (unescape(fields.next()?), unescape(fields.next()?));
    let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
    let kind = rest.next()?.to_vec();
    let options = unescape(rest.nth(1).unwrap_or_default());
    Some(MountLine { id, device, root, point, kind, options })
}

fn number<N: std::str::FromStr>(text: &[u8]) -> Option<N> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The kernel writes space, tab, line end and backslash as `\` and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        let digits = after.first_chunk::<3>().filter(|_| *first == b'\\');
        let (byte, used) = digits.and_then(octal).map_or((*first, 1), |byte| (byte, 4));
        plain.push(byte);
        rest = &rest[used..];
    }
    plain
}

fn octal(digits: &[u8; 3]) -> Option<u8> {
    let digit = |byte: u8| matches!(byte, b'0'..=b'7').then(|| u32::from(byte - b'0'));
    let [a, b, c] = *digits;
    u8::try_from(digit(a)? << 6 | digit(b)? << 3 | digit(c)?).ok()
}

/// The number of the mount that an open file was reached through.
///
/// # Errors
/// When `/proc` is not there or does not say.
pub(crate) fn mount_id(file: impl AsFd) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/self/fdinfo/{}", file.as_fd().as_raw_fd()))?;
    let number = text.lines().find_map(|line| line.strip_prefix("mnt_id:")?.trim().parse().ok());
    number.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the kernel does not report the mount of a file"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn escapes_and_optional_fields_are_understood() {
        let text = b"36 35 98:0 /a\\134b /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/root rw,a=b\\011c\n\
            37 36 0:4 / /proc rw - proc proc rw\nrubbish\n38 36 0:x / / rw - a b c\n\n";
        let lines: Vec<MountLine> = parse(text).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].id, lines[0].device), (36, (98, 0)));
        assert_eq!((&*lines[0].root, &*lines[0].point), (&b"/a\\b"[..], &b"/mnt 2"[..]));
        assert_eq!((&*lines[0].kind, &*lines[0].options), (&b"ext3"[..], &b"rw,a=b\tc"[..]));
        assert_eq!((lines[1].point_path(), lines[1].root_path()), ("/proc".into(), "/".into()));
    }

    #[test]
    fn the_table_of_this_machine_has_the_mount_of_a_file() {
        let id = mount_id(fs::File::open("/proc/self/status").expect("there")).expect("a number");
        let table = fs::read("/proc/self/mountinfo").expect("readable");
        assert!(parse(&table).any(|mount| mount.id == id && mount.kind == b"proc"));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(parse(&bytes).count() <= bytes.len() + 1);
            prop_assert!(unescape(&bytes).len() <= bytes.len());
        }
    }
}
