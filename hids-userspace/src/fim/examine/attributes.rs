//! Extended attributes.

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::io;
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, BorrowedFd};

use rustix::fs::{fgetxattr, flistxattr, lgetxattr, llistxattr};
use rustix::io::Errno;
use sha2::{Digest as _, Sha256};

/// Attributes by name.
pub(super) type Attributes = BTreeMap<Vec<u8>, Vec<u8>>;

/// Longer values are held as their sum.
const LONGEST_VALUE_BYTES: usize = 256;

/// The kernel's limit for a list and for a value (`XATTR_LIST_MAX`, `XATTR_SIZE_MAX`).
const MOST_BYTES: usize = 64 * 1024;

/// Of an open file.
pub(super) fn of_file(file: BorrowedFd<'_>) -> io::Result<Attributes> {
    collect(|list| flistxattr(file, list), |name, value| fgetxattr(file, name, value))
}

/// Of an entry that is not opened (a link, a pipe), named through its directory's descriptor.
pub(super) fn of_entry(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<Attributes> {
    // The longest is /proc/self/fd/, a number and a name of 255 bytes.
    let mut path = Vec::with_capacity(300);
    write!(path, "/proc/self/fd/{}/", directory.as_raw_fd())?;
    path.extend_from_slice(name.to_bytes());
    collect(|list| llistxattr(path.as_slice(), list), |name, value| lgetxattr(path.as_slice(), name, value))
}

type Call<'a> = &'a mut [u8];

fn collect(
    list: impl Fn(Call<'_>) -> rustix::io::Result<usize>,
    value_of: impl Fn(&CStr, Call<'_>) -> rustix::io::Result<usize>,
) -> io::Result<Attributes> {
    let mut attributes = Attributes::new();
    // Most files have none: one call that fills nothing.
    let mut small = [0; 512];
    let mut large = Vec::new();
    let names = match fill(&mut small, &mut large, &list) {
        Ok(names) => names,
        Err(Errno::NOTSUP | Errno::NOSYS) => return Ok(attributes),
        Err(error) => return Err(error.into()),
    };
    for name in names.split_inclusive(|&byte| byte == 0) {
        let Ok(name) = CStr::from_bytes_with_nul(name) else { continue };
        let (mut small, mut large) = ([0; 512], Vec::new());
        match fill(&mut small, &mut large, |buffer| value_of(name, buffer)) {
            Ok(value) => {
                attributes.insert(name.to_bytes().to_vec(), shortened(value));
            }
            // Taken away since it was listed.
            Err(Errno::NODATA) => {}
            // Listed, but without a value that can be asked for.
            Err(Errno::NOTSUP) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(attributes)
}

fn fill<'a>(
    small: &'a mut [u8],
    large: &'a mut Vec<u8>,
    call: impl Fn(Call<'_>) -> rustix::io::Result<usize>,
) -> rustix::io::Result<&'a [u8]> {
    match call(small) {
        Ok(length) => Ok(&small[..length.min(small.len())]),
        Err(Errno::RANGE) => {
            large.resize(MOST_BYTES, 0);
            let length = call(large)?;
            Ok(&large[..length.min(MOST_BYTES)])
        }
        Err(error) => Err(error),
    }
}

fn shortened(value: &[u8]) -> Vec<u8> {
    if value.len() <= LONGEST_VALUE_BYTES {
        return value.to_vec();
    }
    let mut text = b"sha256:".to_vec();
    for byte in Sha256::digest(value) {
        text.extend_from_slice(format!("{byte:02x}").as_bytes());
    }
    text
}
