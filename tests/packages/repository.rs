//! The signed repository: apt takes what the owner of the key has signed, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use hids_tests::machine::{self, Release, Tree};
use hids_tests::require;

use crate::packages::{lab, package, run};

/// Where the tree's apt finds it.
const INSIDE: &str = "/root/repository";
const OWNER: &str = "Test <test@example.org>";

/// A repository that was made by `cargo xtask dist --repository` with a key that lives as long as the test.
struct Made {
    place: tempfile::TempDir,
}

impl Made {
    fn new() -> Option<Self> {
        package(".deb")?;
        if !require::programs("packages", &["gpg", "apt-ftparchive", "createrepo_c", "rpmsign", "rpmkeys"]) {
            return None;
        }
        let made = Self { place: tempfile::tempdir().expect("a directory") };
        fs::create_dir(made.home()).expect("a directory for keys");
        fs::set_permissions(made.home(), std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("a mode");
        let generate = ["--batch", "--passphrase", "", "--quick-generate-key", OWNER, "ed25519", "sign", "never"];
        run(Command::new("gpg").env("GNUPGHOME", made.home()).args(generate));
        let mut dist = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        dist.args(["run", "--quiet", "--package", "xtask", "--", "dist", "--packed", "--key", "test@example.org"]);
        dist.arg("--repository").arg(made.root());
        run(dist.current_dir(hids_tests::programs::source_root()).env("GNUPGHOME", made.home()));
        Some(made)
    }

    fn home(&self) -> PathBuf {
        self.place.path().join("keys")
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("repository")
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        // gpg leaves an agent behind, which ends when its directory is gone, some time later.
        let _ = Command::new("gpgconf").env("GNUPGHOME", self.home()).args(["--kill", "all"]).status();
    }
}

fn apt_get(tree: &Tree<'_>, arguments: &[&str]) -> Output {
    let mut command = tree.command("apt-get");
    // Only our source, and no user of its own for downloads, which could not enter /root.
    command.args(["-o", "Dir::Etc::SourceParts=/dev/null", "-o", "Dir::Etc::SourceList=/etc/apt/hids.list"]);
    command.args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::Check-Valid-Until=false"]).args(arguments);
    command.output().expect("apt-get runs")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

/// Copies the repository into the tree, in place of what is there.
fn copy_into(tree: &Tree<'_>, root: &Path) {
    tree.host().output("rm", ["-rf", &format!("{}{INSIDE}", tree.place())]).expect("removed");
    copy(tree, root, Path::new(INSIDE));
}

fn copy(tree: &Tree<'_>, from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("a directory").map(|entry| entry.expect("an entry").path()) {
        let to = to.join(entry.file_name().expect("a name"));
        if entry.is_dir() {
            copy(tree, &entry, &to);
        } else {
            tree.write(&to, fs::read(&entry).expect("a file")).expect("a copy");
        }
    }
}

#[test]
fn apt_and_rpm_accept_what_is_signed_and_refuse_a_changed_byte() {
    let Some(made) = Made::new() else { return };
    let Some(lab) = lab() else { return };
    let Some(tree) = machine::tree(&lab.server, Release::Debian12) else { return };
    tree.lend_devices().expect("devices");
    copy_into(&tree, &made.root());
    // As README says it.
    let source = format!("deb [signed-by={INSIDE}/hids.asc] file:{INSIDE}/deb stable main\n");
    tree.write("/etc/apt/hids.list", source).expect("a source");
    let updated = apt_get(&tree, &["update"]);
    assert!(updated.status.success() && !text(&updated).contains("W:"), "{}", text(&updated));
    let installed = apt_get(&tree, &["install", "--yes", "--no-install-recommends", "hids"]);
    assert!(installed.status.success(), "{}", text(&installed));
    assert!(tree.output("/usr/sbin/hidsctl", ["--version"]).expect("it starts").starts_with("hidsctl"));

    // A list that somebody changed on the way.
    let list = made.root().join("deb/dists/stable/InRelease");
    let whole = fs::read_to_string(&list).expect("a signed list");
    fs::write(&list, whole.replacen("Origin: hids", "Origin: hidz", 1)).expect("changed");
    copy_into(&tree, &made.root());
    let updated = apt_get(&tree, &["update"]);
    assert!(text(&updated).contains("BADSIG") && text(&updated).contains("not updated"), "{}", text(&updated));
    fs::write(&list, whole).expect("as it was");

    // A package that somebody changed on the server: the signed list has its sum.
    let deb = only_file(&made.root().join("deb/pool/main/h/hids"), ".deb");
    flip_a_byte(&deb);
    copy_into(&tree, &made.root());
    assert!(apt_get(&tree, &["update"]).status.success());
    let installed = apt_get(&tree, &["install", "--yes", "--reinstall", "hids"]);
    assert!(!installed.status.success() && text(&installed).contains("Hash Sum mismatch"), "{}", text(&installed));

    the_rpm_is_signed(&made);
}

fn the_rpm_is_signed(made: &Made) {
    let keys = made.place.path().join("rpmdb");
    let check = |file: &Path| {
        let mut check = Command::new("rpmkeys");
        check.arg("--dbpath").arg(&keys).args(["--checksig", "--verbose"]).arg(file).output().expect("rpmkeys runs")
    };
    let rpm = only_file(&made.root().join("rpm"), ".rpm");
    assert!(!check(&rpm).status.success(), "the key is not known yet: {}", text(&check(&rpm)));
    run(Command::new("rpmkeys").arg("--dbpath").arg(&keys).arg("--import").arg(made.root().join("hids.asc")));
    let said = text(&check(&rpm));
    assert!(check(&rpm).status.success() && said.contains("Signature"), "{said}");
    flip_a_byte(&rpm);
    assert!(!check(&rpm).status.success(), "{}", text(&check(&rpm)));

    let list = made.root().join("rpm/repodata/repomd.xml");
    let verify = || {
        let signature = list.with_extension("xml.asc");
        let mut verify = Command::new("gpg");
        verify.env("GNUPGHOME", made.home()).args(["--batch", "--verify"]).arg(signature).arg(&list);
        verify.output().expect("gpg runs").status.success()
    };
    assert!(verify(), "repomd.xml is not signed");
    flip_a_byte(&list);
    assert!(!verify(), "a changed list is taken");
}

fn only_file(directory: &Path, ending: &str) -> PathBuf {
    let entries = fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path());
    let files: Vec<_> = entries.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    let [file] = &files[..] else { panic!("{files:?}") };
    file.clone()
}

/// In the middle, where there is content.
fn flip_a_byte(file: &Path) {
    let mut bytes = fs::read(file).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).expect("a changed file");
}
