//! fanotify groups and file handles, on owned descriptors.
//!
//! fanotify-rs makes the group and sets marks; reading and handles are plain system calls. Never
//! interprets an event.

use std::ffi::CStr;
use std::io;
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use fanotify::low_level::{FAN_CLOEXEC, FAN_NONBLOCK, O_CLOEXEC, O_RDONLY, fanotify_init, fanotify_mark};

/// Bytes before a handle's data: its length and its type, both of 32 bits (`struct file_handle`).
pub(crate) const HANDLE_HEADER_BYTES: usize = 8;

/// The longest data of a handle (`MAX_HANDLE_SZ` in `include/linux/exportfs.h`).
const MOST_HANDLE_DATA_BYTES: usize = 128;

/// `AT_HANDLE_FID` (Linux 6.5): a handle that need not lead back to the file, as fanotify reports it.
const AT_HANDLE_FID: i32 = 0x200;

/// A fanotify group: a queue of events in the kernel. Children do not inherit it; reading never waits.
#[derive(Debug)]
pub(crate) struct FanotifyGroup(OwnedFd);

impl FanotifyGroup {
    /// Makes a group with `flags` of `fanotify_init(2)`.
    pub(crate) fn open(flags: u32) -> io::Result<Self> {
        let raw = fanotify_init(flags | FAN_CLOEXEC | FAN_NONBLOCK, (O_RDONLY | O_CLOEXEC).unsigned_abs())?;
        // SAFETY: the call has just given this descriptor, and nobody else knows it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(raw) }))
    }

    /// Adds or removes a mark on an open directory, or on the filesystem that it is on.
    pub(crate) fn mark(&self, flags: u32, mask: u64, directory: BorrowedFd<'_>) -> io::Result<()> {
        fanotify_mark(self.0.as_raw_fd(), flags, mask, directory.as_raw_fd(), ".")
    }

    /// Reads whole events into `buffer`; 0 when there are none now.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match rustix::io::read(&self.0, &mut *buffer) {
                Ok(length) => return Ok(length),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(0),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for FanotifyGroup {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// `struct file_handle` with room for the longest data.
#[repr(C)]
struct RawHandle {
    data_bytes: u32,
    kind: i32,
    data: [u8; MOST_HANDLE_DATA_BYTES],
}

impl RawHandle {
    const EMPTY: Self = Self { data_bytes: MOST_HANDLE_DATA_BYTES as u32, kind: 0, data: [0; MOST_HANDLE_DATA_BYTES] };

    /// From a header with its data; `None` when the lengths do not fit together.
    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (header, data) = bytes.split_at_checked(HANDLE_HEADER_BYTES)?;
        let data_bytes = u32::from_ne_bytes(header.get(..4)?.try_into().ok()?);
        let kind = i32::from_ne_bytes(header.get(4..)?.try_into().ok()?);
        let mut raw = Self { data_bytes, kind, data: [0; MOST_HANDLE_DATA_BYTES] };
        if data.len() != data_bytes as usize {
            return None;
        }
        raw.data.get_mut(..data.len())?.copy_from_slice(data);
        Some(raw)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let length = (self.data_bytes as usize).min(MOST_HANDLE_DATA_BYTES);
        let mut bytes = Vec::with_capacity(HANDLE_HEADER_BYTES + length);
        bytes.extend_from_slice(&self.data_bytes.to_ne_bytes());
        bytes.extend_from_slice(&self.kind.to_ne_bytes());
        bytes.extend_from_slice(&self.data[..length]);
        bytes
    }
}

const _: () = assert!(size_of::<RawHandle>() == HANDLE_HEADER_BYTES + MOST_HANDLE_DATA_BYTES);

/// Opens (`O_PATH`, never a link's target) what `handle` stands for, on the filesystem that `mount`
/// is on; `handle` is a header with data, as fanotify reports it.
///
/// `ESTALE` when there is no such file any more.
pub(crate) fn open_by_handle(mount: BorrowedFd<'_>, handle: &[u8]) -> io::Result<OwnedFd> {
    let mut raw = RawHandle::from_bytes(handle).ok_or(io::ErrorKind::InvalidInput)?;
    let pointer: *mut libc::file_handle = (&raw mut raw).cast();
    let flags = libc::O_PATH | libc::O_CLOEXEC | libc::O_NOFOLLOW;
    // SAFETY: `pointer` leads to a header and as many bytes of data as the header says.
    let opened = unsafe { libc::open_by_handle_at(mount.as_raw_fd(), pointer, flags) };
    if opened < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the call has just given this descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(opened) })
}

/// The handle of an open file or directory, header and data, as fanotify reports it.
pub(crate) fn handle_of(file: BorrowedFd<'_>) -> io::Result<Vec<u8>> {
    // Kernels before 6.5 do not know the flag, and report handles that lead back.
    handle_with(file, AT_HANDLE_FID).or_else(|_| handle_with(file, 0))
}

fn handle_with(file: BorrowedFd<'_>, flags: i32) -> io::Result<Vec<u8>> {
    let mut raw = RawHandle::EMPTY;
    let mut mount_id = 0;
    let empty: &CStr = c"";
    let pointer: *mut libc::file_handle = (&raw mut raw).cast();
    let flags = flags | libc::AT_EMPTY_PATH;
    // SAFETY: `pointer` leads to a header that tells how much room follows it; the name ends with NUL.
    let done = unsafe { libc::name_to_handle_at(file.as_raw_fd(), empty.as_ptr(), pointer, &raw mut mount_id, flags) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(raw.to_bytes()) }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn a_handle_leads_back_to_its_directory() {
        let directory = tempfile::tempdir().unwrap();
        let file = File::open(directory.path()).unwrap();
        let handle = handle_of(file.as_fd()).unwrap();
        match open_by_handle(file.as_fd(), &handle) {
            Ok(again) => {
                let path = std::fs::read_link(format!("/proc/self/fd/{}", again.as_raw_fd())).unwrap();
                assert_eq!(path, directory.path().canonicalize().unwrap());
            }
            // Not every filesystem's handles lead back, and only root may follow them.
            Err(error) => {
                hids_tests::require::skip("root", &format!("this filesystem or user cannot open by handle: {error}"));
            }
        }
    }

    #[test]
    fn handles_with_wrong_lengths_are_refused() {
        let file = File::open("/").unwrap();
        for handle in [&b""[..], &[1, 0, 0, 0, 1, 0, 0, 0], &[200; 300]] {
            let refused = open_by_handle(file.as_fd(), handle).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::InvalidInput);
        }
    }
}
