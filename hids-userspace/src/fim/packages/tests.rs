//! Databases as they are, and as somebody made them up.

use std::fs;
use std::path::PathBuf;

use hids_core::model::Digests;
use md5::{Digest as _, Md5};
use proptest::prelude::*;

use super::*;

fn md5(bytes: &[u8]) -> Vec<u8> {
    Md5::digest(bytes).to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn state(content: &[u8]) -> FileState {
    let digests = Digests { md5: md5(content).try_into().ok(), ..Digests::default() };
    FileState { mode: 0o100_755, digests, ..FileState::default() }
}

struct System(tempfile::TempDir);

impl System {
    fn new() -> Self {
        let system = Self(tempfile::tempdir().expect("tempdir"));
        system.file("var/lib/dpkg/info/.keep", "");
        system
    }

    fn file(&self, path: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(&path, text).expect("written");
        path
    }

    fn package(&self, name: &str, files: &[(&str, &str)]) {
        let status = fs::read_to_string(self.0.path().join("var/lib/dpkg/status")).unwrap_or_default();
        let stanza = format!("Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0\n\n");
        self.file("var/lib/dpkg/status", &(status + &stanza));
        let sums: String =
            files.iter().map(|(path, text)| format!("{}  {path}\n", hex(&md5(text.as_bytes())))).collect();
        self.file(&format!("var/lib/dpkg/info/{name}.md5sums"), &sums);
    }

    fn open(&self) -> Packages {
        let packages = Packages::open(self.0.path());
        assert_eq!(packages.problems(), [] as [String; 0]);
        packages
    }
}

fn owner(packages: &Packages, path: &str, content: &str) -> Option<String> {
    let found = packages.owner_of(path.as_bytes(), |_| Some(md5(content.as_bytes())))?;
    assert_eq!((found.version.as_str(), found.digest), ("1.0", PackageDigest::Md5));
    Some(found.package)
}

#[test]
fn a_file_as_its_package_has_it_is_recognised_and_another_is_not() {
    let system = System::new();
    system.package("tool", &[("usr/bin/tool", "text"), ("usr/share/with space", "more")]);
    let packages = system.open();
    assert_eq!(owner(&packages, "/usr/bin/tool", "text").as_deref(), Some("tool"));
    assert_eq!(owner(&packages, "/usr/share/with space", "more").as_deref(), Some("tool"));
    assert_eq!(owner(&packages, "/usr/bin/tool", "tampered"), None);
    assert_eq!(owner(&packages, "/usr/bin/other", "text"), None);
}

#[test]
fn both_names_of_a_merged_directory_lead_to_the_package() {
    let system = System::new();
    system.package("old", &[("bin/cat", "meow")]);
    system.package("new", &[("usr/sbin/nologin", "no")]);
    for name in ["bin", "sbin"] {
        std::os::unix::fs::symlink(format!("usr/{name}"), system.0.path().join(name)).expect("linked");
    }
    let packages = system.open();
    for path in ["/bin/cat", "/usr/bin/cat"] {
        assert_eq!(owner(&packages, path, "meow").as_deref(), Some("old"));
    }
    for path in ["/sbin/nologin", "/usr/sbin/nologin"] {
        assert_eq!(owner(&packages, path, "no").as_deref(), Some("new"));
    }
    assert_eq!(owner(&packages, "/usr/lib/cat", "meow"), None);
}

#[test]
fn a_diverted_file_lies_where_the_diversion_says() {
    let system = System::new();
    system.package("dash", &[("bin/sh", "dash")]);
    system.package("mine", &[("bin/sh", "mine")]);
    system.file("var/lib/dpkg/diversions", "/bin/sh\n/bin/sh.distrib\nmine\n");
    let packages = system.open();
    assert_eq!(owner(&packages, "/bin/sh", "mine").as_deref(), Some("mine"));
    assert_eq!(owner(&packages, "/bin/sh", "dash"), None);
    assert_eq!(owner(&packages, "/bin/sh.distrib", "dash").as_deref(), Some("dash"));
}

#[test]
fn configuration_files_are_known_from_the_status_file() {
    let system = System::new();
    let sum = hex(&md5(b"conf"));
    let text = format!(
        "Package: a\nStatus: install ok installed\nVersion: 1.0\nArchitecture: all\nConffiles:\n \
         /etc/a.conf {sum}\n /etc/old file.conf {sum} obsolete\n /etc/new newconffile\nDescription: x\n /etc/no {sum}\n\n\
         Package: gone\nStatus: deinstall ok config-files\nVersion: 1.0\nConffiles:\n /etc/gone {sum}\n"
    );
    system.file("var/lib/dpkg/status", &text);
    let packages = system.open();
    assert_eq!(owner(&packages, "/etc/a.conf", "conf").as_deref(), Some("a"));
    assert_eq!(owner(&packages, "/etc/old file.conf", "conf").as_deref(), Some("a"));
    for path in ["/etc/new", "/etc/no", "/etc/gone"] {
        assert_eq!(owner(&packages, path, "conf"), None);
    }
}

#[test]
fn an_update_explains_a_new_content_and_nothing_else() {
    let system = System::new();
    system.package("tool", &[("usr/bin/tool", "version 2")]);
    let packages = system.open();
    let recorded = packages.owner_of(b"/usr/bin/tool", |_| Some(md5(b"version 2"))).expect("known").recorded;
    let before = recorded.minus(std::time::Duration::from_secs(60));
    let old = |read| Entry { state: Some(state(b"version 1")), read, ..Entry::default() };
    let explains = |old: Option<&Entry>, new: &FileState| {
        packages.explains(b"/usr/bin/tool", old, new, |_| None).map(|found| found.package)
    };
    let new = state(b"version 2");
    assert_eq!(explains(Some(&old(before)), &new).as_deref(), Some("tool"));
    assert_eq!(explains(None, &new).as_deref(), Some("tool"));
    assert_eq!(explains(Some(&old(before)), &state(b"tampered")), None);
    // The database says nothing new: whatever changed the file was no update.
    let after = recorded.plus(std::time::Duration::from_secs(60));
    assert_eq!(explains(Some(&old(after)), &new), None);
    for altered in [
        FileState { mode: 0o104_755, ..new.clone() },
        FileState { uid: 1000, ..new.clone() },
        FileState { kind: FileKind::Symlink, ..new.clone() },
        FileState { xattrs: [(b"security.capability".to_vec(), b"x".to_vec())].into(), ..new.clone() },
    ] {
        assert_eq!(explains(Some(&old(before)), &altered), None);
        assert_eq!(explains(None, &altered), None);
    }
}

#[test]
fn a_database_that_is_not_there_is_none_and_one_that_cannot_be_read_is_told() {
    let directory = tempfile::tempdir().expect("tempdir");
    let packages = Packages::open(directory.path());
    assert_eq!((packages.count(), packages.problems().len()), (0, 0));
    fs::create_dir_all(directory.path().join("var/lib/dpkg/status")).expect("made");
    assert_eq!(Packages::open(directory.path()).problems().len(), 1);
}

/// The machine that runs the test: what dpkg installed is as dpkg has it.
#[test]
fn files_of_this_system_are_as_their_packages_have_them() {
    let packages = Packages::open(Path::new("/"));
    if packages.count() == 0 {
        return hids_tests::require::skip("packages", "this system has no package database");
    }
    let (mut same, mut other) = (0, Vec::new());
    for path in ["/usr/bin/cat", "/usr/bin/chmod", "/usr/bin/cp", "/usr/bin/sort", "/usr/bin/env", "/usr/bin/tail"] {
        let Ok(content) = fs::read(path) else { continue };
        match packages.owner_of(path.as_bytes(), |_| Some(md5(&content))) {
            Some(found) => {
                assert!(!found.version.is_empty());
                same += 1;
            }
            None => other.push(path),
        }
        let mut tampered = content;
        tampered.push(0);
        assert_eq!(packages.owner_of(path.as_bytes(), |_| Some(md5(&tampered))), None);
    }
    assert!(same >= 5 && other.is_empty(), "{same} as installed, not so: {other:?}");
}

proptest! {
    #[test]
    fn any_bytes_can_be_read_as_a_database(text in proptest::collection::vec(any::<u8>(), 0..600)) {
        let _ = dpkg::parse_status(&text);
        let _ = dpkg::parse_sums(&text);
        let _ = dpkg::parse_diversions(&text);
    }

    #[test]
    fn names_that_md5sum_writes_are_read_back(name in "[^/\0]{1,40}", content in any::<[u8; 8]>()) {
        let escaped = name.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let mark = if escaped == name { "" } else { "\\" };
        let line = format!("{mark}{}  {escaped}\n", hex(&md5(&content)));
        prop_assume!(!name.starts_with("./"));
        let sums = dpkg::parse_sums(line.as_bytes());
        prop_assert_eq!(sums, vec![(format!("/{name}").into_bytes(), md5(&content))]);
    }
}
