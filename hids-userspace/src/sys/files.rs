//! Input and output priority of a thread, which neither rustix nor std sets.

use std::io;

/// How a thread's disk access stands against that of others (`ioprio_set(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DiskPriority {
    /// Only when nobody else reads or writes.
    Idle,
    /// As everybody, the last of eight steps.
    Low,
}

/// Sets the disk priority of the calling thread.
pub(crate) fn set_disk_priority(priority: DiskPriority) -> io::Result<()> {
    // include/uapi/linux/ioprio.h: class << 13 | level; IOPRIO_WHO_PROCESS with 0 is the calling thread.
    let value: libc::c_long = match priority {
        DiskPriority::Idle => 3 << 13,
        DiskPriority::Low => 2 << 13 | 7,
    };
    // SAFETY: the call takes three integers and touches no memory of this process.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, 1 as libc::c_long, 0 as libc::c_long, value) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// How many pages of `file` are in memory (`cachestat(2)`, Linux 6.5). Asking brings none in.
#[cfg(test)]
pub(crate) fn cached_pages(file: std::os::fd::BorrowedFd<'_>) -> io::Result<u64> {
    use std::os::fd::AsRawFd as _;
    // struct cachestat_range: offset and length, where 0 is up to the end; struct cachestat: five counters.
    let range = [0_u64, 0];
    let mut counters = [0_u64; 5];
    // SAFETY: both structures are arrays of 64-bit integers of the size that the kernel reads and writes.
    let result =
        unsafe { libc::syscall(451, file.as_raw_fd(), range.as_ptr(), counters.as_mut_ptr(), 0 as libc::c_ulong) };
    if result == 0 { Ok(counters[0]) } else { Err(io::Error::last_os_error()) }
}
