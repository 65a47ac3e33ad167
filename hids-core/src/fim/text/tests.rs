use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::changes::letters;
use super::*;
use crate::fim::samples;
use crate::model::*;

const STRICT: TextStyle = TextStyle { checks: Checks::all(true), strict: true };
const DEFAULT: TextStyle = TextStyle { checks: Checks::all(true), strict: false };

fn state(byte: u8) -> FileState {
    FileState {
        size_bytes: 100,
        mode: 0o100_644,
        digests: Digests { md5: Some([byte; 16]), sha1: Some([byte; 20]), sha256: Some([byte; 32]), blake3: None },
        ..FileState::default()
    }
}

fn change(kind: ChangeKind, old: Option<FileState>, new: Option<FileState>) -> FileChange {
    FileChange {
        path: b"/etc/testfile".to_vec(),
        kind,
        old: old.map(Box::new),
        new: new.map(Box::new),
        count: 1,
        who: Vec::new(),
        operations: Operations::NONE,
        diff: None,
    }
}

fn said(change: FileChange, style: TextStyle) -> String {
    String::from_utf8(text(&FimEvent::Change(Box::new(change)), style)).unwrap()
}

fn sums(byte: &str) -> [String; 3] {
    [16, 20, 32].map(|length| byte.repeat(length))
}

/// The whole layout, as the reference has it (OSSEC 4.3.0).
#[test]
fn ossecs_text_of_a_change() {
    let new = FileState { size_bytes: 101, mode: 0o100_755, uid: 1, gid: 2, ..state(0xbb) };
    let diff = Some("@@ -1 +1 @@\n-a\n+b\n".to_owned());
    let changed = FileChange { diff, ..change(ChangeKind::Modified, Some(state(0xaa)), Some(new)) };
    let ([old_md5, old_sha1, old_sha256], [md5, sha1, sha256]) = (sums("aa"), sums("bb"));
    assert_eq!(
        said(changed, STRICT),
        format!(
            "Integrity checksum changed for: '/etc/testfile'\nSize changed from '100' to '101'\n\
             Permissions changed from 'rw-r--r--' to 'rwxr-xr-x'\nOwnership was '0', now it is '1'\n\
             Group ownership was '0', now it is '2'\nOld md5sum was: '{old_md5}'\nNew md5sum is : '{md5}'\n\
             Old sha1sum was: '{old_sha1}'\nNew sha1sum is : '{sha1}'\nOld sha256sum was: '{old_sha256}'\n\
             New sha256sum is : '{sha256}'\nWhat changed:\n@@ -1 +1 @@\n-a\n+b\n"
        )
    );
}

#[test]
fn ossecs_text_of_a_new_file() {
    let [md5, sha1, sha256] = sums("aa");
    assert_eq!(
        said(change(ChangeKind::Added, None, Some(state(0xaa))), STRICT),
        format!(
            "New file '/etc/testfile' added to the file system.\nNew sha1sum is : '{sha1}'\nNew md5sum is : '{md5}'\n\
             New sha256sum is : '{sha256}'\n"
        )
    );
}

#[test]
fn ossecs_texts_of_files_that_go_and_come_back() {
    assert_eq!(
        said(change(ChangeKind::Deleted, Some(state(1)), None), STRICT),
        "File '/etc/testfile' was deleted. Unable to retrieve checksum."
    );
    assert_eq!(said(change(ChangeKind::Readded, None, Some(state(1))), STRICT), "File '/etc/testfile' was re-added.");
}

#[test]
fn only_what_differs_and_is_compared_is_said() {
    let new = FileState { size_bytes: 101, uid: 5, ..state(0xbb) };
    let only = |checks| {
        said(change(ChangeKind::Modified, Some(state(0xaa)), Some(new.clone())), TextStyle { checks, strict: true })
    };
    assert_eq!(
        only(Checks { size: true, ..Checks::default() }),
        "Integrity checksum changed for: '/etc/testfile'\nSize changed from '100' to '101'\n"
    );
    assert_eq!(
        only(Checks { owner: true, permissions: true, ..Checks::default() }),
        "Integrity checksum changed for: '/etc/testfile'\nOwnership was '0', now it is '5'\n"
    );
    let unreadable = FileState { digests: Digests::default(), size_bytes: 1, ..state(0) };
    let checks = Checks { md5: true, ..Checks::default() };
    assert_eq!(
        said(change(ChangeKind::Modified, Some(state(0xaa)), Some(unreadable)), TextStyle { checks, strict: true }),
        format!(
            "Integrity checksum changed for: '/etc/testfile'\nOld md5sum was: '{}'\nNew md5sum is : 'xxx'\n",
            "aa".repeat(16)
        )
    );
}

