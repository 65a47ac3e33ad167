use super::*;

fn watch(root: &str) -> Watch {
    Watch { root: root.into(), ..Watch::default() }
}

fn policy(watches: Vec<Watch>) -> Policy {
    Policy::compile(PolicyDef { watches, ..PolicyDef::default() })
}

fn root_of<'a>(policy: &'a Policy, path: &str) -> Option<&'a str> {
    policy.watch_of(path.as_bytes(), PathKind::Other).map(|watch| std::str::from_utf8(&watch.root).unwrap())
}

#[test]
fn the_deepest_root_counts() {
    let policy = policy(vec![watch("/etc"), watch("/etc/ssh/"), watch("/usr//bin"), watch("/etc")]);
    assert_eq!(policy.watches().len(), 3);
    for (path, root) in [
        ("/etc", Some("/etc")),
        ("/etc/passwd", Some("/etc")),
        ("/etc/ssh", Some("/etc/ssh")),
        ("/etc/ssh/sshd_config", Some("/etc/ssh")),
        ("/etc/ssh-evil", Some("/etc")),
        ("/etc/zz/x", Some("/etc")),
        ("/etcetera", None),
        ("/", None),
        ("", None),
        ("etc/passwd", None),
        ("/usr/bin/ls", Some("/usr/bin")),
        ("/usr/sbin/ls", None),
    ] {
        assert_eq!(root_of(&policy, path), root, "{path}");
    }
}

#[test]
fn a_root_directory_holds_everything() {
    let policy = policy(vec![watch("/"), watch("/etc")]);
    for (path, root) in [("/", "/"), ("/x/y", "/"), ("/etc", "/etc"), ("/etc/x", "/etc"), ("/etcx", "/")] {
        assert_eq!(root_of(&policy, path), Some(root), "{path}");
    }
    assert!(policy.is_root(b"/") && policy.is_root(b"/etc") && !policy.is_root(b"/etc/x"));
    assert!(policy.enters(b"/") && policy.enters(b"/x") && policy.enters(b"/etc"));
}

#[test]
fn levels_below_a_root() {
    let flat = Watch { no_recurse: true, ..watch("/flat") };
    let two = Watch { recursion_level: Some(2), ..watch("/two") };
    let policy = policy(vec![flat, two, watch("/deep"), Watch { no_recurse: true, ..watch("/deep/flat") }]);
    let watched = |path: &str| root_of(&policy, path).is_some();
    assert!(watched("/flat") && watched("/flat/file") && watched("/flat/dir") && !watched("/flat/dir/file"));
    assert!(watched("/two/1/2/file") && !watched("/two/1/2/3/file"));
    assert!(watched("/deep/1/2/3/4/file") && watched("/deep/flat/x") && !watched("/deep/flat/x/y"));
    let enters = |path: &str| policy.enters(path.as_bytes());
    assert!(enters("/flat") && !enters("/flat/dir") && enters("/two/1") && enters("/two/1/2") && !enters("/two/1/2/3"));
    assert!(enters("/deep/1/2/3") && enters("/deep/flat") && !enters("/deep/flat/x") && !enters("/other"));
}

#[test]
fn restrict_is_about_files_only() {
    let policy = policy(vec![Watch { restrict: Some(".conf$|^/etc/hosts".into()), ..watch("/etc") }]);
    let watched = |path: &str, kind| policy.watch_of(path.as_bytes(), kind).is_some();
    assert!(watched("/etc/a.conf", PathKind::Other) && watched("/etc/HOSTS.allow", PathKind::Other));
    assert!(!watched("/etc/passwd", PathKind::Other) && watched("/etc/ssh", PathKind::Directory));
    assert!(policy.enters(b"/etc/ssh"));
}

