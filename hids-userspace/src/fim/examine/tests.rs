use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hids_core::fim::Checks;
use hids_core::model::FileKind;
use md5::Digest as _;

use super::*;
use crate::sys::files::cached_pages;

fn look(path: &Path) -> Option<Examined> {
    examine(path.as_os_str().as_bytes(), Checks::all(true), &ExamineOptions::default()).unwrap()
}

fn sha256(content: &[u8]) -> Option<[u8; 32]> {
    Some(sha2::Sha256::digest(content).into())
}

fn directory() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn state_of_a_file_is_what_stat_and_other_implementations_of_the_sums_say() {
    let directory = directory();
    let path = directory.path().join("file");
    let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    fs::write(&path, &content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o4751)).unwrap();
    let checks = Checks { blake3: true, ..Checks::all(true) };
    let seen = examine(path.as_os_str().as_bytes(), checks, &ExamineOptions::default()).unwrap().unwrap();
    let metadata = fs::metadata(&path).unwrap();
    let state = &seen.state;
    assert!(seen.unread.is_none(), "{:?}", seen.unread);
    assert_eq!(state.kind, FileKind::Regular);
    assert_eq!((state.mode, state.size_bytes), (0o104_751, 1_200_000));
    assert_eq!((state.uid, state.gid, state.links), (metadata.uid(), metadata.gid(), 1));
    assert_eq!((state.device, state.inode), (metadata.dev(), metadata.ino()));
    assert_eq!(state.modified.unix_nanos(), metadata.mtime() * 1_000_000_000 + metadata.mtime_nsec());
    assert_eq!(state.changed.unix_nanos(), metadata.ctime() * 1_000_000_000 + metadata.ctime_nsec());
    assert_eq!(state.digests.sha256, sha256(&content));
    assert_eq!(state.digests.md5, Some(md5::Md5::digest(&content).into()));
    assert_eq!(state.digests.sha1, Some(sha1::Sha1::digest(&content).into()));
    assert_eq!(state.digests.blake3, Some(*blake3::hash(&content).as_bytes()));
}

#[test]
fn well_known_sums_of_an_empty_file() {
    let directory = directory();
    let path = directory.path().join("empty");
    fs::write(&path, b"").unwrap();
    let digests = look(&path).unwrap().state.digests;
    // RFC 1321, FIPS 180-4.
    assert_eq!(digests.md5.unwrap()[..4], [0xd4, 0x1d, 0x8c, 0xd9]);
    assert_eq!(digests.sha1.unwrap()[..4], [0xda, 0x39, 0xa3, 0xee]);
    assert_eq!(digests.sha256.unwrap()[..4], [0xe3, 0xb0, 0xc4, 0x42]);
    assert_eq!(digests.blake3, None);
}

#[test]
fn nothing_is_there_when_the_name_or_its_directory_is_gone() {
    let directory = directory();
    fs::write(directory.path().join("file"), b"").unwrap();
    for path in ["absent", "absent/file", "file/below"] {
        assert!(look(&directory.path().join(path)).is_none(), "{path}");
    }
    let long = directory.path().join(OsStr::from_bytes(&[b'a'; 256]));
    assert!(look(&long).is_none());
}

#[test]
fn link_on_the_way_leads_to_nothing() {
    let directory = directory();
    fs::create_dir(directory.path().join("real")).unwrap();
    fs::write(directory.path().join("real/file"), b"secret").unwrap();
    symlink("real", directory.path().join("link")).unwrap();
    assert!(look(&directory.path().join("real/file")).is_some());
    assert!(look(&directory.path().join("link/file")).is_none());
}

#[test]
fn link_has_its_own_state_and_the_sums_of_the_file_that_it_leads_to() {
    let directory = directory();
    fs::write(directory.path().join("file"), b"content").unwrap();
    symlink("file", directory.path().join("link")).unwrap();
    symlink("nowhere", directory.path().join("dangling")).unwrap();
    symlink("loop", directory.path().join("loop")).unwrap();
    let seen = look(&directory.path().join("link")).unwrap();
    assert_eq!(seen.state.kind, FileKind::Symlink);
    assert_eq!(seen.state.link_target.as_deref(), Some(&b"file"[..]));
    assert_eq!(seen.state.size_bytes, 4);
    assert_eq!(seen.state.digests.sha256, sha256(b"content"));
    for name in ["dangling", "loop"] {
        let seen = look(&directory.path().join(name)).unwrap();
        assert_eq!(seen.state.digests, Default::default(), "{name}");
        assert!(seen.unread.is_none(), "{:?}", seen.unread);
    }
}

