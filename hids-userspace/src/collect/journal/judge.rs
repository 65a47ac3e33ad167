//! Classifies journal entries: selected or not, sender, own entries.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use hids_core::model::{Doubt, UntrustedSender};
use hids_core::pattern::Pattern;
use hids_core::sender::{TrustedSender, account_names, verify};

use super::entry::{Entry, Sender};
use crate::accounts;
use crate::config::{FieldTest, JournalSelection, TrustedConfig};

/// How often at most `/etc/passwd` is looked at again.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Everything that is asked of an entry before it becomes an event.
#[derive(Debug)]
pub(super) struct Judge {
    selections: Vec<Selection>,
    trusted_config: Vec<TrustedConfig>,
    trusted: Vec<TrustedSender>,
    accounts: HashMap<String, u32>,
    /// When `/etc/passwd` had changed last, and when that was looked at.
    accounts_of: Option<SystemTime>,
    looked: Instant,
    own: Own,
}

#[derive(Debug)]
struct Selection {
    identifier: Option<Vec<u8>>,
    conditions: Vec<(String, bool, Test)>,
}

#[derive(Debug)]
enum Test {
    Pattern(Pattern),
    OneOf(Vec<Vec<u8>>),
}

/// This program as the journal sees it.
#[derive(Debug, Default)]
pub(super) struct Own {
    pub uid: u32,
    pub pid: u32,
    pub executable: Vec<u8>,
    /// Empty when it does not run as a service.
    pub unit: Vec<u8>,
}

impl Judge {
    /// Patterns that cannot be compiled have been reported with the configuration, and select nothing.
    pub(super) fn new(selections: &[JournalSelection], trusted: &[TrustedConfig], own: Own) -> Self {
        let mut judge = Self {
            selections: selections.iter().map(Selection::new).collect(),
            trusted_config: trusted.to_vec(),
            trusted: Vec::new(),
            accounts: HashMap::new(),
            accounts_of: None,
            looked: Instant::now(),
            own,
        };
        judge.read_accounts();
        judge
    }

    /// Whether the configuration asks for the entry.
    pub(super) fn wants(&self, entry: &Entry) -> bool {
        self.selections.iter().any(|selection| selection.wants(entry))
    }

    /// Whether this program wrote the entry: its alerts and messages are not to be analysed again.
    ///
    /// Only trusted fields decide, so that nobody hides a line by calling himself `hidsd`; programs that it runs are
    /// not meant. Without the executable (of a program that has ended), unit or process number tell.
    pub(super) fn is_own(&self, sender: &Sender) -> bool {
        let own = &self.own;
        sender.uid == Some(own.uid)
            && match sender.executable.as_slice() {
                b"" => (!own.unit.is_empty() && sender.unit == own.unit) || sender.pid == Some(own.pid),
                executable => executable.strip_suffix(b" (deleted)").unwrap_or(executable) == own.executable,
            }
    }

    /// `None` when the entry comes from the service whose identifier it bears.
    pub(super) fn doubt(&mut self, sender: Sender) -> Option<Arc<UntrustedSender>> {
        let mut doubt = self.verify(&sender)?;
        if doubt == Doubt::OtherUser && self.accounts_have_changed() {
            self.read_accounts();
            doubt = self.verify(&sender)?;
        }
        Some(Arc::new(sender.untrusted(doubt)))
    }

    fn verify(&self, sender: &Sender) -> Option<Doubt> {
        let is_account = |account: &str, uid| self.accounts.get(account) == Some(&uid);
        verify(&sender.facts(), &self.trusted, is_account).err()
    }

    fn accounts_have_changed(&mut self) -> bool {
        if self.looked.elapsed() < LOOK_EVERY {
            return false;
        }
        self.looked = Instant::now();
        passwd_changed() != self.accounts_of
    }

    fn read_accounts(&mut self) {
        self.accounts_of = passwd_changed();
        self.accounts = accounts::read(|name| account_names().any(|known| known == name));
        let resolve = |config: &TrustedConfig| {
            let uid = accounts::uid_of(&config.user)?;
            Some(TrustedSender { identifier: config.identifier.clone(), uid, by: config.by.clone() })
        };
        self.trusted = self.trusted_config.iter().filter_map(resolve).collect();
    }
}

fn passwd_changed() -> Option<SystemTime> {
    std::fs::metadata("/etc/passwd").and_then(|meta| meta.modified()).ok()
}

impl Selection {
    fn new(config: &JournalSelection) -> Self {
        let test = |test: &FieldTest| match test {
            FieldTest::Pattern(text) => Pattern::pcre2(text).map_or(Test::OneOf(Vec::new()), Test::Pattern),
            FieldTest::OneOf(values) => Test::OneOf(values.iter().map(|value| value.clone().into_bytes()).collect()),
        };
        let conditions = config.conditions.iter();
        Self {
            identifier: config.identifier.clone().map(String::into_bytes),
            conditions: conditions.map(|one| (one.field.clone(), one.ignore_if_missing, test(&one.test))).collect(),
        }
    }

    fn wants(&self, entry: &Entry) -> bool {
        let named = |identifier: &Vec<u8>| entry.field("SYSLOG_IDENTIFIER").as_ref() == Some(identifier);
        self.identifier.as_ref().is_none_or(named)
            && self.conditions.iter().all(|(field, ignore_if_missing, test)| match entry.field(field) {
                None => *ignore_if_missing,
                Some(value) => match test {
                    Test::Pattern(pattern) => pattern.is_match(&value),
                    Test::OneOf(values) => values.contains(&value),
                },
            })
    }
}

impl Own {
    /// This process.
    pub(super) fn find() -> Self {
        use std::os::unix::ffi::OsStrExt as _;
        let executable = std::fs::read_link("/proc/self/exe").unwrap_or_default();
        let executable = executable.as_os_str().as_bytes();
        Self {
            uid: rustix::process::geteuid().as_raw(),
            pid: std::process::id(),
            executable: executable.strip_suffix(b" (deleted)").unwrap_or(executable).to_vec(),
            unit: own_unit(&std::fs::read("/proc/self/cgroup").unwrap_or_default()),
        }
    }
}

/// The service in whose control group this process is.
fn own_unit(control_groups: &[u8]) -> Vec<u8> {
    let paths =
        control_groups.split(|&byte| byte == b'\n').filter_map(|line| line.splitn(3, |&byte| byte == b':').nth(2));
    let mut last = paths.filter_map(|path| path.rsplit(|&byte| byte == b'/').next());
    last.find(|name| name.ends_with(b".service")).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests;
