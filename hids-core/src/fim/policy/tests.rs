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