/// A pipe that is opened for reading lets a writer open it without waiting: so a writer tells whether
/// somebody has.
#[test]
fn pipes_sockets_and_links_to_them_are_not_opened() {
    let directory = directory();
    let pipe = directory.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (pipe, stop) = (pipe.clone(), Arc::clone(&stop));
        move || {
            let mut opened = 0;
            while !stop.load(Ordering::Relaxed) {
                let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK;
                opened += u32::from(rustix::fs::open(&pipe, flags, rustix::fs::Mode::empty()).is_ok());
            }
            opened
        }
    });
    let _socket = std::os::unix::net::UnixListener::bind(directory.path().join("socket")).unwrap();
    symlink("pipe", directory.path().join("to-pipe")).unwrap();
    let deadline = Instant::now() + Duration::from_millis(200);
    while Instant::now() < deadline {
        assert_eq!(look(&pipe).unwrap().state.kind, FileKind::Fifo);
        assert_eq!(look(&directory.path().join("socket")).unwrap().state.kind, FileKind::Socket);
        assert_eq!(look(&directory.path().join("to-pipe")).unwrap().state.kind, FileKind::Symlink);
    }
    stop.store(true, Ordering::Relaxed);
    assert_eq!(writer.join().unwrap(), 0);
}

#[test]
fn hostile_names_are_only_bytes() {
    let directory = directory();
    for name in [&b"new\nline"[..], b"\x1b[31m", b"\xff\xfe\x80", b" ", b"$(reboot)", &[b'n'; 255]] {
        let path = directory.path().join(OsStr::from_bytes(name));
        fs::write(&path, name).unwrap();
        assert_eq!(look(&path).unwrap().state.digests.sha256, sha256(name));
    }
}

#[test]
fn file_deeper_than_any_path_that_the_kernel_takes_is_looked_at() {
    let directory = directory();
    let mut path = directory.path().as_os_str().as_bytes().to_vec();
    let name = [b'd'; 200];
    let mut at = rustix::fs::open(directory.path(), rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
    for _ in 0..45 {
        rustix::fs::mkdirat(&at, &name[..], 0o700.into()).unwrap();
        at = rustix::fs::openat(&at, &name[..], rustix::fs::OFlags::PATH, rustix::fs::Mode::empty()).unwrap();
        path.push(b'/');
        path.extend_from_slice(&name);
    }
    let flags = rustix::fs::OFlags::CREATE | rustix::fs::OFlags::WRONLY;
    let file = rustix::fs::openat(&at, "file", flags, 0o600.into()).unwrap();
    fs::File::from(file).write_all(b"deep").unwrap();
    path.extend_from_slice(b"/file");
    assert!(path.len() > 9000);
    let seen = examine(&path, Checks::all(true), &ExamineOptions::default()).unwrap().unwrap();
    assert_eq!(seen.state.digests.sha256, sha256(b"deep"));
}

#[test]
fn extended_attributes_are_read_and_long_values_are_held_as_their_sum() {
    let directory = directory();
    let path = directory.path().join("file");
    fs::write(&path, b"").unwrap();
    let long = [b'v'; 2000];
    for (name, value) in [("user.short", &b"\x00value"[..]), ("user.long", &long)] {
        match rustix::fs::setxattr(&path, name, value, rustix::fs::XattrFlags::empty()) {
            Err(rustix::io::Errno::NOTSUP) => {
                let reason = "the filesystem of temporary files has no extended attributes";
                return hids_tests::require::skip("filesystems", reason);
            }
            other => other.unwrap(),
        }
    }
    for checks in [Checks::all(true), Checks { extended: true, ..Checks::default() }] {
        let seen = examine(path.as_os_str().as_bytes(), checks, &ExamineOptions::default()).unwrap().unwrap();
        assert_eq!(seen.state.xattrs[&b"user.short"[..]], b"\x00value");
        let sum: String = sha2::Sha256::digest(long).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(seen.state.xattrs[&b"user.long"[..]], format!("sha256:{sum}").into_bytes());
    }
}

#[test]
fn file_that_grows_all_the_time_ends_and_says_so() {
    let directory = directory();
    let path = directory.path().join("growing");
    fs::write(&path, vec![b'x'; 4 << 20]).unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = std::thread::spawn({
        let (path, stop) = (path.clone(), Arc::clone(&stop));
        move || {
            let mut file = fs::OpenOptions::new().append(true).open(path).unwrap();
            while !stop.load(Ordering::Relaxed) {
                file.write_all(b"x").unwrap();
            }
        }
    });
    let deadline = Instant::now() + hids_tests::wait::scaled(Duration::from_secs(20));
    let unsteady = loop {
        let seen = look(&path).unwrap();
        if matches!(seen.unread, Some(Unread::Unsteady { .. })) {
            break seen;
        }
        assert!(Instant::now() < deadline, "it never changed while it was read");
    };
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    let size = usize::try_from(unsteady.state.size_bytes).unwrap();
    assert!(size > 4 << 20);
    let after = look(&path).unwrap();
    assert!(after.unread.is_none());
    assert!(after.state.changed > unsteady.state.changed, "a scan by change time would pass it by");
}

/// The pace is asked before each part: here it is the somebody else that writes while a file is read.
struct Writing<'a> {
    file: &'a fs::File,
    times: std::sync::atomic::AtomicU32,
}

