//! System calls that no crate of the harness offers without `unsafe`: mappings, io_uring, handles of
//! files, a mount namespace for one thread.
#![expect(unsafe_code, reason = "no crate of the harness offers these calls without it")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::ptr;

use libc::{c_int, c_long, c_uint};

fn checked(result: c_long) -> io::Result<c_long> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A shared mapping of one page of a file.
#[derive(Debug)]
pub(crate) struct Mapping(*mut libc::c_void);

const PAGE: usize = 4096;

impl Mapping {
    /// Maps the first page of `file`, shared.
    pub(crate) fn shared(file: &File, protection: c_int) -> io::Result<Self> {
        // SAFETY: the kernel chooses the address; nothing that is mapped already is touched.
        let at = unsafe { libc::mmap(ptr::null_mut(), PAGE, protection, libc::MAP_SHARED, file.as_raw_fd(), 0) };
        if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(Self(at)) }
    }

    /// Makes it writable.
    pub(crate) fn make_writable(&self) -> io::Result<()> {
        // SAFETY: the page is ours and nobody holds a reference into it.
        checked(unsafe { libc::mprotect(self.0, PAGE, libc::PROT_READ | libc::PROT_WRITE) }.into()).map(drop)
    }

    /// Writes one byte; the mapping must be writable and the file not empty.
    pub(crate) fn write(&self, byte: u8) {
        // SAFETY: within the page, which the caller made writable.
        unsafe { self.0.cast::<u8>().write_volatile(byte) };
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the page is ours and this is the last use.
        unsafe { libc::munmap(self.0, PAGE) };
    }
}

/// Gives the calling thread a mount namespace of its own.
pub(crate) fn unshare_mounts() -> io::Result<()> {
    // SAFETY: takes a number only; the thread's working directory and root become its own.
    checked(unsafe { libc::unshare(libc::CLONE_NEWNS) }.into()).map(drop)
}

/// The handle of a file, and the descriptor of its filesystem.
pub(crate) fn handle_of(path: &Path) -> io::Result<Vec<u8>> {
    let mut handle = vec![0_u8; 8 + 128];
    handle[..4].copy_from_slice(&128_u32.to_ne_bytes());
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    let mut mount: c_int = 0;
    // SAFETY: the buffer holds the header and the bytes that it announces; the path ends with NUL.
    let result = unsafe {
        libc::syscall(
            libc::SYS_name_to_handle_at,
            libc::AT_FDCWD,
            path.as_ptr(),
            handle.as_mut_ptr(),
            &raw mut mount,
            0,
        )
    };
    checked(result).map(|_| handle)
}

/// Opens a file by its handle for writing; `on` is a directory of the same filesystem.
pub(crate) fn open_handle(on: &File, handle: &mut [u8]) -> io::Result<File> {
    // SAFETY: the buffer is one that `handle_of` filled.
    let result =
        unsafe { libc::syscall(libc::SYS_open_by_handle_at, on.as_raw_fd(), handle.as_mut_ptr(), libc::O_WRONLY) };
    let fd = checked(result)?;
    // SAFETY: the kernel just gave this descriptor to nobody else.
    Ok(unsafe { File::from_raw_fd(c_int::try_from(fd).expect("a descriptor")) })
}

/// An io_uring of one entry, used for one operation at a time.
#[derive(Debug)]
pub(crate) struct Ring {
    fd: OwnedFd,
    submissions: *mut u8,
    completions: *mut u8,
    entries: *mut Entry,
    parameters: Parameters,
}

/// `struct io_uring_sqe`, as far as it is used.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    opcode: u8,
    flags: u8,
    ioprio: u16,
    fd: i32,
    offset: u64,
    address: u64,
    length: u32,
    operation_flags: u32,
    rest: [u64; 4],
}

/// `struct io_uring_params`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
struct Parameters {
    sq_entries: u32,
    cq_entries: u32,
    flags: [u32; 8],
    /// head, tail, ring_mask, ring_entries, flags, dropped, array, reserved, user_addr (two words)
    sq: [u32; 10],
    /// head, tail, ring_mask, ring_entries, overflow, cqes, flags, reserved, user_addr (two words)
    cq: [u32; 10],
}

impl Ring {
    /// A new ring.
    pub(crate) fn new() -> io::Result<Self> {
        let mut parameters = Parameters::default();
        // SAFETY: the struct is the kernel's own, all zero as it demands.
        let fd = checked(unsafe { libc::syscall(libc::SYS_io_uring_setup, 1, &raw mut parameters) })?;
        // SAFETY: the kernel just gave this descriptor to nobody else.
        let fd = unsafe { OwnedFd::from_raw_fd(c_int::try_from(fd).expect("a descriptor")) };
        let map = |offset: i64| {
            // SAFETY: the kernel chooses the address.
            let at = unsafe {
                libc::mmap(
                    ptr::null_mut(),
                    PAGE,
                    libc::PROT_READ | libc::PROT_WRITE,
                    libc::MAP_SHARED,
                    fd.as_raw_fd(),
                    offset,
                )
            };
            if at == libc::MAP_FAILED { Err(io::Error::last_os_error()) } else { Ok(at.cast::<u8>()) }
        };
        let (submissions, completions, entries) = (map(0)?, map(0x0800_0000)?, map(0x1000_0000)?);
        Ok(Self { fd, submissions, completions, entries: entries.cast(), parameters })
    }