#[test]
fn the_default_mode_says_who_and_what_ossec_does_not_compare() {
    let who = Arc::new(Who {
        pid: 811,
        executable: b"/usr/bin/vim".to_vec(),
        executable_notes: ExecutableNotes::NONE,
        command: b"vi\nm'".to_vec(),
        uid: Some(0),
        euid: Some(0),
        gid: None,
        login_uid: Some(1000),
        session: Some(3),
        cgroup: b"/user.slice".to_vec(),
        container: None,
        parents: vec![
            Ancestor { pid: 700, executable: b"/bin/bash".to_vec(), command: b"bash".to_vec() },
            Ancestor { pid: 600, executable: Vec::new(), command: b"sshd".to_vec() },
        ],
        source: WhoSource::Tracepoint,
    });
    let old = FileState {
        kind: FileKind::Symlink,
        link_target: Some(b"a".to_vec()),
        mode: 0o120_777,
        ..FileState::default()
    };
    let xattrs = BTreeMap::from([(b"security.capability".to_vec(), vec![1])]);
    let new = FileState { link_target: Some(b"b'".to_vec()), xattrs, ..old.clone() };
    let changed = FileChange {
        who: vec![who],
        count: 4,
        operations: [Operation::Write, Operation::CloseWrite].into_iter().collect(),
        diff: Some("@@ -1 +1 @@\n-a\n+b\nRule: 1\n... diff was truncated ...\n".to_owned()),
        ..change(ChangeKind::Modified, Some(old), Some(new))
    };
    assert_eq!(
        said(changed, DEFAULT),
        "Integrity checksum changed for: '/etc/testfile'\n\
         Link target changed from 'a' to 'b\\x27'\n\
         Extended attribute added: 'security.capability'\n\
         Change number 4 since the file was first seen or accepted.\n\
         Changed by: '/usr/bin/vim' (process 811, command 'vi\\nm\\x27')\n\
         As: user '0', effective user '0', login user '1000', session '3'\n\
         Started by: '/bin/bash' (700) < 'sshd' (600)\n\
         Control group: '/user.slice'\n\
         Operations: write, close-write\n\
         What changed:\n@@ -1 +1 @@\n-a\n+b\n Rule: 1\n... diff was truncated ..."
    );
}

#[test]
fn what_a_scan_found_has_nobody_who_did_it() {
    let text = said(change(ChangeKind::Deleted, Some(state(1)), None), DEFAULT);
    assert!(text.ends_with("\nDetected by a scan; user and time unknown."), "{text}");
    let gone =
        FileChange { who: vec![Arc::new(Who { pid: 9, ..Who::default() })], ..change(ChangeKind::Deleted, None, None) };
    assert!(said(gone, DEFAULT).ends_with("\nChanged by: process 9, which exited before it could be inspected"));
}

#[test]
fn permissions_are_the_letters_of_ls() {
    for (mode, wanted) in [
        (0o100_000, "---------"),
        (0o100_644, "rw-r--r--"),
        (0o104_755, "rwsr-xr-x"),
        (0o106_644, "rwSr-Sr--"),
        (0o041_777, "rwxrwxrwt"),
        (0o041_776, "rwxrwxrwT"),
    ] {
        assert_eq!(letters(mode), wanted, "{mode:o}");
    }
}

#[test]
fn a_long_path_is_cut_as_in_ossec() {
    let long = FileChange { path: [&b"/"[..], &vec![b'p'; 4000]].concat(), ..change(ChangeKind::Deleted, None, None) };
    assert_eq!(said(long, STRICT), format!("File '/{}' was deleted. Unable to retrieve checksum.", "p".repeat(755)));
}

