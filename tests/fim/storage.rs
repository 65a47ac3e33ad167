//! The baseline when its disk is full or what is on it is damaged.

use std::ffi::OsStr;
use std::fs;

use hids_tests::daemon::wait_for;
use hids_tests::require;

use crate::fixture::{Fim, REALTIME, in_own_mounts, rule, run};

#[test]
fn a_full_disk_is_told_and_no_change_is_lost_when_there_is_room_again() {
    if !require::root() || !in_own_mounts("storage::a_full_disk_is_told_and_no_change_is_lost_when_there_is_room_again")
    {
        return;
    }
    let mut fim = Fim::new(REALTIME);
    for number in 0..100 {
        fim.write(&format!("{number}"), "one");
    }
    let state = fim.daemon.path("state");
    fs::create_dir(&state).expect("the state directory");
    let size = ["-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs"].map(OsStr::new);
    run("mount", &[&size[..], &[state.as_os_str()]].concat());
    fim.start();
    fim.fence();
    // All but nothing of it is taken.
    let filling = state.join("filling");
    let mut file = fs::File::create(&filling).expect("a file");
    while std::io::Write::write_all(&mut file, &[0; 4096]).is_ok() {}
    drop(file);
    fim.write("new", "one");
    fs::rename(fim.path("99"), fim.outside("99")).expect("rename");
    let mut round = 0;
    // What is written may find room in pages that are free, so it goes on until there is none.
    let trouble = wait_for("the trouble in hidsctl status", || {
        round += 1;
        (0..99).for_each(|number| fim.write(&number.to_string(), &format!("{round} {}", "more ".repeat(40))));
        let status = fim.daemon.status()?;
        let problems = status["problems"].to_string();
        (problems.contains("file changes") || problems.contains("analysis paused")).then_some(problems)
    });
    println!("told: {trouble}");
    fs::remove_file(&filling).expect("room again");
    wait_for("every change", || {
        let told: std::collections::BTreeSet<_> = fim.tree_alerts().into_iter().collect();
        let changed: std::collections::BTreeSet<_> =
            told.iter().filter(|(rule, _)| rule::CHANGED.contains(rule)).map(|(_, path)| path).collect();
        let others = told.contains(&(rule::ADDED, "new".into())) && told.contains(&(rule::DELETED, "99".into()));
        (changed.len() == 99 && others).then_some(())
    });
    fim.fence();
    wait_for("the end of the trouble", || fim.status()?["error"].is_null().then_some(()));
    fim.calm();
    fim.assert_no_alert_twice();
    fim.daemon.stop();
    run("umount", &[state.as_os_str()]);
}

/// Damages `fim.redb` and starts again.
fn damaged(damage: impl FnOnce(&mut Vec<u8>)) {
    let mut fim = Fim::with_files(&[("a", "one"), ("b", "one")]);
    fim.alert_after(|fim| fim.write("a", "two"));
    fim.daemon.stop();
    let file = fim.daemon.path("state/fim.redb");
    let mut bytes = fs::read(&file).expect("the baseline");
    damage(&mut bytes);
    fs::write(&file, bytes).expect("written");
    fim.start();
    let alert = fim.daemon.wait_for_alert(rule::DAMAGE);
    assert_eq!(alert["SyscheckFile"]["event"], "damage", "{alert}");
    let alert = fim.alert_after(|fim| fim.write("b", "two"));
    assert!(rule::CHANGED.contains(&alert.rule()), "the new baseline works: {alert:?}");
    fim.assert_no_alert_twice();
}

#[test]
fn a_baseline_that_was_cut_off_is_told_and_begun_anew() {
    if require::root() {
        damaged(|bytes| bytes.truncate(bytes.len() / 2));
    }
}

#[test]
fn a_baseline_of_zeros_is_told_and_begun_anew() {
    if require::root() {
        damaged(|bytes| bytes.fill(0));
    }
}

#[test]
fn flipped_bits_in_the_baseline_are_told() {
    if require::root() {
        damaged(|bytes| {
            let step = bytes.len() / 64;
            (0..64).for_each(|part| bytes[part * step + step / 3] ^= 0x10);
        });
    }
}

#[test]
fn a_baseline_that_is_missing_is_told() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::with_files(&[("a", "one")]);
    fim.daemon.stop();
    fs::remove_file(fim.daemon.path("state/fim.redb")).expect("removed");
    fim.start();
    fim.daemon.wait_for_alert(rule::DAMAGE);
}
