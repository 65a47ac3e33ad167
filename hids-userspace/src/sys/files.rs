//! Input and output priority of a thread, which neither rustix nor std sets.

use std::io;

/// How a thread's disk access stands against that of others (`ioprio_set(2)`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskPriority {
    /// Only when nobody else reads or writes.
    Idle,
    /// As everybody, the last of eight steps.
    Low,
}

/// Sets the disk priority of the calling thread.
pub fn set_disk_priority(priority: DiskPriority) -> io::Result<()> {
    // include/uapi/linux/ioprio.h: class << 13 | level; IOPRIO_WHO_PROCESS with 0 is the calling thread.
    let value: libc::c_long = match priority {
        DiskPriority::Idle => 3 << 13,
        DiskPriority::Low => 2 << 13 | 7,
    };
    // SAFETY: the call takes three integers and touches no memory of this process.
    let result = unsafe { libc::syscall(libc::SYS_ioprio_set, 1 as libc::c_long, 0 as libc::c_long, value) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
