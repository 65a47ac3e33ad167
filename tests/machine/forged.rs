//! A real journald beside real forgers (H5): whoever borrows sshd's name raises alerts and blocks nobody.

use std::process::Stdio;
use std::time::Duration;

use hids_tests::lab::{ATTACKER, FRIEND, SERVER_INSIDE, SERVER_OUTSIDE, USER};
use hids_tests::machine::{self, Machine, Release};
use hids_tests::{Host, attack, wait};

use crate::support::{alerts_of, blocked, lab, start, until};

/// More than the shipped rules want from one source.
const LINES: usize = 12;

/// Whom a forger wants blocked, where he works and how he writes a line; `{}` is the message, `{all}` all of them.
struct Forger {
    victim: &'static str,
    place: Place,
    line: &'static str,
}

/// Where a forger's shell runs.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// In a session of the user, logged in by ssh.
    Session,
    /// In a service with the rights of an account.
    Service(&'static str),
}

const FORGERS: &[Forger] = &[
    Forger { victim: "203.0.113.21", place: Place::Session, line: "logger -t sshd '{}'" },
    Forger { victim: "203.0.113.22", place: Place::Session, line: "logger -t 'sshd[1]' -p auth.info '{}'" },
    Forger { victim: "203.0.113.23", place: Place::Session, line: "echo '{}' | systemd-cat -t sshd" },
    Forger {
        victim: "203.0.113.24",
        place: Place::Session,
        line: "printf 'MESSAGE=%s\\nSYSLOG_IDENTIFIER=sshd\\nSYSLOG_PID=1\\n' '{}' | logger --journald",
    },
    // A hole in a web application.
    Forger { victim: "203.0.113.25", place: Place::Service("www-data"), line: "logger -t sshd '{}'" },
    // A script of root's that borrows the name is not the service either. It stays until journald has looked at it:
    // of a program of root's that is gone by then, the journal does not record which one it was.
    Forger {
        victim: "203.0.113.26",
        place: Place::Service("root"),
        line: "{ printf '%s\\n' {all}; sleep 3; } | logger -t sshd",
    },
    // About a real attacker: that must not hide what he does.
    Forger { victim: ATTACKER, place: Place::Service("www-data"), line: "logger -t sshd '{}'" },
];

impl Forger {
    /// His commands.
    fn script(&self) -> String {
        let message = |number| format!("Failed password for root from {} port {} ssh2", self.victim, 40_000 + number);
        if self.line.contains("{all}") {
            let all: Vec<String> = (0..LINES).map(|number| format!("'{}'", message(number))).collect();
            return self.line.replace("{all}", &all.join(" "));
        }
        (0..LINES).map(|number| format!("{}\n", self.line.replace("{}", &message(number)))).collect()
    }
}

/// Has every forger write his lines.
fn forge(machine: &Machine<'_>, friend: &Host) {
    let mut of_user = String::new();
    for forger in FORGERS {
        match forger.place {
            Place::Session => of_user += &forger.script(),
            Place::Service(account) => {
                machine.run_as(account, &["sh", "-c", &forger.script()]).expect("the forger's commands run");
            }
        }
    }
    let mut session = attack::login(friend, SERVER_INSIDE, &of_user);
    let done = session.stdin(Stdio::null()).output().expect("ssh can be started");
    assert!(done.status.success(), "{USER} cannot run his commands: {done:?}");
}

#[test]
fn debian_12_blocks_nobody_for_forged_lines() {
    forged_lines_block_nobody(Release::Debian12);
}

#[test]
fn debian_13_blocks_nobody_for_forged_lines() {
    forged_lines_block_nobody(Release::Debian13);
}

fn forged_lines_block_nobody(release: Release) {
    let Some(lab) = lab() else { return };
    let Some(machine) = machine::installed(&lab.server, release) else { return };
    start(&machine);
    forge(&machine, &lab.friend);
    for forger in FORGERS {
        until(&machine, "the alert of the forged lines", || !alerts_of(&machine, 5720, forger.victim).is_empty());
        let alerts = alerts_of(&machine, 5720, forger.victim);
        assert!(alerts.iter().all(|alert| alert["untrusted_sender"].is_object()), "{alerts:?}");
    }
    let reason = |victim: &str| alerts_of(&machine, 5720, victim)[0]["untrusted_sender"]["reason"].clone();
    assert_eq!(reason("203.0.113.21"), "other_user");
    assert_eq!(reason("203.0.113.26"), "other_program");
    assert_eq!(blocked(&machine), Vec::<String>::new());

    // The journal is read in order: behind this block all forged lines have been judged.
    let confirmed = || alerts_of(&machine, 5720, ATTACKER).iter().any(|alert| alert["untrusted_sender"].is_null());
    until(&machine, "the alert about the real attacker", || {
        attack::guess_passwords(&lab.attacker, SERVER_OUTSIDE, "root", 8).expect("guesses");
        wait::until("a confirmed alert", Duration::from_secs(3), confirmed).is_ok()
    });
    until(&machine, "the block of the real attacker", || blocked(&machine).contains(&ATTACKER.to_owned()));
    assert_eq!(blocked(&machine), [ATTACKER]);
    assert!(alerts_of(&machine, 5720, FRIEND).is_empty(), "the forger's own login is no attack");
}
