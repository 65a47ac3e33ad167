//! A save is one change, however the program does it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write as _;

use hids_tests::require;

use crate::fixture::{Fim, FimAlert, rule, run, shown};

fn save(change: impl FnOnce(&Fim)) -> FimAlert {
    let mut fim = Fim::with_files(&[("sshd.conf", "PermitRootLogin no\n"), ("other", "x")]);
    let alert = fim.alert_after(change);
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&fim.path("sshd.conf")).as_str()), "{alert:?}");
    alert
}

#[test]
fn sed_in_place_is_one_alert_and_tells_of_sed() {
    if !require::root() || !require::programs("root", &["sed"]) {
        return;
    }
    let alert = save(|fim| run("sed", &[OsStr::new("-i"), "s/no/yes/".as_ref(), fim.path("sshd.conf").as_os_str()]));
    assert!(alert.pid().is_some_and(|pid| pid != u64::from(std::process::id())), "{alert:?}");
}

#[test]
fn an_editor_that_keeps_a_backup_meanwhile_is_one_alert() {
    if !require::root() {
        return;
    }
    // As vim does with "writebackup": rename, write anew, delete the backup.
    save(|fim| {
        let (file, backup) = (fim.path("sshd.conf"), fim.path("sshd.conf~"));
        fs::rename(&file, &backup).expect("rename");
        fs::write(&file, "PermitRootLogin yes\n").expect("write");
        fs::set_permissions(&file, fs::metadata(&backup).expect("stat").permissions()).expect("chmod");
        fs::remove_file(&backup).expect("unlink");
    });
}

#[test]
fn a_temporary_file_renamed_over_the_old_one_is_one_alert() {
    if !require::root() {
        return;
    }
    save(|fim| {
        let temporary = fim.path(".sshd.conf.tmp1234");
        let mut file = fs::File::create(&temporary).expect("create");
        file.write_all(b"PermitRootLogin yes\n").expect("write");
        file.sync_all().expect("sync");
        drop(file);
        fs::rename(&temporary, fim.path("sshd.conf")).expect("rename");
    });
}

#[test]
fn many_small_writes_in_a_row_are_one_alert_of_the_last_state() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("sshd.conf", "PermitRootLogin no\n")]);
    let alert = fim.alert_after(|fim| {
        let mut file = fs::File::create(fim.path("sshd.conf")).expect("create");
        for _ in 0..100 {
            file.write_all(b"0123456789").expect("write");
        }
    });
    assert_eq!(alert.number("size_after"), Some(1000), "{alert:?}");
}
