//! `hidsctl setup` and the administrator's own rules.

use std::fs;
use std::path::Path;
use std::process::Command;

use hids_tests::daemon::{Daemon, append};
use hids_tests::programs::{hidsctl, source_root};

use crate::common::WATCH_ONE_LOG;

pub(crate) fn share(root: &Path) {
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

/// A file below the image's root.
fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
    fs::write(path, text).expect("a file");
}

/// An image of a web server that was administered from 198.51.100.7, with a mail server and fail2ban.
fn web_server(host: &Daemon) -> std::path::PathBuf {
    let root = host.path("image");
    share(&root);
    write(&root, "etc/nginx/nginx.conf", "http { include sites/*; }\n");
    write(
        &root,
        "etc/nginx/sites/shop",
        "log_format j escape=json '{}'; access_log /srv/shop.log; access_log /srv/j j;",
    );
    write(&root, "etc/aliases", "root: ops@example.com\n");
    write(&root, "etc/hostname", "web1.example.com\n");
    write(&root, "etc/fail2ban/jail.conf", "[DEFAULT]\n");
    write(&root, "proc/net/tcp", "head\n 0: 0100007F:0019 00000000:0000 0A 0:0 0:0 0 0 0 1\n");
    let session = |user: &str, address: &str| format!("USER={user}\nREMOTE=1\nREMOTE_HOST={address}\nSTATE=active\n");
    write(&root, "run/systemd/sessions/1", &session("root", "198.51.100.7"));
    write(&root, "run/systemd/sessions/2", &session("eve", "203.0.113.66"));
    // The ruleset lies beside the configuration: nothing is installed on the machine of the test.
    fs::create_dir_all(root.join("etc/hids")).expect("a directory");
    std::os::unix::fs::symlink(source_root().join("config/ruleset"), root.join("etc/hids/ruleset")).expect("a link");
    root
}

#[test]
fn setup_adds_what_it_finds_keeps_the_rest_and_is_done_after_one_run() {
    let host = Daemon::new("");
    let root = web_server(&host);
    let destdir = root.to_string_lossy().into_owned();
    let config = root.join("etc/hids/ossec.conf");
    let shown = host.hidsctl(&["setup", "--destdir", &destdir]);
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    let shipped = fs::read_to_string(root.join("usr/share/hids/ossec.conf")).expect("readable");
    assert!(shown.status.success() && text.contains("+    <location>/srv/shop.log</location>"), "{shown:?}");
    assert!(
        text.contains("/srv/j (/etc/nginx/sites/shop:1): in JSON") && text.contains("hidsctl import fail2ban"),
        "{text}"
    );
    assert_eq!(
        fs::read_to_string(&config).expect("readable"),
        shipped,
        "without a terminal and --yes nothing is written"
    );

    let answer = host.hidsctl_json(&["setup", "--yes", "--destdir", &destdir]).expect("it works");
    assert_eq!((&answer["written"], &answer["errors"]), (&true.into(), &serde_json::json!([])), "{answer}");
    let written = fs::read_to_string(&config).expect("readable");
    for expected in [
        "<location>/srv/shop.log</location>",
        "<white_list>198.51.100.7</white_list>",
        "<email_notification>yes</email_notification>",
        "<email_to>ops@example.com</email_to>",
        "<email_from>hids@web1.example.com</email_from>",
    ] {
        assert!(written.contains(expected), "{expected}: {written}");
    }
    assert!(!written.contains("203.0.113.66"), "an ordinary user must not protect his address");
    let comments = |text: &str| text.matches("<!--").count();
    assert_eq!(comments(&written), comments(&shipped));
    let kept = answer["kept"][0].as_str().expect("a file");
    assert_eq!(fs::read_to_string(kept).expect("readable"), shipped);
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&config.metadata().expect("there")) & 0o777, 0o640);
    let checked = Command::new(hidsctl()).arg("-c").arg(&config).arg("check").output().expect("hidsctl runs");
    assert!(checked.status.success(), "{checked:?}");

    let again = host.hidsctl_json(&["setup", "--yes", "--destdir", &destdir]).expect("it works");
    assert_eq!((&again["written"], &again["changes"]), (&false.into(), &serde_json::json!([])), "{again}");
}

#[test]
fn setup_does_not_touch_a_configuration_that_it_cannot_read() {
    let host = Daemon::new("");
    let root = web_server(&host);
    let config = root.join("etc/hids/ossec.conf");
    let broken = "<ossec_config><global><white_list>192.0.2.1</white_list></ossec_config>";
    fs::write(&config, broken).expect("written");
    let answer = host.hidsctl(&["setup", "--yes", "--destdir", &root.to_string_lossy()]);
    assert_eq!(answer.status.code(), Some(1), "{answer:?}");
    assert_eq!(fs::read_to_string(&config).expect("readable"), broken);
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
