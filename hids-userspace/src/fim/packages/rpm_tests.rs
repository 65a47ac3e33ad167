//! rpm's databases: made by rpm itself where it is installed, and made up.

use std::path::Path;
use std::process::{Command, Stdio};

use hids_core::model::Timestamp;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::owned::Owned;
use super::rpm::{self, Header};
use super::sqlite::Database;
use super::*;

/// Whether a program is there; otherwise reports that the test is skipped.
fn has(program: &str) -> bool {
    let is_there = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if is_there.is_ok_and(|status| status.success()) {
        return true;
    }
    hids_tests::require::skip("rpm", &format!("{program} is not installed (cargo xtask test installs it)"));
    false
}

fn run(command: &mut Command) {
    let done = command.stdin(Stdio::null()).output().expect("runs");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

const SPEC: &str = "Name: tool\nEpoch: 3\nVersion: 1.2\nRelease: 4\nSummary: x\nLicense: MIT\nBuildArch: noarch\n\
    %description\nx\n%install\nmkdir -p %{buildroot}/opt/tool\n\
    for number in $(seq 1 400); do echo $number > %{buildroot}/opt/tool/file-with-a-long-name-$number; done\n\
    ln -s nowhere %{buildroot}/opt/tool/link\ntouch %{buildroot}/opt/tool/ghost\n\
    %files\n%dir /opt/tool\n/opt/tool/file*\n/opt/tool/link\n%ghost /opt/tool/ghost\n";

/// The next version, without most of the files.
const NEXT: &str = "Name: tool\nVersion: 1.3\nRelease: 1\nEpoch: 3\nSummary: x\nLicense: MIT\nBuildArch: noarch\n\
    %description\nx\n%install\nmkdir -p %{buildroot}/opt/tool\n\
    echo 1 > %{buildroot}/opt/tool/file-with-a-long-name-1\n\
    %files\n%dir /opt/tool\n/opt/tool/file*\n";

/// Builds a package and installs it into the database below `root`.
fn install(root: &Path, macros: &[(&str, &str)]) {
    install_as(root, SPEC, "tool-1.2-4", macros);
}

fn rpm(root: &Path) -> Command {
    let mut command = Command::new("rpm");
    command.arg("--root").arg(root).args(["--dbpath", "/var/lib/rpm", "--nodeps"]);
    command
}

fn install_as(root: &Path, spec: &str, name: &str, macros: &[(&str, &str)]) {
    let build = tempfile::tempdir().expect("tempdir");
    std::fs::write(build.path().join("tool.spec"), spec).expect("written");
    let top = format!("_topdir {}", build.path().display());
    let mut command = Command::new("rpmbuild");
    command.args(["-bb", "--quiet", "--define", &top]);
    for (name, value) in macros {
        command.args(["--define", &format!("{name} {value}")]);
    }
    run(command.arg(build.path().join("tool.spec")));
    let package = build.path().join(format!("RPMS/noarch/{name}.noarch.rpm"));
    run(rpm(root).arg("-U").arg(package));
}

#[test]
fn files_that_rpm_installed_are_recognised_and_tampered_ones_are_not() {
    if !has("rpm") || !has("rpmbuild") {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    install(root.path(), &[("_db_backend", "sqlite")]);
    let packages = Packages::open(root.path());
    assert_eq!(packages.problems(), [] as [String; 0]);
    for number in [1, 77, 400] {
        let path = format!("opt/tool/file-with-a-long-name-{number}");
        let content = std::fs::read(root.path().join(&path)).expect("installed");
        let path = format!("/{path}");
        let sum = |content: &[u8]| Some(Sha256::digest(content).to_vec());
        let found = packages.owner_of(path.as_bytes(), |_| sum(&content)).expect("recognised");
        assert_eq!((found.package.as_str(), found.version.as_str()), ("tool", "3:1.2-4"));
        assert_eq!(found.digest, PackageDigest::Sha256);
        assert!(found.recorded.unix_seconds() > 1_600_000_000);
        assert_eq!(packages.owner_of(path.as_bytes(), |_| sum(b"tampered")), None);
    }
    for path in ["/opt/tool", "/opt/tool/link", "/opt/tool/ghost"] {
        assert_eq!(packages.owner_of(path.as_bytes(), |_| Some(Vec::new())), None);
    }
}

/// Paths of every kind that a package has: they went with it, or with its update.
#[test]
fn paths_that_rpm_removed_are_recognised_and_others_are_not() {
    if !has("rpm") || !has("rpmbuild") {
        return;
    }
    let root = tempfile::tempdir().expect("tempdir");
    let sqlite: &[(&str, &str)] = &[("_db_backend", "sqlite")];
    install(root.path(), sqlite);
    let first = Owned::read(root.path());
    install_as(root.path(), NEXT, "tool-1.3-1", sqlite);
    let second = Owned::read(root.path());
    run(rpm(root.path()).args(["-e", "tool"]));
    assert!(!root.path().join("opt/tool").exists());
    let third = Owned::read(root.path());
    let reason =
        |before: &Owned, now: &Owned, path: &str| before.reason_of_removal(now, path.as_bytes(), Timestamp::default());
    for path in ["/opt/tool/file-with-a-long-name-400", "/opt/tool/link", "/opt/tool/ghost"] {
        assert_eq!(reason(&first, &second, path).as_deref(), Some("package tool 1.3-1"), "{path}");
        assert_eq!(reason(&second, &third, path), None, "{path} was gone before");
    }
    for path in ["/opt/tool", "/opt/tool/file-with-a-long-name-1"] {
        assert_eq!(reason(&first, &second, path), None, "{path} is still there");
        assert_eq!(reason(&second, &third, path).as_deref(), Some("removal of package tool 1.3-1"), "{path}");
    }
    assert_eq!(reason(&second, &third, "/opt/tool/other"), None);
    let future = Timestamp::from_unix_seconds(4_000_000_000);
    assert_eq!(second.reason_of_removal(&third, b"/opt/tool", future), None, "the database is older");
    // Nothing is explained by a database that cannot be read now.
    std::fs::write(root.path().join("var/lib/rpm/rpmdb.sqlite"), b"x").expect("written");
    let damaged = Owned::read(root.path());
    assert_eq!(reason(&second, &damaged, "/opt/tool"), None);
}

/// A header with these values: strings, or numbers.
fn header(values: &[(u32, Result<&[&str], u32>)]) -> Vec<u8> {
    let (mut index, mut data) = (Vec::new(), Vec::new());
    for (tag, value) in values {
        while !data.len().is_multiple_of(4) {
            data.push(0);
        }
        let (kind, count) = value.map_or((4, 1), |strings| (8, strings.len() as u32));
        for word in [*tag, kind, data.len() as u32, count] {
            index.extend(word.to_be_bytes());
        }
        match value {
            Ok(strings) => strings.iter().for_each(|text| data.extend([text.as_bytes(), b"\0"].concat())),
            Err(number) => data.extend(number.to_be_bytes()),
        }
    }
    [&(values.len() as u32).to_be_bytes()[..], &(data.len() as u32).to_be_bytes(), &index, &data].concat()
}

#[test]
fn header_that_lacks_a_part_of_its_paths_is_refused() {
    let whole: Vec<(u32, Result<&[&str], u32>)> = vec![
        (1000, Ok(&["tool"])),
        (1001, Ok(&["1.2"])),
        (1002, Ok(&["4"])),
        (1116, Err(0)),
        (1117, Ok(&["file"])),
        (1118, Ok(&["/opt/tool/"])),
    ];
    let added = |values: &[(u32, Result<&[&str], u32>)]| {
        let blob = header(values);
        rpm::add_paths(&mut Owned::default(), &Header::parse(&blob).expect("a header")).is_some()
    };
    assert!(added(&whole));
    for tag in [1000, 1001, 1002, 1116, 1118] {
        let without: Vec<_> = whole.iter().copied().filter(|(known, _)| *known != tag).collect();
        assert!(!added(&without), "without {tag}");
    }
    let without_files: Vec<_> = whole.iter().copied().filter(|(known, _)| *known < 1100).collect();
    assert!(added(&without_files), "a package without files");
    let beyond: Vec<_> = whole.iter().map(|one| if one.0 == 1116 { (1116, Err(1)) } else { *one }).collect();
    assert!(!added(&beyond), "a directory that is not there");
}

#[test]
fn an_older_kind_of_database_is_told() {
    let root = tempfile::tempdir().expect("tempdir");
    std::fs::create_dir_all(root.path().join("var/lib/rpm")).expect("made");
    std::fs::write(root.path().join("var/lib/rpm/Packages"), b"x").expect("written");
    let packages = Packages::open(root.path());
    assert!(packages.problems()[0].contains("older format"), "{:?}", packages.problems());
}

/// What sqlite itself wrote, part of it only in the log.
#[test]
fn rows_in_the_log_are_read_and_those_not_committed_are_not() {
    if !has("python3") {
        return;
    }
    let directory = tempfile::tempdir().expect("tempdir");
    let path = directory.path().join("db");
    let script = "import sqlite3, sys, os\n\
        db = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        db.execute('pragma journal_mode=wal'); db.execute('pragma wal_autocheckpoint=0')\n\
        db.execute('create table other (a)'); db.execute('create table Packages (hnum integer primary key, blob blob)')\n\
        for n in range(1, 3001): db.execute('insert into Packages values (?, ?)', (n, bytes([n % 256]) * (n * 7 % 20000)))\n\
        db.execute('pragma wal_checkpoint')\n\
        for n in range(3001, 3011): db.execute('insert into Packages values (?, ?)', (n, bytes([n % 256]) * n))\n\
        db.execute('delete from Packages where hnum = 5')\n\
        db.execute('pragma cache_size=1'); db.execute('begin')\n\
        for n in range(4000, 4200): db.execute('insert into Packages values (?, ?)', (n, bytes(9000)))\n\
        os._exit(0)\n";
    run(Command::new("python3").arg("-c").arg(script).arg(&path));
    assert!(directory.path().join("db-wal").exists());
    let mut lengths = Vec::new();
    let mut database = Database::open(&path).expect("opens");
    let done = database.each_row(b"Packages", &mut |columns| match columns {
        [_, sqlite::Column::Bytes(blob)] => {
            assert!(blob.windows(2).all(|pair| pair[0] == pair[1]));
            lengths.push(blob.len());
        }
        other => panic!("{other:?}"),
    });
    done.expect("readable");
    let first = (1..=3000).filter(|number| *number != 5).map(|number| number * 7 % 20_000);
    assert_eq!(lengths, first.chain(3001..3011).collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn any_bytes_can_be_read_as_a_header(blob in proptest::collection::vec(any::<u8>(), 0..300)) {
        if let Some(header) = Header::parse(&blob) {
            for tag in 1000..1040 {
                let _ = (header.strings(tag), header.numbers(tag));
            }
        }
    }

    #[test]
    fn any_bytes_can_be_read_as_a_database(
        rest in proptest::collection::vec(any::<u8>(), 500..3000),
        log in proptest::collection::vec(any::<u8>(), 0..700),
    ) {
        let directory = tempfile::tempdir().expect("tempdir");
        let mut bytes = b"SQLite format 3\0\x02\0\x01\x01\0".to_vec();
        bytes.extend_from_slice(&rest);
        // The kind of the first page, and few cells: else nothing further in is ever reached.
        bytes[100] = if rest[0].is_multiple_of(2) { 0x0d } else { 0x05 };
        (bytes[103], bytes[104]) = (0, rest[1] % 8);
        std::fs::write(directory.path().join("db"), &bytes).expect("written");
        std::fs::write(directory.path().join("db-wal"), &log).expect("written");
        if let Ok(mut database) = Database::open(&directory.path().join("db")) {
            let _ = database.each_row(b"Packages", &mut |_| {});
        }
    }
}