impl Pace for Writing<'_> {
    fn may_read(&self, _bytes: usize) -> bool {
        if self.times.fetch_sub(1, Ordering::Relaxed) > 0 {
            self.file.write_all_at(b"Y", 0).unwrap();
        } else {
            self.times.store(0, Ordering::Relaxed);
        }
        true
    }
}

#[test]
fn file_that_changes_once_while_it_is_read_is_read_again() {
    let directory = directory();
    let path = directory.path().join("file");
    fs::write(&path, b"XX").unwrap();
    // So that the write below has another time than the one above on a kernel with coarse times.
    let old = rustix::fs::Timestamps {
        last_access: rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 },
        last_modification: rustix::fs::Timespec { tv_sec: 1, tv_nsec: 0 },
    };
    rustix::fs::utimensat(rustix::fs::CWD, &path, &old, rustix::fs::AtFlags::empty()).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pace = Writing { file: &file, times: 1.into() };
    let options = ExamineOptions::default();
    let parent = open_directory(directory.path().as_os_str().as_bytes(), None).unwrap();
    let look = Examiner::new(&options, &pace)
        .examine(std::os::fd::AsFd::as_fd(&parent), c"file", b"", Hint::Regular, Checks::all(true))
        .unwrap();
    let Look::Seen(seen) = look else { panic!("{look:?}") };
    assert!(seen.unread.is_none(), "{:?}", seen.unread);
    assert_eq!(seen.state.digests.sha256, sha256(b"YX"));
    assert!(seen.state.modified.unix_seconds() > 1);
}

#[test]
fn sparse_file_and_hard_links_are_as_their_content() {
    let directory = directory();
    let path = directory.path().join("sparse");
    fs::File::create(&path).unwrap().set_len(3 << 20).unwrap();
    fs::hard_link(&path, directory.path().join("other")).unwrap();
    let (one, other) = (look(&path).unwrap().state, look(&directory.path().join("other")).unwrap().state);
    assert_eq!(one.digests.sha256, sha256(&vec![0; 3 << 20]));
    assert_eq!((one.links, one.inode), (2, other.inode));
    assert_eq!(one, other);
}

#[test]
fn file_that_the_daemon_may_not_open_is_described_without_sums() {
    // Root may open everything, but not run what is not there: the thread gives up its rights instead.
    let directory = directory();
    let path = directory.path().join("closed");
    fs::write(&path, b"content").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    let seen = std::thread::spawn(move || {
        let none = rustix::thread::CapabilitySets {
            effective: rustix::thread::CapabilitySet::empty(),
            permitted: rustix::thread::CapabilitySet::empty(),
            inheritable: rustix::thread::CapabilitySet::empty(),
        };
        rustix::thread::set_capabilities(None, none).unwrap();
        look(&path).unwrap()
    });
    let seen = seen.join().unwrap();
    assert!(matches!(&seen.unread, Some(Unread::Open(why)) if why.kind() == io::ErrorKind::PermissionDenied));
    assert_eq!(seen.state.size_bytes, 7);
    assert_eq!(seen.state.digests, Default::default());
}

#[test]
fn access_time_stays_as_it_is() {
    let directory = directory();
    let path = directory.path().join("file");
    fs::write(&path, b"content").unwrap();
    let long_ago = rustix::fs::Timespec { tv_sec: 1000, tv_nsec: 0 };
    let times = rustix::fs::Timestamps {
        last_access: long_ago,
        last_modification: rustix::fs::Timespec { tv_sec: 2000, tv_nsec: 0 },
    };
    rustix::fs::utimensat(rustix::fs::CWD, &path, &times, rustix::fs::AtFlags::empty()).unwrap();
    look(&path).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().atime(), 1000);
}

