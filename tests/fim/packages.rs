//! `hidsctl fim accept --packages`: what a database of packages explains, and what it does not.

use std::fs;
use std::process::Command;

use hids_tests::require;

use crate::fixture::{Fim, in_own_mounts, run};

/// A database of dpkg, put over the machine's own, that has these files of the tree with these contents.
/// Written anew it is newer, as after an installation.
fn database(fim: &Fim, files: &[(&str, &str)]) {
    let dpkg = fim.outside("dpkg");
    fs::create_dir_all(dpkg.join("info")).expect("directories");
    let stanza = "Package: tool\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2\n\n";
    fs::write(dpkg.join("status"), stanza).expect("written");
    let line = |(name, content): &(&str, &str)| {
        let file = fim.outside("content");
        fs::write(&file, content).expect("written");
        let sum = Command::new("md5sum").arg(&file).output().expect("md5sum can be run").stdout;
        let sum = String::from_utf8_lossy(&sum[..32]).into_owned();
        format!("{sum}  {}\n", fim.path(name).display().to_string().trim_start_matches('/'))
    };
    fs::write(dpkg.join("info/tool.md5sums"), files.iter().map(line).collect::<String>()).expect("written");
}

/// The exit code of `hidsctl fim accept --packages`, and what is left in `hidsctl fim diff`.
fn accept(fim: &Fim) -> (Option<i32>, usize) {
    let tree = fim.path("").to_string_lossy().into_owned();
    let code = fim.hidsctl(&["accept", "--packages", &tree]).status.code();
    (code, fim.hidsctl(&["diff", &tree]).stdout.iter().filter(|byte| **byte == b'\n').count())
}

#[test]
fn an_old_database_accepts_nothing_that_changed_and_a_new_one_what_it_has() {
    let name = "packages::an_old_database_accepts_nothing_that_changed_and_a_new_one_what_it_has";
    if !require::root() || !require::programs("root", &["md5sum", "mount"]) || !in_own_mounts(name) {
        return;
    }
    let mut fim = Fim::new(crate::fixture::REALTIME);
    fim.write("tool", "version 1");
    let packaged = [("tool", "version 2"), ("added", "new in version 2")];
    database(&fim, &packaged);
    fs::create_dir_all("/var/lib/dpkg").expect("a directory to mount at");
    run("mount", &["--bind".as_ref(), fim.outside("dpkg").as_os_str(), "/var/lib/dpkg".as_ref()]);
    fim.start();
    // Somebody puts in what a package once had: no package was installed since the baseline was made.
    fim.alert_after(|fim| fim.write("tool", "version 2"));
    assert_eq!(accept(&fim), (Some(1), 1), "the database says nothing new");
    fim.alert_after(|fim| fim.write("tool", "forged"));
    assert_eq!(accept(&fim), (Some(1), 1), "no package has it");
    // Installed again.
    fim.alert_after(|fim| fim.write("tool", "version 2"));
    fim.alert_after(|fim| fim.write("added", "new in version 2"));
    assert_eq!(accept(&fim).1, 1, "a new file of the package is taken, the other one waits for its database");
    database(&fim, &packaged);
    assert_eq!(accept(&fim), (Some(0), 0));
    let alert = fim.alert_after(|fim| fim.write("tool", "version 3"));
    assert_eq!(alert.number("changes"), Some(1), "counting begins anew");
    run("umount", &["/var/lib/dpkg".as_ref()]);
}
