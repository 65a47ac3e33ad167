//! `hidsctl setup` and the administrator's own rules.

use std::fs;
use std::path::Path;
use std::process::Command;

use hids_tests::daemon::{Daemon, append};
use hids_tests::programs::{hidsctl, source_root};

use crate::common::WATCH_ONE_LOG;

fn share(root: &Path) {
    let share = root.join("usr/share/hids");
    fs::create_dir_all(&share).expect("directories");
    for (from, to) in [
        ("config/ossec.conf", "ossec.conf"),
        ("config/local/local_rules.xml", "local_rules.xml"),
        ("config/local/local_decoder.xml", "local_decoder.xml"),
    ] {
        fs::copy(source_root().join(from), share.join(to)).expect("a copy");
    }
}

// O-B2, item 13
#[test]
fn what_setup_creates_is_usable_as_it_is_and_survives_an_update() {
    let host = Daemon::new("");
    let root = host.path("image");
    share(&root);
    let destdir = root.to_string_lossy();
    let created = host.hidsctl(&["setup", "--destdir", &destdir]);
    let text = String::from_utf8_lossy(&created.stdout).into_owned();
    assert!(
        created.status.success() && text.contains("created ") && text.contains("/etc/hids/ossec.conf"),
        "{created:?}"
    );
    // The ruleset lies beside it here: nothing is installed on the machine of the test.
    std::os::unix::fs::symlink(source_root().join("config/ruleset"), root.join("etc/hids/ruleset")).expect("a link");
    let config = root.join("etc/hids/ossec.conf");
    let checked = Command::new(hidsctl()).arg("-c").arg(&config).arg("check").output().expect("hidsctl runs");
    assert!(checked.status.success(), "{checked:?}");
    append(&config, b"<!-- mine -->\n");
    let mine = fs::read(&config).expect("readable");
    fs::write(root.join("usr/share/hids/ossec.conf"), "<ossec_config/>").expect("an update");
    let again = host.hidsctl(&["setup", "--quiet", "--destdir", &destdir]);
    assert!(again.status.success() && again.stdout.is_empty(), "{again:?}");
    assert_eq!(fs::read(&config).expect("readable"), mine);
}

// Item 13: a place for rules of one's own that needs no <rules>.
#[test]
fn rules_and_decoders_of_ones_own_are_loaded_after_the_shipped_ones() {
    let mut host = Daemon::new(WATCH_ONE_LOG);
    let config = host.path("");
    for folder in ["rules", "decoders"] {
        fs::create_dir_all(config.join(folder)).expect("a directory");
    }
    fs::write(
        config.join("decoders/local_decoder.xml"),
        "<decoder name=\"mine\"><program_name>^myapp$</program_name></decoder>",
    )
    .expect("a decoder");
    let rules = "<group name=\"local,\"><rule id=\"100001\" level=\"8\"><decoded_as>mine</decoded_as>\
                 <description>Mine.</description></rule></group>";
    fs::write(config.join("rules/local_rules.xml"), rules).expect("a rule");
    host.start();
    host.log_line("Nov 24 10:00:00 web1 myapp[1]: hello");
    assert_eq!(host.wait_for_alert(100_001)["decoder"], "mine");
    host.stop();
}
