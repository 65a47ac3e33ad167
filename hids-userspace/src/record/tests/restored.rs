//! A state directory that is older than the alert files.

use super::*;

/// Copies a directory of plain files.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("mkdir");
    for entry in std::fs::read_dir(from).expect("readable") {
        let path = entry.expect("entry").path();
        if path.is_file() {
            std::fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("copied");
        }
    }
}

// M7
#[test]
fn an_older_state_directory_cuts_no_alerts_away() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch((1..=5).map(|number| alert(number, EVENING)).collect())).expect("written");
    recorder.sync().expect("synced");
    copy(&root.path().join("state"), &root.path().join("backup"));
    // All that follows is one batch: it is the number of batches that a backup may be behind by.
    recorder.write(&batch((6..=55).map(|number| alert(number, EVENING)).collect())).expect("written");
    drop(recorder);
    copy(&root.path().join("backup"), &root.path().join("state"));
    let (mut recorder, recovered) = open(root.path());
    let json = root.path().join("logs/alerts/alerts.json");
    assert_eq!(read(&json).lines().count(), 55);
    assert_eq!(numbers(&read(root.path().join("logs/alerts/alerts.log"))), (1..=55).collect::<Vec<_>>());
    assert!(recovered.kept_bytes > 0 && recovered.cut_bytes == 0);
    assert_eq!(recovered.next_sequence, 56, "numbers of kept alerts are not given again");
    recorder.write(&batch(vec![alert(56, EVENING)])).expect("written");
    drop(recorder);
    let (_, recovered) = open(root.path());
    assert_eq!((read(&json).lines().count(), recovered.kept_bytes), (56, 0));
}

#[test]
fn an_older_state_directory_of_another_run_or_boot_cuts_nothing_either() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    copy(&root.path().join("state"), &root.path().join("backup"));
    drop(recorder);
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(2, EVENING)])).expect("written");
    drop(recorder);
    copy(&root.path().join("backup"), &root.path().join("state"));
    super::files::pretend_other_boot(&root.path().join("state/record.journal"));
    let (_, recovered) = open(root.path());
    assert!(recovered.kept_bytes > 0);
    assert_eq!(read(root.path().join("logs/alerts/alerts.json")).lines().count(), 2);
}

#[test]
fn bytes_that_somebody_else_appended_are_kept() {
    let root = tempfile::tempdir().expect("tempdir");
    let (mut recorder, _) = open(root.path());
    recorder.write(&batch(vec![alert(1, EVENING)])).expect("written");
    drop(recorder);
    let log = root.path().join("logs/alerts/alerts.log");
    let text = read(&log) + "a remark";
    std::fs::write(&log, &text).expect("write");
    let (_, recovered) = open(root.path());
    assert_eq!((read(&log), recovered.kept_bytes), (text, 8));
}
