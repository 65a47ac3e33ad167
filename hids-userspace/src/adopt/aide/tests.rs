use std::fs;

use proptest::prelude::*;

use super::*;
use crate::adopt::draft::Draft;
use crate::adopt::system::System;
use crate::adopt::translated::Translated;

const CONFIG: &str = "# mine\n@@define ROOT /srv\ndatabase_in=file:/var/lib/aide/aide.db\nContent = sha256+ftype\nAll = \
                      p+u+g+n+Content\nNoOwner = All-u\n@@ifdef NOTHING\n/no All\n@@else\n@@{ROOT} NoOwner\n@@endif\n/etc All\n\
                      !/etc/mtab$\n!/srv/cache\n=/var/log$ All\n/var/log/.*\\.log$ All\n/srv/file All\n@@include conf.d\n\
                      @@x_include /x .*\n/tree Unknown\n@@{NO}/x All\n";

fn translated(text: &str, config: &str) -> (String, Translated) {
    let root = tempfile::tempdir().expect("a directory");
    for folder in ["etc/aide/conf.d", "srv/www"] {
        fs::create_dir_all(root.path().join(folder)).expect("directories");
    }
    fs::write(root.path().join("etc/aide/aide.conf"), text).expect("a file");
    fs::write(root.path().join("etc/aide/conf.d/10_www"), "/srv/www R\n@@include aide.conf\n").expect("a file");
    let system = System::new(root.path()).expect("a system");
    let mut report = Translated::default();
    let selections = read(&system, "/etc/aide/aide.conf", &mut report).expect("a configuration");
    let mut draft = Draft::new(config.into()).expect("well-formed");
    translate(&selections, &system, &mut draft, &mut report).expect("translated");
    (String::from_utf8(draft.text().to_vec()).expect("text"), report)
}

#[test]
fn selections_become_directories_and_ignored_paths_and_the_rest_is_listed() {
    let config = "<ossec_config><syscheck><directories check_all=\"yes\">/etc</directories></syscheck></ossec_config>";
    let (text, report) = translated(CONFIG, config);
    for expected in [
        "<directories check_perm=\"yes\" check_group=\"yes\" check_sha256sum=\"yes\">/srv</directories>",
        "check_md5sum=\"yes\">/srv/www</directories>",
        "<ignore type=\"sregex\">^/etc/mtab$</ignore>",
        "<ignore>/srv/cache</ignore>",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert_eq!(text.matches(">/etc</directories>").count(), 1, "it is there already");
    let not: Vec<&str> = report.not.iter().map(|(what, _)| what.as_str()).collect();
    for expected in
        ["=/var/log$", "/var/log/.*\\.log$", "/srv/file", "x_include", "/tree Unknown", "@@{NO}/x All", "attributes n"]
    {
        assert!(not.iter().any(|what| what.contains(expected)), "{expected}: {not:?}");
    }
    assert!(!not.iter().any(|what| what.contains("/no")), "{not:?}");
    let (again, report) = translated(CONFIG, &text);
    assert_eq!((again, report.done), (text, Vec::<String>::new()), "a second run has nothing to do");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_configuration_is_translated_without_panic(text in "([a-zA-Z =+/!$.\\\\\n-]|@@define A b\n|@@\\{A\\}|@@ifdef A\n|@@else\n|@@endif\n|\n/etc p\\+u\n|@@include aide.conf\n){0,60}") {
        translated(&text, "<ossec_config></ossec_config>");
    }
}