#[test]
fn directories_are_opened_the_same_way_without_openat2() {
    let directory = directory();
    fs::create_dir_all(directory.path().join("a/b")).unwrap();
    symlink("a", directory.path().join("link")).unwrap();
    let open = |path: &str| {
        let path = directory.path().join(path);
        let flags = rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::DIRECTORY | rustix::fs::OFlags::NOFOLLOW;
        place::step_by_step(rustix::fs::CWD, path.as_os_str().as_bytes(), flags)
    };
    assert!(open("a/b").is_ok());
    assert!(place::is_gone(&open("link/b").unwrap_err()));
    assert!(place::is_gone(&open("link").unwrap_err()));
    assert!(place::step_by_step(rustix::fs::CWD, b"/", rustix::fs::OFlags::RDONLY).is_ok());
}

#[test]
fn prefilter_output_gives_md5_and_sha1_and_the_file_gives_sha256() {
    let directory = directory();
    let path = directory.path().join("file; touch x");
    fs::write(&path, b"b\na\n").unwrap();
    let options = |words: &[&str]| ExamineOptions {
        prefilter: Prefilter::from_words(words.iter().map(|word| word.as_bytes().to_vec())).map(Arc::new),
        ..ExamineOptions::default()
    };
    let bytes = path.as_os_str().as_bytes();
    let seen = examine(bytes, Checks::all(true), &options(&["/usr/bin/sort", "-r"])).unwrap().unwrap();
    assert_eq!(seen.state.digests.md5, Some(md5::Md5::digest(b"b\na\n").into()));
    let seen = examine(bytes, Checks::all(true), &options(&["/usr/bin/sort"])).unwrap().unwrap();
    assert_eq!(seen.state.digests.md5, Some(md5::Md5::digest(b"a\nb\n").into()));
    assert_eq!(seen.state.digests.sha1, Some(sha1::Sha1::digest(b"a\nb\n").into()));
    assert_eq!(seen.state.digests.sha256, sha256(b"b\na\n"));
    for failing in [&["/usr/bin/false"][..], &["/nowhere"], &["relative"]] {
        let seen = examine(bytes, Checks::all(true), &options(failing)).unwrap().unwrap();
        assert!(matches!(seen.unread, Some(Unread::Prefilter(_))), "{failing:?}");
        assert_eq!((seen.state.digests.md5, seen.state.digests.sha256), (None, sha256(b"b\na\n")));
    }
}

#[test]
fn prefilter_that_does_not_end_or_writes_without_end_is_killed() {
    let slow = Prefilter {
        time_limit: Duration::from_millis(50),
        ..Prefilter::from_words(["/usr/bin/tail".into(), "-f".into()].into_iter()).unwrap()
    };
    assert_eq!(slow.run(b"/dev/null", |_| ()).unwrap_err().kind(), io::ErrorKind::TimedOut);
    let endless = Prefilter {
        output_limit_bytes: 1 << 20,
        ..Prefilter::from_words(["/usr/bin/cat".into()].into_iter()).unwrap()
    };
    assert_eq!(endless.run(b"/dev/zero", |_| ()).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
}

#[test]
fn page_cache_is_as_before() {
    let directory = directory();
    let path = directory.path().join("file");
    fs::write(&path, vec![b'x'; 1 << 20]).unwrap();
    let file = fs::File::open(&path).unwrap();
    let file = std::os::fd::AsFd::as_fd(&file);
    let forget = || {
        rustix::fs::fsync(file).unwrap();
        rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
    };
    forget();
    match cached_pages(file) {
        Ok(0) => {}
        other => {
            let reason = format!("no filesystem that can drop its cache, or a kernel before 6.5: {other:?}");
            return hids_tests::require::skip("kernel", &reason);
        }
    }
    let _ = look(&path);
    assert_eq!(cached_pages(file).unwrap(), 0, "reading left it in memory");
    let mut reader = content::Reader::new(PageCache::AsBefore, &content::Unhindered);
    let device = fs::metadata(&path).unwrap().dev();
    reader.assume_without_dont_cache(device);
    let mut old_way = || {
        reader.read_into(&mut sums::Sums::new(Checks::all(true)), file, device, 1 << 20).unwrap();
        cached_pages(file).unwrap()
    };
    assert_eq!(old_way(), 0, "the way of older kernels left it in memory");
    fs::read(&path).unwrap();
    let before = cached_pages(file).unwrap();
    assert!(before > 0);
    let _ = look(&path);
    assert_eq!((cached_pages(file).unwrap(), old_way()), (before, before), "somebody else's pages were given back");
    forget();
    let options = ExamineOptions { page_cache: PageCache::Fill, ..ExamineOptions::default() };
    examine(path.as_os_str().as_bytes(), Checks::all(true), &options).unwrap();
    assert_eq!(cached_pages(file).unwrap(), before);
}
