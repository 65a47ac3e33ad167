//! Ways to change a file that the standard library has no safe call for: the self-test does each and
//! looks whether it was seen.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::ptr;

use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Writes `bytes` to the beginning of `file` through a shared mapping, which is gone afterwards.
///
/// The file must be open for reading and writing and must not be shorter than `bytes`.
pub fn write_mapped(file: &File, bytes: &[u8]) -> io::Result<()> {
    let length = bytes.len();
    if length == 0 || file.metadata()?.len() < length as u64 {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "nothing is mapped beyond the end of a file"));
    }
    // SAFETY: the kernel chooses a free place, so that nothing of this program is mapped over.
    let place = unsafe {
        mmap(ptr::null_mut(), length, ProtFlags::READ | ProtFlags::WRITE, MapFlags::SHARED, file.as_fd(), 0)
    }?;
    // SAFETY: `place` is writable for `length` bytes (the file is at least as long), and nobody else has it.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), place.cast(), length) };
    // SAFETY: exactly what was mapped above, and no reference to it is left.
    unsafe { munmap(place, length) }?;
    Ok(())
}
