//! Which files are not read, seen from outside. Those tests need root: they make files of other users.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown, symlink};

use super::*;
use crate::collect::SourceState;

const OWNER: u32 = 31_001;
const OTHER: u32 = 31_002;

/// A directory `logs` of `owner` with the mode, in which `a.log` is followed from its first byte.
fn directory_of(owner: u32, mode: u32) -> Rig {
    Rig::new("logs/*.log", |root| {
        // The directory above is the administrator's.
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("mode");
        fs::create_dir(root.join("logs")).expect("directory");
        chown(root.join("logs"), Some(owner), Some(owner)).expect("owner");
        fs::set_permissions(root.join("logs"), fs::Permissions::from_mode(mode)).expect("mode");
        write_new(&root.join("secret"), "secret\n");
        fs::set_permissions(root.join("secret"), fs::Permissions::from_mode(0o600)).expect("mode");
    })
}

fn write_as(rig: &Rig, name: &str, owner: u32, text: &str) {
    let hidden = rig.path("hidden");
    write_new(&hidden, text);
    chown(&hidden, Some(owner), Some(owner)).expect("owner");
    fs::rename(&hidden, rig.path(name)).expect("rename");
}

/// A symbolic link of `owner`, under its name only when it is theirs.
fn link_as(rig: &Rig, name: &str, owner: u32, target: &str) {
    let hidden = rig.path("hidden");
    symlink(target, &hidden).expect("link");
    let flags = rustix::fs::AtFlags::SYMLINK_NOFOLLOW;
    let owner = Some(rustix::fs::Uid::from_raw(owner));
    rustix::fs::chownat(rustix::fs::CWD, &hidden, owner, None, flags).expect("owner");
    fs::rename(&hidden, rig.path(name)).expect("rename");
}

fn state(rig: &Rig, name: &str) -> Option<SourceState> {
    let path = rig.path(name).display().to_string();
    let report = rig.collector.as_ref().expect("runs").report();
    report.sources.into_iter().find(|source| source.path == path).map(|source| source.state)
}

