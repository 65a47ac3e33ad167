//! Ways to change a file that the standard library has no safe call for: the self-test does each and
//! looks whether it was seen.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::ptr;

use io_uring::{IoUring, opcode, types};
use rustix::mm::{MapFlags, ProtFlags, mmap, munmap};

/// Writes `bytes` to the beginning of `file` through a shared mapping, which is gone afterwards.
///
/// The file must be open for reading and writing and must not be shorter than `bytes`.
pub(crate) fn write_mapped(file: &File, bytes: &[u8]) -> io::Result<()> {
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

/// Writes `bytes` to the beginning of `file` through an io_uring, not by a system call for writing.
///
/// Fails with `ENOSYS` or `EPERM` where the kernel has no io_uring or does not grant it.
pub(crate) fn write_by_ring(file: &File, bytes: &'static [u8]) -> io::Result<()> {
    let length = u32::try_from(bytes.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
    let mut ring = IoUring::new(2)?;
    let write = opcode::Write::new(types::Fd(file.as_raw_fd()), bytes.as_ptr(), length).offset(0).build();
    // SAFETY: the bytes live for ever, and the kernel holds the file itself from the submission on.
    unsafe { ring.submission().push(&write) }.map_err(io::Error::other)?;
    loop {
        match ring.submit_and_wait(1) {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    let answer = ring.completion().next().ok_or(io::ErrorKind::UnexpectedEof)?;
    match u32::try_from(answer.result()) {
        Ok(written) if written == length => Ok(()),
        Ok(_) => Err(io::ErrorKind::WriteZero.into()),
        Err(_) => Err(io::Error::from_raw_os_error(-answer.result())),
    }
}
