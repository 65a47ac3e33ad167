//! Only allowed programs and their children may change a protected tree.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hids_userspace::sensors::guard::{AllowedProgram, GuardMode};

use hids_tests::image::Kind;

use super::fixture::{Base, Locked, is_possible, text};
use crate::results;

/// A program that can do everything busybox can.
fn installer(base: &Base) -> PathBuf {
    let path = base.path().join("tools/installer");
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    fs::copy("/bin/busybox", &path).expect("a program");
    path
}

/// Whether `program`, which is busybox, did what it was told.
fn does(program: &Path, arguments: &[&str]) -> bool {
    let output = Command::new(program).arg0("busybox").args(arguments).output().expect("a program starts");
    print!("{}", String::from_utf8_lossy(&output.stderr));
    output.status.success()
}

fn touches(program: &Path, path: &Path) -> bool {
    does(program, &["touch", &text(path)])
}

#[test]
fn allowed_program_and_what_it_starts_may_change_a_locked_tree_and_nobody_else() {
    if !is_possible() {
        return;
    }
    let base = Base::new(Kind::Tmpfs);
    fs::create_dir(base.tree()).expect("a tree");
    let (tree, installer, busybox) = (base.tree(), installer(&base), Path::new("/bin/busybox"));
    let allow = vec![AllowedProgram { path: installer.clone(), sha256: None }];
    let locked = Locked::new(GuardMode::Enforce, std::slice::from_ref(&tree), allow);
    assert!(touches(&installer, &tree.join("a")), "the allowed program may");
    assert!(!touches(busybox, &tree.join("b")), "the same content under another name may not");
    let script = format!("/bin/busybox touch {}; /bin/busybox true", text(&tree.join("c")));
    assert!(does(&installer, &["sh", "-c", &script]) && tree.join("c").exists(), "what it starts may");
    assert!(!touches(busybox, &tree.join("b")), "and others still may not");
    results::cell("Guard: who may", "allowed program and its descendants", "may");
    results::cell("Guard: who may", "others, same content", "may not");
    update(&installer, &tree);
    drop(locked);
}

/// The allowed program is protected as well, and may replace itself.
fn update(installer: &Path, tree: &Path) {
    assert!(fs::write(installer, "evil").is_err(), "an allowed program cannot be overwritten");
    let evil = installer.with_extension("evil");
    fs::copy("/bin/busybox", &evil).expect("another program beside it");
    assert!(fs::rename(&evil, installer).is_err(), "nor replaced");
    let new = text(&installer.with_extension("new"));
    let script = format!("/bin/busybox cp /bin/busybox {new} && /bin/busybox mv {new} {}", text(installer));
    assert!(does(installer, &["sh", "-c", &script]), "it may replace itself");
    // At once, before user space has looked: the kernel's programs see to it.
    assert!(touches(installer, &tree.join("d")), "the new one may at once");
    assert!(fs::write(installer, "evil").is_err(), "and is protected at once");
    results::cell("Guard: who may", "allowed program after its own update", "may");
}

#[test]
fn program_with_another_digest_than_configured_may_not() {
    if !is_possible() {
        return;
    }
    let base = Base::new(Kind::Tmpfs);
    fs::create_dir(base.tree()).expect("a tree");
    let installer = installer(&base);
    let digest = digest_of(&installer);
    let mut wrong = digest;
    wrong[0] ^= 1;
    for (sha256, may) in [(wrong, false), (digest, true)] {
        let allow = vec![AllowedProgram { path: installer.clone(), sha256: Some(sha256) }];
        let locked = Locked::new(GuardMode::Enforce, &[base.tree()], allow);
        assert_eq!(touches(&installer, &base.tree().join("a")), may);
        assert_eq!(locked.report().not_allowed.iter().any(|not| not.program == installer), !may);
    }
    results::cell("Guard: who may", "allowed path with another digest", "may not");
}

fn digest_of(path: &Path) -> [u8; 32] {
    let output = Command::new("busybox").arg("sha256sum").arg(path).output().expect("a sum");
    let text = String::from_utf8(output.stdout).expect("text");
    let mut digest = [0; 32];
    for (place, byte) in digest.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * place..2 * place + 2], 16).expect("hexadecimal digits");
    }
    digest
}