fn wait_for_refusal(rig: &Rig, name: &str, why: &str) {
    let limit = deadline();
    loop {
        match state(rig, name) {
            Some(SourceState::Unreadable(text)) if text.contains(why) => return,
            other => assert!(Instant::now() < limit, "{name} is {other:?}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

// M4: a user's link in a user's directory does not lead to a file of root.
#[test]
fn a_users_link_to_a_file_of_root_is_refused_until_it_is_a_file() {
    if !hids_tests::require::root() {
        return;
    }
    let mut rig = directory_of(OWNER, 0o755);
    for (name, target) in [("relative.log", "../secret"), ("absolute.log", "/etc/shadow"), ("proc.log", "/proc/kmsg")] {
        link_as(&rig, &format!("logs/{name}"), OWNER, target);
        wait_for_refusal(&rig, &format!("logs/{name}"), &format!("belongs to uid {OWNER}"));
    }
    rig.expect(&[]);
    // The remedy is taken without a restart.
    write_as(&rig, "logs/relative.log", OWNER, "mine\n");
    rig.expect(&["mine"]);
    assert_eq!(state(&rig, "logs/relative.log"), Some(SourceState::Reading));
}

// M4: not even root's link leads to a file by which the kernel is spoken to.
#[test]
fn no_link_leads_to_a_kernel_filesystem() {
    let mut rig = Rig::new("*.log", |_| {});
    for target in ["/proc/kmsg", "/proc/self/environ", "/sys/kernel/uevent_seqnum"] {
        let name = format!("{}.log", target.replace('/', "_"));
        symlink(target, rig.path(&name)).expect("link");
        wait_for_refusal(&rig, &name, "fs, where files are not logs");
    }
    rig.expect(&[]);
}

// M4
#[test]
fn a_hard_link_in_a_users_directory_is_refused() {
    if !hids_tests::require::root() {
        return;
    }
    let mut rig = directory_of(OWNER, 0o755);
    fs::hard_link(rig.path("secret"), rig.path("logs/x.log")).expect("link");
    wait_for_refusal(&rig, "logs/x.log", "hard links");
    write_as(&rig, "logs/root.log", 0, "of a server that began as root\n");
    rig.expect(&["of a server that began as root"]);
}

// M4: no one but the directory's owner and root has logs in it, and a refused file takes no place of another.
#[test]
fn a_file_of_another_user_is_refused_and_its_own_path_is_read() {
    if !hids_tests::require::root() {
        return;
    }
    let mut rig = directory_of(OWNER, 0o755);
    write_as(&rig, "logs/other.log", OTHER, "no\n");
    wait_for_refusal(&rig, "logs/other.log", &format!("the file to uid {OTHER}"));
    write_as(&rig, "logs/own.log", OWNER, "yes\n");
    rig.expect(&["yes"]);
    chown(rig.path("logs/other.log"), Some(OWNER), None).expect("owner");
    fs::set_permissions(rig.path("logs/other.log"), fs::Permissions::from_mode(0o640)).expect("mode");
    rig.expect(&["no"]);
}

// M4: the same at a rotation; what had been read before stays read.
#[test]
fn a_file_put_in_place_of_a_log_by_another_user_is_not_read() {
    if !hids_tests::require::root() {
        return;
    }
    let mut rig = directory_of(0, 0o777);
    write_as(&rig, "logs/a.log", 0, "1\n");
    rig.expect(&["1"]);
    fs::rename(rig.path("logs/a.log"), rig.path("logs/a.log.1")).expect("rename");
    write_as(&rig, "logs/a.log", OTHER, "forged\n");
    wait_for_refusal(&rig, "logs/a.log", "world-writable");
    rig.expect(&[]);
    write_as(&rig, "logs/a.log", 0, "2\n");
    rig.expect(&["2"]);
}

// M4: a link that does not get past the check does not make the log it leads to a second name of it.
#[test]
fn a_refused_link_does_not_keep_the_log_it_leads_to_from_being_read() {
    if !hids_tests::require::root() {
        return;
    }
    let mut rig = directory_of(OWNER, 0o755);
    write_as(&rig, "real", 0, "old\n");
    rig.stop();
    link_as(&rig, "logs/a.log", OWNER, "../real");
    rig.start(&["logs/*.log", "real"], true);
    rig.append("real", "line\n");
    rig.expect(&["line"]);
    assert_eq!(state(&rig, "real"), Some(SourceState::Reading));
}

// M4: a user cannot lead the way to a log elsewhere by a link in place of a directory.
#[test]
fn a_users_link_on_the_way_is_refused() {
    if !hids_tests::require::root() {
        return;
    }
    let mut rig = directory_of(OWNER, 0o755);
    rig.stop();
    fs::create_dir(rig.path("private")).expect("directory");
    write_new(&rig.path("private/a.log"), "secret\n");
    link_as(&rig, "logs/sub", OWNER, "../private");
    rig.start(&["logs/sub/a.log"], true);
    wait_for_refusal(&rig, "logs/sub/a.log", "symbolic link");
    rig.append("private/a.log", "more\n");
    rig.expect(&[]);
}

// M4: root may link as it likes, /var/log included.
#[test]
fn roots_links_and_directories_are_followed() {
    if !hids_tests::require::root() {
        return;
    }
    let mut rig = Rig::new("var/log/app/a.log", |root| {
        fs::set_permissions(root, fs::Permissions::from_mode(0o755)).expect("mode");
        fs::create_dir_all(root.join("disk/log/app")).expect("directories");
        fs::create_dir(root.join("var")).expect("directory");
        symlink("../disk/log", root.join("var/log")).expect("link");
        append(&root.join("disk/log/app/b"), "");
        chown(root.join("disk/log/app/b"), Some(OTHER), Some(OTHER)).expect("owner");
        symlink("b", root.join("disk/log/app/a.log")).expect("link");
    });
    rig.append("disk/log/app/b", "1\n");
    rig.expect(&["1"]);
}

// C50, M4: who may write beside a log makes a file that looks like a rotated one of it.
#[test]
fn a_neighbours_file_with_the_name_of_a_rotated_log_is_not_read_after_a_restart() {
    if !hids_tests::require::root() {
        return;
    }
    let mut rig = directory_of(0, 0o1777);
    write_as(&rig, "logs/a.log", OWNER, "1\n");
    rig.expect(&["1"]);
    rig.stop();
    write_as(&rig, "logs/a.log.1", OTHER, "forged\n");
    // Even with all that was read of the log.
    write_as(&rig, "logs/a.log.2", OTHER, "1\nforged\n");
    rig.start(&["logs/*.log"], false);
    rig.append("logs/a.log", "2\n");
    rig.expect(&["2"]);
    rig.stop();
    // One of the log's own user is a rotated one.
    write_as(&rig, "logs/a.log.3", OWNER, "3\n");
    assert_eq!(fs::metadata(rig.path("logs/a.log.3")).expect("exists").uid(), OWNER);
    rig.start(&["logs/*.log"], false);
    rig.expect(&["3"]);
}
