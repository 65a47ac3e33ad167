use std::process::{Command, Stdio};

use proptest::prelude::*;

use super::*;

#[test]
fn a_living_child_is_known_with_program_users_and_parents() {
    let mut child = Command::new("/bin/sleep").arg("60").stdin(Stdio::null()).spawn().unwrap();
    let lookup = Procfs::default();
    let who = wait_for(|| lookup.who(child.id()).filter(|who| who.command == b"sleep"));
    assert_eq!(who.pid, child.id());
    assert!(who.executable.ends_with(b"/sleep") || who.executable.ends_with(b"/coreutils"), "{who:?}");
    assert_eq!(who.uid, Some(rustix::process::getuid().as_raw()));
    assert_eq!(who.euid, Some(rustix::process::geteuid().as_raw()));
    assert_eq!(who.gid, Some(rustix::process::getgid().as_raw()));
    assert_eq!(who.parents.first().map(|parent| parent.pid), Some(std::process::id()));
    assert!(who.parents.len() <= MOST_ANCESTORS);
    assert!(Arc::ptr_eq(&who, &lookup.who(child.id()).unwrap()), "asked twice, read once");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(lookup.who(child.id()), None, "an ended process is not told from memory");
}

#[test]
fn hostile_command_names_do_not_shift_the_fields() {
    let stat = b"77 (a) R 1\n(b c) S 42 77 77 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1\n";
    assert_eq!(parse_stat(stat), Some((&b"a) R 1\n(b c"[..], 42, 987_654)));
}

#[test]
fn control_group_and_container_are_found() {
    let id = "0123456789abcdef".repeat(4);
    let v2 = format!("0::/system.slice/docker-{id}.scope\n");
    assert_eq!(parse_cgroup(v2.as_bytes()), format!("/system.slice/docker-{id}.scope").into_bytes());
    assert_eq!(container(&parse_cgroup(v2.as_bytes())), Some(id.clone()));
    let v1 = format!("5:memory:/docker/{id}\n1:name=systemd:/docker/{id}\n0::/\n");
    assert_eq!(container(&parse_cgroup(v1.as_bytes())), Some(id));
    assert_eq!(container(b"/system.slice/ssh.service"), None);
}

#[test]
fn nobody_logged_in_is_no_number() {
    assert_eq!(parse_number(b"4294967295"), Some(NONE));
    assert_eq!(parse_number(b"1000\n"), Some(1000));
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(text in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = parse_stat(&text);
        let _ = parse_ids(&text, b"Uid:");
        let _ = parse_number(&text);
        let _ = container(&parse_cgroup(&text));
    }
}

fn wait_for<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + hids_tests::wait::scaled(std::time::Duration::from_secs(10));
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(std::time::Instant::now() < deadline, "nothing after ten seconds");
        std::thread::yield_now();
    }
}
