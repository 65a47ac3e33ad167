//! A daemon whose own files lie in a watched tree does not tell of itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hids_tests::daemon::wait_for;
use hids_tests::require;

use crate::fixture::{Fim, rule, shown};

#[test]
fn neither_the_self_test_nor_the_daemons_own_files_alert() {
    if !require::root() {
        return;
    }
    let mut fim = Fim::new("");
    let top = fim.path("").parent().expect("a directory").canonicalize().expect("a real path");
    fim.configure(&format!(
        "<directories check_all=\"yes\" realtime=\"yes\">{0}</directories><ignore>{0}/hidsd.messages</ignore>",
        top.display()
    ));
    fim.write("a", "one");
    // Ready and tested once before the start that counts, so that every file of its own is there.
    for _ in 0..2 {
        fim.start();
        wait_for("the self-test", || {
            let sensors = fim.daemon.status()?["sensors"].clone();
            (sensors["self_test"].is_object() || sensors["self_test_error"].is_string()).then_some(())
        });
        fim.answer(&["scan", "--full"]);
        let alert = fim.alert_after(|fim| fim.write("a", &format!("{:?}", std::time::Instant::now())));
        assert_eq!(alert.path(), shown(&fim.path("a")));
        fim.answer(&["scan", "--full"]);
        fim.calm();
        fim.daemon.stop();
    }
    fim.start();
    let own = ["state", "logs", "run"].map(|name| format!("{}/", shown(&top.join(name))));
    for alert in fim.alerts() {
        assert!(!own.iter().any(|own| alert.path().starts_with(own)), "{alert:?}");
    }
    let listed = fim.answer(&["list", &top.to_string_lossy()]);
    assert!(listed.contains(&shown(&top.join("ossec.conf"))), "all else is watched: {listed}");
    assert!(!own.iter().any(|own| listed.contains(own.as_str())), "{listed}");
    // The directories themselves are: by scans, since nobody looks into them.
    let state = top.join("state");
    let mode = fs::metadata(&state).expect("stat").permissions().mode();
    let alert = fim.alert_after(|fim| {
        fs::set_permissions(&state, fs::Permissions::from_mode(mode ^ 0o001)).expect("chmod");
        fim.answer(&["scan"]);
    });
    assert_eq!((alert.rule(), alert.path()), (rule::CHANGED[0], shown(&state).as_str()));
}
