//! Change windows: which changes an announcement covers.
//!
//! A window lowers what is reported, so everything that is not certain is left to the usual alerts: a change by an
//! unknown process, by one that the kernel did not identify, by several of which one does not belong, or with an event
//! from outside of the window's time.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Timestamp, Who, WhoSource, WindowEnd, WindowEndCause, WindowNews};

/// How long a window stays open if nothing else is said.
pub const WINDOW_TIME: Duration = Duration::from_secs(3600);
/// The longest.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 3600);
/// Events of changes made before the end may be read this much later.
const GRACE: Duration = Duration::from_secs(1);
/// Paths that a summary names.
const MOST_EXAMPLES: usize = 16;

/// A moment by both clocks: the wall clock can be set back, and the other one ends with the boot.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// The wall clock.
    pub wall: Timestamp,
    /// Which boot; empty when unknown.
    pub boot: String,
    /// Seconds since that boot.
    pub uptime: u64,
}

/// A process, whatever number others have later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number.
    pub pid: u32,
    /// When it began, as `/proc/PID/stat` has it.
    pub started: u64,
}

/// Whose changes belong to a window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// Everyone's, also what a scan finds: maintenance mode.
    pub everyone: bool,
    /// This process and what descends from it.
    pub process: Option<ProcessId>,
    /// Everything in this audit session.
    pub session: Option<u32>,
    /// Processes that run one of these programs, and what they start; asks for no process or session then.
    pub programs: Vec<Vec<u8>>,
    /// Only of whoever logged in as this user.
    pub login_uid: Option<u32>,
}

/// A change, as far as a window asks.
#[derive(Clone, Copy, Debug)]
pub struct WindowChange<'a> {
    /// Which path.
    pub path: &'a [u8],
    /// The processes.
    pub who: &'a [Arc<Who>],
    /// Whether these are all of them.
    pub is_attributed: bool,
    /// When the first event was read; the beginning of time for what a scan found.
    pub first: Timestamp,
    /// When the last one was.
    pub last: Timestamp,
}

/// A change window.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Its number.
    pub id: u64,
    /// When it was opened.
    pub opened: Moment,
    /// How long it may last.
    pub seconds: u64,
    /// Why, in the words of who opened it.
    pub reason: String,
    /// Whose changes.
    pub members: Members,
    /// Below which paths; empty = everywhere.
    pub paths: Vec<Vec<u8>>,
    /// Who opened it.
    pub opener: Arc<Who>,
    /// Since when it is being closed, and why: what happened before is still waited for.
    pub closing: Option<(Timestamp, WindowEndCause)>,
    /// Accepted so far.
    pub changes: u64,
    /// Some of them.
    pub examples: Vec<Vec<u8>>,
}

