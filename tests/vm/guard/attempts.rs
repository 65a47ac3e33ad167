//! Ways to change a protected file. Each is one attempt by root in a directory of its own.

use std::ffi::CStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _, chown, symlink};
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FallocateFlags, FileType, IFlags, MemfdFlags, Mode, OFlags, RenameFlags, XattrFlags};

use super::fixture::Case;
use crate::raw::{self, Mapping, Ring};

/// One way.
pub(super) struct Attempt {
    /// Its name in the table, and (made plain) that of its directory.
    pub name: &'static str,
    /// Does it; an error means that it was refused.
    pub run: fn(&Case) -> io::Result<()>,
}

const fn attempt(name: &'static str, run: fn(&Case) -> io::Result<()>) -> Attempt {
    Attempt { name, run }
}

/// All of them, but for mounts.
pub(super) const ATTEMPTS: &[Attempt] = &[
    attempt("open for writing", |case| write_to(&case.inside.join("file"))),
    attempt("open for appending", |case| OpenOptions::new().append(true).open(case.inside.join("file")).map(drop)),
    attempt("open with O_TRUNC for reading", |case| {
        let flags = OFlags::RDONLY | OFlags::TRUNC;
        Ok(rustix::fs::open(case.inside.join("file"), flags, Mode::empty()).map(drop)?)
    }),
    attempt("open through a symbolic link from outside", |case| {
        symlink(case.inside.join("file"), case.outside.join("way"))?;
        write_to(&case.outside.join("way"))
    }),
    attempt("open by file handle", open_by_handle),
    attempt("reopen through /proc/self/fd", |case| {
        let file = File::open(case.inside.join("file"))?;
        write_to(Path::new(&format!("/proc/self/fd/{}", file.as_raw_fd())))
    }),
    attempt("hard link made before, from outside", |case| write_to(&case.outside.join("linked"))),
    attempt("io_uring openat", |case| Ring::new()?.open(&case.inside.join("file"), libc::O_WRONLY).map(drop)),
    attempt("truncate", |case| {
        let path = std::ffi::CString::new(case.inside.join("file").into_os_string().into_encoded_bytes())?;
        raw::truncate(&path, 1)
    }),
    attempt("create", |case| File::create_new(case.inside.join("new")).map(drop)),
    attempt("io_uring openat with O_CREAT", |case| {
        Ring::new()?.open(&case.inside.join("new"), libc::O_WRONLY | libc::O_CREAT | libc::O_EXCL).map(drop)
    }),
    attempt("O_TMPFILE inside", |case| {
        let flags = OFlags::WRONLY | OFlags::TMPFILE;
        Ok(rustix::fs::open(&case.inside, flags, Mode::RUSR).map(drop)?)
    }),
    attempt("O_TMPFILE outside and linkat", |case| {
        let flags = OFlags::WRONLY | OFlags::TMPFILE;
        let file = rustix::fs::open(&case.outside, flags, Mode::RUSR | Mode::WUSR)?;
        link_descriptor(&file, &case.inside.join("new"))
    }),
    attempt("memfd and linkat", |case| {
        let file = rustix::fs::memfd_create(c"m", MemfdFlags::CLOEXEC)?;
        link_descriptor(&file, &case.inside.join("new"))
    }),
    attempt("mkdir", |case| fs::create_dir(case.inside.join("new"))),
    attempt("mknod: pipe", |case| node(case, FileType::Fifo)),
    attempt("mknod: device", |case| node(case, FileType::CharacterDevice)),
    attempt("bind of a Unix socket", |case| std::os::unix::net::UnixListener::bind(case.inside.join("new")).map(drop)),
    attempt("symlink", |case| symlink("/etc", case.inside.join("new"))),
    attempt("hard link in", |case| fs::hard_link(case.outside.join("file"), case.inside.join("new"))),
    attempt("hard link out", |case| fs::hard_link(case.inside.join("file"), case.outside.join("new"))),
    attempt("unlink", |case| fs::remove_file(case.inside.join("file"))),
    attempt("rmdir", |case| fs::remove_dir(case.inside.join("empty"))),
    attempt("rename inside", |case| fs::rename(case.inside.join("file"), case.inside.join("new"))),
    attempt("rename out", |case| fs::rename(case.inside.join("file"), case.outside.join("new"))),
    attempt("rename in", |case| fs::rename(case.outside.join("file"), case.inside.join("new"))),
    attempt("rename over", |case| fs::rename(case.outside.join("file"), case.inside.join("file"))),
    attempt("rename of a directory in", |case| fs::rename(case.outside.join("full"), case.inside.join("new"))),
    attempt("rename: exchange", |case| {
        let (from, to) = (case.outside.join("file"), case.inside.join("file"));
        Ok(rustix::fs::renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE)?)
    }),
    attempt("chmod", |case| fs::set_permissions(case.inside.join("file"), fs::Permissions::from_mode(0o777))),
    attempt("chmod of a directory", |case| {
        fs::set_permissions(case.inside.join("full"), fs::Permissions::from_mode(0o777))
    }),
    attempt("chown", |case| chown(case.inside.join("file"), Some(1000), None)),
    attempt("utimes", |case| File::open(case.inside.join("file"))?.set_modified(std::time::UNIX_EPOCH)),
    attempt("setxattr", |case| set_attribute(&case.inside.join("file"), c"trusted.new", b"value")),
    attempt("removexattr", |case| Ok(rustix::fs::removexattr(case.inside.join("xattr"), c"trusted.test")?)),
    attempt("set ACL", |case| set_attribute(&case.inside.join("file"), c"system.posix_acl_access", &access_list())),
    attempt("chattr", |case| {
        let file = File::open(case.inside.join("file"))?;
        let flags = rustix::fs::ioctl_getflags(&file)?;
        Ok(rustix::fs::ioctl_setflags(&file, flags | IFlags::NODUMP)?)
    }),
    attempt("write to a descriptor opened before", |case| case.old.write_at(b"new", 0).map(drop)),
    attempt("ftruncate of a descriptor opened before", |case| case.old.set_len(1)),
    attempt("fallocate on a descriptor opened before", |case| {
        Ok(rustix::fs::fallocate(&case.old, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, 0, 4096)?)
    }),
    attempt("copy_file_range to a descriptor opened before", |case| {
        let from = File::open(case.outside.join("file"))?;
        Ok(rustix::fs::copy_file_range(&from, None, &case.old, None, 100).map(drop)?)
    }),
    attempt("io_uring write to a descriptor opened before", |case| Ring::new()?.write(&case.old, b"new").map(drop)),
    attempt("shared writable mapping of a descriptor opened before", |case| {
        let mapping = Mapping::shared(&case.old, libc::PROT_READ | libc::PROT_WRITE)?;
        mapping.write(b'y');
        Ok(())
    }),
    attempt("mprotect of a shared mapping", |case| {
        let mapping = Mapping::shared(&case.old, libc::PROT_READ)?;
        mapping.make_writable()?;
        mapping.write(b'y');
        Ok(())
    }),
    attempt("another mount namespace", |case| {
        let path = case.inside.join("file");
        let thread = std::thread::spawn(move || {
            raw::unshare_mounts()?;
            write_to(&path)
        });
        thread.join().expect("a thread")
    }),
];