#[test]
fn what_is_ignored() {
    let sregex = |text: &str| PathPattern::Sregex(text.into());
    let policy = Policy::compile(PolicyDef {
        watches: vec![watch("/etc"), watch("/srv/log"), watch("/home")],
        ignore: vec![
            PathPattern::Prefix(b"/etc/mtab".to_vec()),
            sregex(".swp$|.log$"),
            sregex("^/home/a$"),
            sregex("/cache/"),
            PathPattern::Prefix(Vec::new()),
        ],
        ..PolicyDef::default()
    });
    let watched = |path: &str| policy.watch_of(path.as_bytes(), PathKind::Other).is_some();
    assert!(watched("/etc/mta") && !watched("/etc/mtab") && !watched("/etc/MTAB.old") && !watched("/etc/mtab/x"));
    assert!(!watched("/etc/x.SWP") && watched("/etc/x.swp1") && !watched("/etc/x.swp/below"));
    // A pattern that fits the root's own name does not empty the root.
    assert!(!watched("/home/a") && !watched("/home/a/file") && watched("/home/ab") && watched("/srv/log/x"));
    assert!(!watched("/home/b/cache/x") && watched("/home/b/cache") && watched("/home/b/cachet"));
    assert!(!policy.enters(b"/home/a") && !policy.enters(b"/home/a/b") && policy.enters(b"/home/b/cache"));
    assert_eq!(policy.unusable().len(), 1);
}

#[test]
fn diffs_of_secrets_are_not_shown() {
    let no_diff = vec![PathPattern::Prefix(b"/etc/shadow".to_vec()), PathPattern::Sregex(".key$".into())];
    let policy = Policy::compile(PolicyDef { watches: vec![watch("/etc")], no_diff, ..PolicyDef::default() });
    assert!(
        !policy.shows_diff(b"/etc/shadow-")
            && !policy.shows_diff(b"/etc/ssl/x.KEY")
            && policy.shows_diff(b"/etc/hosts")
    );
}

#[test]
fn a_pattern_that_does_not_compile_leaves_nothing_out() {
    let long = "x".repeat(crate::pattern::MAX_PATTERN_BYTES + 1);
    let policy = Policy::compile(PolicyDef {
        watches: vec![Watch { restrict: Some(long.clone()), ..watch("/etc") }],
        ignore: vec![PathPattern::Sregex(long.clone())],
        ..PolicyDef::default()
    });
    assert!(policy.watch_of(b"/etc/passwd", PathKind::Other).is_some());
    assert_eq!(policy.unusable().len(), 2);
    // Many patterns are more than one group of alternatives.
    let many = (0..3000).map(|number| PathPattern::Sregex(format!("/name{number}$"))).collect();
    let policy = Policy::compile(PolicyDef { watches: vec![watch("/etc")], ignore: many, ..PolicyDef::default() });
    assert!(policy.watch_of(b"/etc/name2999", PathKind::Other).is_none() && policy.unusable().is_empty());
}

#[test]
fn how_often_a_path_alerts() {
    use crate::model::ChangeKind::{Added, Deleted, Modified, Readded};
    let of = |strict, auto_ignore, alert_new_files| {
        Policy::compile(PolicyDef { strict, auto_ignore, alert_new_files, ..PolicyDef::default() })
    };
    let default = of(false, true, true);
    assert!((1..10).all(|count| default.alerts_change(Modified, count)) && default.alerts_change(Deleted, 9));
    assert!(default.alerts_change(Added, 1) && !default.alerts_first_scan());
    let strict = of(true, true, false);
    assert!(strict.alerts_change(Modified, 3) && !strict.alerts_change(Modified, 4));
    assert!(!strict.alerts_change(Deleted, 4) && !strict.alerts_change(Readded, 4) && strict.alerts_change(Readded, 2));
    assert!(!strict.alerts_change(Added, 1) && !strict.alerts_first_scan());
    assert!(of(true, false, true).alerts_change(Modified, 40) && of(true, false, true).alerts_first_scan());
}