impl Window {
    /// Whether the change is one of those that were announced.
    pub fn covers(&self, change: WindowChange<'_>) -> bool {
        let is_below = |root: &Vec<u8>| {
            let rest = change.path.strip_prefix(root.as_slice());
            rest.is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || root.ends_with(b"/"))
        };
        if !self.paths.is_empty() && !self.paths.iter().any(is_below) {
            return false;
        }
        if self.members.everyone {
            return true;
        }
        let is_in_time = change.first >= self.opened.wall
            && self.closing.is_none_or(|(closed, _)| change.last <= closed.plus(GRACE));
        is_in_time && change.is_attributed && !change.who.is_empty() && change.who.iter().all(|who| self.has(who))
    }

    /// Whether the process belongs to the window. What is only read from `/proc` after the event proves nothing.
    fn has(&self, who: &Who) -> bool {
        let members = &self.members;
        if who.source < WhoSource::Tracepoint {
            return false;
        }
        if members.login_uid.is_some_and(|uid| who.login_uid != Some(uid)) {
            return false;
        }
        if !members.programs.is_empty() {
            // A path in another mount namespace is chosen by whoever made that.
            let is_named = |executable: &Vec<u8>| members.programs.contains(executable);
            let own = who.executable_notes.is_empty() && is_named(&who.executable);
            return who.container.is_none() && (own || who.parents.iter().any(|parent| is_named(&parent.executable)));
        }
        let descends = members
            .process
            .is_some_and(|root| who.pid == root.pid || who.parents.iter().any(|parent| parent.pid == root.pid));
        let is_in_session = members.session.is_some() && who.session == members.session;
        let asks_for_user_only = members.process.is_none() && members.session.is_none() && members.login_uid.is_some();
        descends || is_in_session || asks_for_user_only
    }

    /// Notes a change that it covers.
    pub fn note(&mut self, path: &[u8]) {
        self.changes += 1;
        if self.examples.len() < MOST_EXAMPLES && !self.examples.iter().any(|known| known == path) {
            self.examples.push(path.to_vec());
        }
    }

    /// When it ends by itself, by the wall clock.
    pub fn ends(&self) -> Timestamp {
        self.opened.wall.plus(Duration::from_secs(self.seconds))
    }

    /// Whether it has to end now. Neither a clock that is set back nor a restart makes it longer, and numbers of
    /// processes and sessions mean nothing after a reboot.
    pub fn end_at(&self, now: &Moment) -> Option<WindowEndCause> {
        let is_same_boot = now.boot == self.opened.boot;
        if is_same_boot && now.uptime >= self.opened.uptime.saturating_add(self.seconds) {
            return Some(WindowEndCause::Expired);
        }
        if now.wall >= self.ends() || (now.wall < self.opened.wall && !is_same_boot) {
            return Some(WindowEndCause::Expired);
        }
        let by_number = self.members.process.is_some() || self.members.session.is_some();
        (!is_same_boot && by_number).then_some(WindowEndCause::ProcessEnded)
    }

    /// The process has ended: its number may be another's soon. Why the window ends if nothing else can belong to it.
    pub fn process_ended(&mut self) -> Option<WindowEndCause> {
        self.members.process = None;
        self.members.session.is_none().then_some(WindowEndCause::ProcessEnded)
    }

    /// Whose changes, in words.
    pub fn describe(&self) -> Vec<String> {
        let members = &self.members;
        if members.everyone {
            return vec!["everyone".to_owned()];
        }
        let mut words = Vec::new();
        words.extend(members.process.map(|root| format!("process {} and its descendants", root.pid)));
        words.extend(members.session.map(|session| format!("login session {session}")));
        let program = |path: &Vec<u8>| format!("program {}", crate::escape::visible_string(path));
        words.extend(members.programs.iter().map(program));
        words.extend(members.login_uid.map(|uid| format!("login user {uid}")));
        words
    }

    /// For the rules.
    pub fn news(&self, end: Option<(Timestamp, WindowEndCause)>) -> WindowNews {
        WindowNews {
            id: self.id,
            everything: self.members.everyone,
            reason: self.reason.clone(),
            members: self.describe(),
            paths: self.paths.clone(),
            opener: Arc::clone(&self.opener),
            opened: self.opened.wall,
            ends: self.ends(),
            end: end.map(|(time, cause)| WindowEnd {
                time,
                cause,
                changes: self.changes,
                examples: self.examples.clone(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Ancestor;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds)
    }

    fn moment(wall: i64, boot: &str, uptime: u64) -> Moment {
        Moment { wall: at(wall), boot: boot.to_owned(), uptime }
    }

    /// Open from 1000 to 1600, for process 7.
    fn window(members: Members) -> Window {
        Window {
            id: 1,
            opened: moment(1000, "a", 50),
            seconds: 600,
            reason: String::new(),
            members,
            paths: Vec::new(),
            opener: Arc::default(),
            closing: None,
            changes: 0,
            examples: Vec::new(),
        }
    }

    fn of_process() -> Window {
        window(Members { process: Some(ProcessId { pid: 7, started: 1 }), ..Members::default() })
    }

    fn by(pid: u32, parent: u32) -> Arc<Who> {
        let parents = vec![Ancestor { pid: parent, executable: b"/usr/bin/puppet".to_vec(), ..Ancestor::default() }];
        Arc::new(Who {
            pid,
            parents,
            source: WhoSource::Tracepoint,
            session: Some(3),
            login_uid: Some(5),
            ..Who::default()
        })
    }

    fn covers(window: &Window, who: &[Arc<Who>]) -> bool {
        covers_at(window, who, 1001, 1002)
    }

    fn covers_at(window: &Window, who: &[Arc<Who>], first: i64, last: i64) -> bool {
        let change = WindowChange { path: b"/etc/a", who, is_attributed: true, first: at(first), last: at(last) };
        window.covers(change)
    }

    #[test]
    fn only_what_certainly_belongs_is_covered() {
        let window = of_process();
        assert!(covers(&window, &[by(9, 7)]) && covers(&window, &[by(7, 1)]));
        assert!(!covers(&window, &[by(9, 1)]), "another process");
        assert!(!covers(&window, &[by(9, 7), by(9, 1)]), "one of two");
        assert!(!covers(&window, &[]), "found by a scan");
        let guessed = Arc::new(Who { source: WhoSource::Procfs, ..(*by(9, 7)).clone() });
        assert!(!covers(&window, &[guessed]), "read from /proc");
        let who = [by(9, 7)];
        let unknown =
            WindowChange { path: b"/etc/a", who: &who, is_attributed: false, first: at(1001), last: at(1001) };
        assert!(!window.covers(unknown), "someone else wrote too");
    }

    #[test]
    fn what_happened_before_the_window_or_after_its_end_is_not_covered() {
        let mut window = of_process();
        let who = [by(9, 7)];
        assert!(!covers_at(&window, &who, 999, 1001) && covers_at(&window, &who, 1000, 1500));
        window.closing = Some((at(1100), WindowEndCause::Closed));
        assert!(covers_at(&window, &who, 1099, 1101) && !covers_at(&window, &who, 1099, 1102));
    }

    #[test]
    fn members_are_a_session_a_program_or_a_login() {
        let session = window(Members { session: Some(3), ..Members::default() });
        assert!(covers(&session, &[by(9, 1)]));
        let program = |path: &str| Members { programs: vec![path.into()], ..Members::default() };
        assert!(covers(&window(program("/usr/bin/puppet")), &[by(9, 1)]));
        assert!(!covers(&window(program("/usr/bin/other")), &[by(9, 7)]));
        let contained = Arc::new(Who { container: Some("0123456789ab".to_owned()), ..(*by(9, 1)).clone() });
        assert!(!covers(&window(program("/usr/bin/puppet")), &[contained]));
        let login = |uid| Members { login_uid: Some(uid), ..program("/usr/bin/puppet") };
        assert!(covers(&window(login(5)), &[by(9, 1)]) && !covers(&window(login(6)), &[by(9, 1)]));
        let none = window(Members::default());
        assert!(!covers(&none, &[by(9, 7)]));
    }

    #[test]
    fn paths_limit_also_maintenance_which_covers_everyone() {
        let mut all = window(Members { everyone: true, ..Members::default() });
        assert!(covers(&all, &[]) && covers(&all, &[by(9, 1)]));
        all.paths = vec![b"/etc".to_vec()];
        assert!(covers(&all, &[]));
        all.paths = vec![b"/et".to_vec(), b"/usr".to_vec()];
        assert!(!covers(&all, &[]));
    }

    #[test]
    fn no_clock_and_no_restart_makes_it_longer() {
        let window = of_process();
        assert_eq!(window.end_at(&moment(1599, "a", 649)), None);
        assert_eq!(window.end_at(&moment(1600, "a", 100)), Some(WindowEndCause::Expired));
        assert_eq!(window.end_at(&moment(500, "a", 650)), Some(WindowEndCause::Expired), "the clock was set back");
        assert_eq!(window.end_at(&moment(1100, "b", 5)), Some(WindowEndCause::ProcessEnded), "a reboot");
        let all = super::tests::window(Members { everyone: true, ..Members::default() });
        assert_eq!(all.end_at(&moment(1100, "b", 5)), None);
        assert_eq!(all.end_at(&moment(900, "b", 5)), Some(WindowEndCause::Expired), "set back over a reboot");
    }

    #[test]
    fn a_process_that_has_ended_ends_its_window_unless_a_session_is_left() {
        assert_eq!(of_process().process_ended(), Some(WindowEndCause::ProcessEnded));
        let mut both = of_process();
        both.members.session = Some(3);
        assert_eq!(both.process_ended(), None);
        assert!(covers(&both, &[by(9, 1)]));
    }
}
