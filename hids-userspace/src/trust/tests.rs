use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown, symlink};

use super::*;

/// M6: a directory that only this user can change, with a script in it.
struct Place {
    directory: tempfile::TempDir,
    program: PathBuf,
}

impl Place {
    fn new(text: &str) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(directory.path().join("bin/sub")).expect("directories");
        let program = directory.path().join("bin/sub/tell");
        fs::write(&program, text).expect("written");
        let place = Self { directory, program };
        place.mode("bin/sub/tell", 0o755);
        place.mode("bin/sub", 0o755);
        place.mode("bin", 0o755);
        place
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn mode(&self, name: &str, mode: u32) {
        fs::set_permissions(self.at(name), fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn fault(&self) -> Option<PathBuf> {
        Program::open(&self.program).err().map(|fault| fault.path().to_owned())
    }
}

#[test]
fn what_others_may_write_to_is_not_trusted_wherever_it_is_on_the_way() {
    // M6
    let place = Place::new("#!/bin/sh\n");
    assert_eq!(place.fault(), None);
    for (name, sound) in [("bin/sub/tell", 0o755), ("bin/sub", 0o755), ("bin", 0o755)] {
        for bad in [0o775, 0o777, 0o757] {
            place.mode(name, bad);
            assert_eq!(place.fault(), Some(place.at(name)), "{bad:o}");
        }
        place.mode(name, sound);
    }
    assert_eq!(place.fault(), None);
    // OSSEC installs its programs and directories so.
    place.mode("bin/sub/tell", 0o550);
    place.mode("bin/sub", 0o750);
    assert_eq!(place.fault(), None);
}

#[test]
fn a_sticky_directory_protects_what_is_in_it_but_excuses_no_file() {
    // M6
    let place = Place::new("#!/bin/sh\n");
    place.mode("bin", 0o1777);
    assert_eq!(place.fault(), None);
    place.mode("bin/sub/tell", 0o1757);
    assert_eq!(place.fault(), Some(place.at("bin/sub/tell")));
    place.mode("bin/sub", 0o1777);
    assert!(directory(&place.at("bin/sub")).is_err(), "others could put files into it");
}

#[test]
fn files_directories_and_links_of_others_are_not_trusted() {
    // M6
    if !hids_tests::require::root() {
        return;
    }
    let place = Place::new("#!/bin/sh\n");
    for name in ["bin/sub/tell", "bin/sub", "bin"] {
        chown(place.at(name), Some(65534), None).expect("given away");
        assert_eq!(place.fault(), Some(place.at(name)));
        chown(place.at(name), Some(0), None).expect("taken back");
    }
    // A group may own it as long as it may not write, as in an OSSEC installation.
    chown(place.at("bin/sub/tell"), None, Some(65534)).expect("given away");
    assert_eq!(place.fault(), None);
    let link = place.at("link");
    symlink(&place.program, &link).expect("a link");
    assert!(Program::open(&link).is_ok());
    std::os::unix::fs::lchown(&link, Some(65534), None).expect("given away");
    assert_eq!(Program::open(&link).err().map(|fault| fault.path().to_owned()), Some(link));
}

#[test]
fn links_are_followed_part_by_part() {
    // M6
    let place = Place::new("#!/bin/sh\n");
    fs::create_dir(place.at("writable")).expect("a directory");
    symlink("../bin/./sub/../sub", place.at("writable/way")).expect("a link");
    place.mode("writable", 0o755);
    let through = place.at("writable/way/tell");
    assert!(file(&through).is_ok());
    place.mode("writable", 0o777);
    assert_eq!(file(&through).err().map(|fault| fault.path().to_owned()), Some(place.at("writable")));
    symlink("loop", place.at("loop")).expect("a link");
    assert!(matches!(file(&place.at("loop")), Err(Distrust::Open { .. })));
    assert!(matches!(file(&place.at("nothing")), Err(Distrust::Open { .. })));
    assert!(matches!(file(&place.at("bin")), Err(Distrust::Kind { .. })));
    assert!(matches!(file(&place.at("bin/sub/tell/x")), Err(Distrust::Kind { .. })));
    assert!(way_to(&place.at("bin/sub")).is_ok() && way_to(&place.at("writable")).is_err());
}

#[test]
fn the_interpreter_of_a_script_must_be_as_trusted() {
    // M6
    let place = Place::new("");
    let interpreter = place.at("sh");
    fs::copy("/bin/sh", &interpreter).expect("copied");
    place.mode("sh", 0o755);
    fs::write(&place.program, format!("#! {} -e\nexit 7\n", interpreter.display())).expect("written");
    let program = Program::open(&place.program).expect("trusted");
    assert_eq!(program.command().status().expect("it runs").code(), Some(7));
    place.mode("sh", 0o757);
    assert_eq!(place.fault(), Some(interpreter));
}

#[test]
fn a_script_is_run_by_its_name_and_a_binary_by_what_was_looked_at() {
    // M6
    let place = Place::new("#!/bin/sh\necho \"$0\"\n");
    let output = Program::open(&place.program).expect("trusted").command().output().expect("it runs");
    assert_eq!(output.stdout, format!("{}\n", place.program.display()).as_bytes());
    fs::remove_file(&place.program).expect("removed");
    fs::copy("/bin/echo", &place.program).expect("copied");
    let program = Program::open(&place.program).expect("trusted");
    // Whoever could put another file there would not be run: the one that was looked at is.
    fs::rename(&place.program, place.at("moved")).expect("moved");
    fs::write(&place.program, "#!/bin/sh\necho other\n").expect("written");
    let output = program.command().arg("the same").output().expect("it runs");
    assert_eq!(output.stdout, b"the same\n");
}