/// The same by going through all roots: slow, and plainly right.
fn naive<'a>(policy: &'a Policy, path: &[u8]) -> Option<&'a Watch> {
    let holds = |watch: &&Watch| {
        let root = watch.root.as_slice();
        root == b"/" || path == root || (path.starts_with(root) && path.get(root.len()) == Some(&b'/'))
    };
    let watch = policy.watches().iter().filter(holds).max_by_key(|watch| watch.root.len())?;
    let rest = if watch.root == b"/" { &path[1..] } else { path.get(watch.root.len() + 1..).unwrap_or_default() };
    let deep = rest.iter().filter(|byte| **byte == b'/').count();
    (!watch.no_recurse || deep == 0).then_some(watch)
}

fn a_path() -> impl proptest::prelude::Strategy<Value = String> {
    use proptest::prelude::*;
    proptest::collection::vec("[ab.]|a-|a0|\u{e9}", 0..5).prop_map(|parts| format!("/{}", parts.join("/")))
}

proptest::proptest! {
    #[test]
    fn the_deepest_root_is_found_as_by_trying_all(
        roots in proptest::collection::vec((a_path(), proptest::prelude::any::<bool>()), 0..12),
        paths in proptest::collection::vec(a_path(), 1..20),
    ) {
        let policy = policy(roots.into_iter().map(|(root, no_recurse)| Watch { no_recurse, ..watch(&root) }).collect());
        for path in paths {
            let found = policy.watch_of(path.as_bytes(), PathKind::Other);
            proptest::prop_assert_eq!(found, naive(&policy, path.as_bytes()), "{}", path);
            if policy.enters(path.as_bytes()) {
                let child = format!("{}/x", path.trim_end_matches('/'));
                proptest::prop_assert!(policy.watch_of(child.as_bytes(), PathKind::Other).is_some(), "{} is entered", path);
            }
        }
    }

    #[test]
    fn any_bytes_are_looked_up_without_panic(root in proptest::prelude::any::<Vec<u8>>(), path in proptest::prelude::any::<Vec<u8>>()) {
        let watches = vec![Watch { root, ..Watch::default() }, watch("/")];
        let ignore = vec![PathPattern::Sregex("a$".into()), PathPattern::Prefix(b"/\xff".to_vec())];
        let policy = Policy::compile(PolicyDef { watches, ignore, ..PolicyDef::default() });
        let _ = (policy.watch_of(&path, PathKind::Directory), policy.enters(&path), policy.shows_diff(&path));
    }
}

#[test]
fn what_the_daemon_writes_itself_is_left_out_below_a_root_that_holds_it() {
    let policy = |roots: &[&str]| {
        Policy::compile(PolicyDef {
            watches: roots.iter().map(|root| watch(root)).collect(),
            own: vec![b"/var/lib/hids".to_vec(), b"/run/hids/".to_vec()],
            ..PolicyDef::default()
        })
    };
    for root in ["/", "/var", "/var/lib"] {
        let policy = policy(&[root]);
        let watched = |path: &str| root_of(&policy, path).is_some();
        assert!(!watched("/var/lib/hids/fim.redb") && !watched("/var/lib/hids/self-test-1/file"), "{root}");
        assert!(!policy.enters(b"/var/lib/hids") && !policy.enters(b"/var/lib/hids/mail"));
        // The directory itself, its neighbours, and what differs in case.
        assert!(watched("/var/lib/hids") && watched("/var/lib/hidsx/y") && watched("/var/lib/HIDS/x"));
        assert!(policy.enters(b"/var/lib/HIDS") && policy.enters(b"/var/lib"));
    }
    assert!(root_of(&policy(&["/"]), "/run/hids/control.sock").is_none());
    // Whoever names it has it watched.
    let named = policy(&["/var", "/var/lib/hids", "/run/hids/deep"]);
    assert_eq!(root_of(&named, "/var/lib/hids/fim.redb"), Some("/var/lib/hids"));
    assert_eq!(root_of(&named, "/run/hids/deep/x"), Some("/run/hids/deep"));
    assert!(named.enters(b"/var/lib/hids/mail") && named.enters(b"/run/hids/deep/er"));
}
