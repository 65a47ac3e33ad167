//! CVE-2012-5642: fail2ban before 0.8.8 put lines of the log into the commands of its actions.
//!
//! Here a program gets an address, a user name and numbers as arguments of their own; what else a line holds does not
//! reach it, and a user name that is more than a name is refused.

use std::path::PathBuf;

use hids_core::model::{Level, Timestamp};
use hids_core::respond::{Action, Expect, MachineAddresses, Planner, Policy, ProtectedSet, Response, ResponseKind};

use crate::shipped::Shipped;

#[test]
fn nothing_but_names_and_addresses_reaches_a_program() {
    let response = Response {
        name: "lock-out".into(),
        kind: ResponseKind::Program(PathBuf::from("/var/ossec/active-response/bin/lock-out.sh")),
        executable: "/var/ossec/active-response/bin/lock-out.sh".into(),
        expects: vec![Expect::SourceAddress, Expect::User],
        level: Some(Level(5)),
        rules: Vec::new(),
        group: None,
        timeout: None,
    };
    let policy = Policy { responses: vec![response], repeated_offenders: Vec::new() };
    let mut planner = Planner::new(policy, ProtectedSet::new(&[], &[], MachineAddresses::default()));
    let mut engine = Shipped::new();
    for user in ["$(id)", "`id`", "x;id", "x|id", "x&&id", "-rf", "x>y", "x'y", "x\"y"] {
        engine.reset();
        let line = format!("Nov 30 10:00:00 web1 sshd[7]: Failed password for {user} from 198.51.100.7 port 22 ssh2");
        let alert = engine.alert(&line).unwrap_or_else(|| panic!("no alert: {line}"));
        let actions = planner.plan(&alert, Timestamp::from_unix_seconds(0));
        assert!(actions.iter().all(|action| matches!(action, Action::Refused(_))), "{user}: {actions:?}");
    }
}