#[test]
fn news_of_our_own_say_what_follows() {
    let time = Timestamp::from_unix_seconds;
    let gap =
        Gap { subtree: b"/etc".to_vec(), cause: GapCause::QueueOverflow, opened: time(10), closed: None, found: 0 };
    let closed = Gap { closed: Some(time(12)), found: 3, ..gap.clone() };
    let say = |news| String::from_utf8(text(&news, DEFAULT)).unwrap();
    assert_eq!(
        say(FimEvent::Gap(gap)),
        "File changes below '/etc' may have been missed: the kernel's file event queue overflowed.\n\
         A rescan compares these files with the baseline and reports what changed."
    );
    assert_eq!(
        say(FimEvent::Gap(closed)),
        "Rescan of '/etc' completed after possibly missed events.\n\
         Cause: the kernel's file event queue overflowed\nDuration: 2.0 s\nChanges found: 3"
    );
    let acceptance = Acceptance { reasons: vec!["libc6 2.36".into()], files: 3, examples: vec![b"/lib/x".to_vec()] };
    assert_eq!(
        say(FimEvent::Acceptance(acceptance)),
        "Changes to 3 files accepted into the baseline.\nReason: libc6 2.36\nFile: '/lib/x'\nAnd 2 more."
    );
}

/// What a line of a text may begin with.
const STARTS: [&str; 52] = [
    "Integrity checksum changed for: '",
    "New file '",
    "File '",
    "Kind changed from '",
    "Size changed from '",
    "Permissions changed from '",
    "Ownership was '",
    "Group ownership was '",
    "Old md5sum was: '",
    "New md5sum is : '",
    "Old sha1sum was: '",
    "New sha1sum is : '",
    "Old sha256sum was: '",
    "New sha256sum is : '",
    "Old blake3sum was: '",
    "New blake3sum is : '",
    "Link target changed from '",
    "Extended attribute ",
    "And ",
    "Inode changed from '",
    "Modification time changed from '",
    "Kind: ",
    "Permissions '",
    "Change number ",
    "Detected by a scan; ",
    "Changed by ",
    "Changed by: ",
    "Attempted by: ",
    "As: ",
    "Started by: ",
    "Container: '",
    "Control group: '",
    "Operations: ",
    "What changed:",
    "Changes to ",
    "File changes below '",
    "A rescan compares ",
    "Rescan of '",
    "Cause: ",
    "Duration: ",
    "Blocked: ",
    "Not blocked (monitor mode): ",
    "To block such operations, ",
    "Times: ",
    "Reason: ",
    "File protection is now ",
    "Switched by user: '",
    "hidsd crashed while processing a line from '",
    "Position: '",
    "Crashed component: '",
    "Length: ",
    "`hidsctl status` shows the quarantine file ",
];

proptest! {
    /// Names and diffs cannot begin a line, whatever bytes they hold, and nothing in a text moves a screen.
    #[test]
    fn hostile_names_forge_no_line(news in samples::news(), strict: bool) {
        let bytes = text(&news, if strict { STRICT } else { DEFAULT });
        let text = String::from_utf8(bytes).expect("UTF-8");
        let others = ["hidsd crashed while processing a line from '", "Position: '", "Crashed component: '", "Length: ", "`hidsctl status` shows the quarantine file ", "nftables table 'inet hids'", "Finding: '", "Blocked addresses: ", "Executable path note: ", "File: '", "The file integrity baseline ", "Problem: '", "Entry: '", "Action: ", "Changes found: ", "Maintenance mode of file integrity is ", "Change window ", "Changes by: '", "Below: '", "Ends at the latest: ", "Opened by", "Opened: ", "Changes accepted: "];
        let mut in_diff = false;
        for line in text.lines() {
            prop_assert!(!line.chars().any(|char| char.is_control() && char != '\t' || "\u{2028}\u{202e}".contains(char)), "{line:?}");
            let known = STARTS.iter().chain(&others).any(|start| line.starts_with(start));
            let marked = in_diff && (line.is_empty() || line.starts_with([' ', '+', '-', '@', '\\', '<']) || line == "... diff was truncated ...");
            prop_assert!(if in_diff { marked } else { known }, "{line:?} in {text}");
            in_diff |= line == "What changed:";
        }
        prop_assert!(text.len() < 64 << 10);
    }
}