    /// `openat` of an absolute path; returns the descriptor.
    pub(crate) fn open(&self, path: &Path, flags: c_int) -> io::Result<File> {
        let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
        let entry = Entry {
            opcode: 18,
            fd: libc::AT_FDCWD,
            address: path.as_ptr() as u64,
            length: 0o600,
            operation_flags: c_uint::try_from(flags).expect("flags"),
            ..Entry::default()
        };
        // SAFETY: a descriptor that the kernel just gave to nobody else.
        self.submit(entry).map(|fd| unsafe { File::from_raw_fd(fd) })
    }

    /// `pwrite`.
    pub(crate) fn write(&self, file: &File, bytes: &[u8]) -> io::Result<i32> {
        let length = u32::try_from(bytes.len()).expect("short");
        self.submit(Entry {
            opcode: 23,
            fd: file.as_raw_fd(),
            address: bytes.as_ptr() as u64,
            length,
            ..Entry::default()
        })
    }

    /// Submits one entry and waits for its result. What it points to must live until then, as it does.
    fn submit(&self, entry: Entry) -> io::Result<i32> {
        let word = |ring: *mut u8, offset: u32| ring.wrapping_add(offset as usize).cast::<u32>();
        let tail = word(self.submissions, self.parameters.sq[1]);
        // SAFETY: places in the mapped rings that the kernel told; the ring is empty and only this thread uses it.
        unsafe {
            let index = *tail & *word(self.submissions, self.parameters.sq[2]);
            *self.entries.add(index as usize) = entry;
            *word(self.submissions, self.parameters.sq[6]).add(index as usize) = index;
            std::sync::atomic::AtomicU32::from_ptr(tail).fetch_add(1, std::sync::atomic::Ordering::Release);
        }
        // SAFETY: numbers only. 1 is IORING_ENTER_GETEVENTS.
        checked(unsafe { libc::syscall(libc::SYS_io_uring_enter, self.fd.as_raw_fd(), 1, 1, 1, 0, 0) })?;
        let head = word(self.completions, self.parameters.cq[0]);
        // SAFETY: as above; the call came back, so one completion is there. It is 16 bytes: data, result, flags.
        let result = unsafe {
            let index = *head & *word(self.completions, self.parameters.cq[2]);
            let at = self.completions.add(self.parameters.cq[5] as usize + 16 * index as usize + 8).cast::<i32>();
            let result = at.read_volatile();
            std::sync::atomic::AtomicU32::from_ptr(head).fetch_add(1, std::sync::atomic::Ordering::Release);
            result
        };
        if result < 0 { Err(io::Error::from_raw_os_error(-result)) } else { Ok(result) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        for at in [self.submissions, self.completions, self.entries.cast()] {
            // SAFETY: mapped by `new`, and this is the last use.
            unsafe { libc::munmap(at.cast(), PAGE) };
        }
    }
}

/// Sets the size of a file by its name.
pub(crate) fn truncate(path: &std::ffi::CStr, size: i64) -> io::Result<()> {
    // SAFETY: the path ends with NUL.
    checked(unsafe { libc::truncate(path.as_ptr(), size) }.into()).map(drop)
}

/// An ioctl whose argument is a null pointer: what the kernel asks first, it answers all the same.
pub(crate) fn ioctl_without_argument(file: &File, command: u32) -> io::Result<()> {
    // SAFETY: no argument is read or written; the kernel refuses the pointer.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), command as _, ptr::null_mut::<libc::c_void>()) };
    checked(result.into()).map(drop)
}

/// An ioctl whose argument is as long as its number says.
pub(crate) fn ioctl_with(file: &File, command: u32, argument: &mut [u8]) -> io::Result<()> {
    assert_eq!(command as usize >> 16 & 0x3fff, argument.len(), "the length is a part of the number");
    // SAFETY: the kernel reads and writes at most the bytes that the number tells.
    let result = unsafe { libc::ioctl(file.as_raw_fd(), command as _, argument.as_mut_ptr()) };
    checked(result.into()).map(drop)
}

/// Nanoseconds and runs of all BPF LSM programs, since the kernel counts (`kernel.bpf_stats_enabled`).
pub(crate) fn lsm_programs_time() -> io::Result<(u64, u64)> {
    /// `BPF_PROG_GET_NEXT_ID`, `BPF_PROG_GET_FD_BY_ID` and `BPF_PROG_TYPE_LSM` in `include/uapi/linux/bpf.h`.
    const NEXT: c_int = 11;
    const OPEN: c_int = 13;
    const LSM: u64 = 29;
    let (mut time, mut runs, mut id) = (0, 0, 0);
    loop {
        // Number to begin after or to open, the next number, flags.
        let mut attributes = [id, 0_u32, 0, 0];
        // SAFETY: the kernel reads and writes at most the bytes that it is told of.
        let asked = unsafe { libc::syscall(libc::SYS_bpf, NEXT, attributes.as_mut_ptr(), size_of_val(&attributes)) };
        if asked < 0 {
            return Ok((time, runs));
        }
        id = attributes[1];
        attributes = [id, 0, 0, 0];
        // SAFETY: as above.
        let fd = unsafe { libc::syscall(libc::SYS_bpf, OPEN, attributes.as_mut_ptr(), size_of_val(&attributes)) };
        let fd = checked(fd)?;
        // SAFETY: the call has just given this descriptor, and nobody else knows it.
        let program = unsafe { OwnedFd::from_raw_fd(fd as c_int) };
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", program.as_raw_fd()))?;
        let number = |name: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            line.and_then(|value| value.trim().parse::<u64>().ok()).unwrap_or_default()
        };
        if number("prog_type") == LSM {
            time += number("run_time_ns");
            runs += number("run_cnt");
        }
    }
}
