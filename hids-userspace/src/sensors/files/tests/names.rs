use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd as _;

use rustix::fs::{Mode, OFlags, mkdirat, openat};

use super::*;

#[test]
fn hostile_names_come_through_as_they_are() {
    let names: [&[u8]; 6] =
        [b"line\nline", b"\xff\xfe", b" (deleted)", b"\x1b[31m", &[b'n'; 255], "\u{202e}gpj".as_bytes()];
    for marks in BOTH {
        on_tmpfs(|base| {
            let mut bench = Bench::watch(&[base], marks);
            for name in names {
                let path = base.join(OsStr::from_bytes(name));
                fs::write(&path, "x").unwrap();
                bench.seen().has(&path, Operation::Create);
                fs::remove_file(&path).unwrap();
                fs::create_dir(&path).unwrap();
                bench.seen().has(&path, Operation::Create);
                fs::write(path.join("inside"), "x").unwrap();
                bench.seen().has(path.join("inside"), Operation::Create);
            }
        });
    }
}

#[test]
fn files_deeper_than_path_max_are_told_with_their_whole_path() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let mut bench = Bench::watch(&[base], marks);
            let mut directory = super::super::resolve::open_directory(base.as_os_str().as_bytes()).unwrap();
            let mut path = base.to_path_buf();
            for level in 0..25 {
                let name = format!("{level:-<250}");
                mkdirat(&directory, name.as_str(), Mode::RWXU).unwrap();
                let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
                directory = openat(directory.as_fd(), name.as_str(), flags, Mode::empty()).unwrap();
                path.push(name);
                // One directory after another, as a walk would make them.
                bench.seen();
            }
            openat(&directory, "file", OFlags::CREATE | OFlags::WRONLY, Mode::RUSR).unwrap();
            assert!(path.as_os_str().len() > 6000);
            bench.seen().has(path.join("file"), Operation::Create);
        });
    }
}

#[test]
fn nothing_in_directories_made_in_a_burst_is_missed() {
    for marks in BOTH {
        on_tmpfs(|base| {
            let mut bench = Bench::watch(&[base], marks);
            let mut files = Vec::new();
            for number in 0..300 {
                let directory = base.join(format!("{}/b{number}/c/d", number % 7));
                fs::create_dir_all(&directory).unwrap();
                for at in [directory.clone(), directory.parent().unwrap().to_path_buf()] {
                    fs::write(at.join("file"), "x").unwrap();
                    files.push(at.join("file"));
                }
            }
            let seen = bench.seen();
            let missed: Vec<_> = files.iter().filter(|file| !seen.covers(file)).collect();
            assert!(missed.is_empty(), "{marks:?}: {missed:?}");
            // And from now on as well.
            for file in &files {
                fs::write(file, "y").unwrap();
            }
            let seen = bench.seen();
            assert!(files.iter().all(|file| seen.on(file).contains(&Operation::CloseWrite)), "{marks:?}");
        });
    }
}