pub(super) fn write_to(path: &Path) -> io::Result<()> {
    OpenOptions::new().write(true).open(path)?.write_at(b"new", 0).map(drop)
}

/// With the file out of the cache, the handle leads to it without its directory.
fn open_by_handle(case: &Case) -> io::Result<()> {
    let mut handle = raw::handle_of(&case.inside.join("file"))?;
    fs::write("/proc/sys/vm/drop_caches", "2")?;
    let directory = OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY).open(&case.outside)?;
    raw::open_handle(&directory, &mut handle)?.write_at(b"new", 0).map(drop)
}

fn link_descriptor(file: &rustix::fd::OwnedFd, to: &Path) -> io::Result<()> {
    let from = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(rustix::fs::linkat(CWD, from, CWD, to, AtFlags::SYMLINK_FOLLOW)?)
}

fn node(case: &Case, kind: FileType) -> io::Result<()> {
    Ok(rustix::fs::mknodat(CWD, case.inside.join("new"), kind, Mode::RUSR, rustix::fs::makedev(1, 3))?)
}

fn set_attribute(path: &Path, name: &CStr, value: &[u8]) -> io::Result<()> {
    Ok(rustix::fs::setxattr(path, name, value, XattrFlags::empty())?)
}

/// user::rw-, user:1000:rw-, group::r--, mask::rw-, other::r-- in the form of
/// `include/uapi/linux/posix_acl_xattr.h`.
fn access_list() -> Vec<u8> {
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in
        [(1_u16, 6_u16, u32::MAX), (2, 6, 1000), (4, 4, u32::MAX), (0x10, 6, u32::MAX), (0x20, 4, u32::MAX)]
    {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(permissions.to_le_bytes());
        bytes.extend(id.to_le_bytes());
    }
    bytes
}
