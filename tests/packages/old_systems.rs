//! One build for every system from glibc 2.28 on: it starts and works on those that are there.

use hids_tests::machine::{self, Release};

use crate::packages::{lab, package, run};

#[test]
fn the_programs_run_on_each_release() {
    let Some(deb) = package(".deb") else { return };
    for release in Release::ALL {
        let Some(lab) = lab() else { return };
        let Some(tree) = machine::tree(&lab.server, release) else { return };
        let place = tempfile::tempdir().expect("a directory");
        run(std::process::Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(place.path()));
        for name in ["hidsd", "hidsctl"] {
            let (from, to) = (place.path().join("usr/sbin").join(name), tree.path("/usr/sbin").join(name));
            hids_tests::executable::copy(&from, &to);
            let version = tree.output(format!("/usr/sbin/{name}"), ["--version"]).expect("it starts");
            assert!(version.starts_with(name), "{}: {version}", release.name());
        }
    }
}
