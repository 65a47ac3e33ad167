use std::collections::VecDeque;
use std::sync::Mutex;

use hids_common::record::{CgroupHead, ExecHead, Exit, Kind};
use hids_core::model::ExecutableNote;
use proptest::prelude::*;
use zerocopy::IntoBytes as _;

use super::*;

const SECOND: u64 = 1_000_000_000;
const LATE: u64 = MOST_LATE.as_nanos() as u64;

/// Numbers beyond every `pid_max`, so that `/proc` never knows them.
const FIRST: u32 = 5_000_000;

/// What the programs in the kernel would have left behind.
#[derive(Default)]
struct Fake {
    living: HashMap<u32, Process>,
    records: VecDeque<Vec<u8>>,
    /// Ends at the moment at which all living ones are asked for.
    ends_next: Option<u32>,
    /// Ends at the moment at which it is asked for.
    ends_when_asked: Option<u32>,
}

#[derive(Clone, Default)]
struct FakeKernel(Arc<Mutex<Fake>>);

impl Kernel for FakeKernel {
    fn living(&self, pid: u32) -> Option<Process> {
        let ends = self.0.lock().expect("one thread").ends_when_asked.take_if(|ends| *ends == pid);
        if let Some(pid) = ends {
            self.exit(pid, 2 * SECOND);
        }
        self.0.lock().expect("one thread").living.get(&pid).copied()
    }

    fn all(&self) -> Vec<Process> {
        let ends = self.0.lock().expect("one thread").ends_next.take();
        if let Some(pid) = ends {
            self.exit(pid, 2 * SECOND);
        }
        self.0.lock().expect("one thread").living.values().copied().collect()
    }

    fn insert(&mut self, process: &Process) {
        self.0.lock().expect("one thread").living.entry(process.pid).or_insert(*process);
    }

    fn remove(&mut self, pid: u32) {
        self.0.lock().expect("one thread").living.remove(&pid);
    }

    fn next(&mut self, take: &mut dyn FnMut(&[u8])) -> bool {
        let record = self.0.lock().expect("one thread").records.pop_front();
        record.map(|record| take(&record)).is_some()
    }
}

impl FakeKernel {
    fn fork(&self, pid: u32, parent: u32, start: u64) {
        let mut fake = self.0.lock().expect("one thread");
        let parent = fake.living.get(&parent).copied().unwrap_or_default();
        let process = Process { pid, start, parent: parent.pid, parent_start: parent.start, ..parent };
        fake.living.insert(pid, process);
    }

    fn exec(&self, pid: u32, time: u64, names: &[u8]) {
        self.exec_without_record(pid, time);
        let process = self.living(pid).expect("alive");
        let path_bytes = names.len() as u32;
        let head = ExecHead { kind: Kind::Exec as u32, path_bytes, process, mount_namespace: 0, flags: 0 };
        self.0.lock().expect("one thread").records.push_back([head.as_bytes(), names].concat());
    }

    fn exec_without_record(&self, pid: u32, time: u64) {
        let mut fake = self.0.lock().expect("one thread");
        let process = fake.living.get_mut(&pid).expect("alive");
        process.exec = ExecKey { time, pid, reserved: 0 };
        process.command[0] = b'c';
    }

    fn exit(&self, pid: u32, time: u64) {
        let mut fake = self.0.lock().expect("one thread");
        let process = fake.living.remove(&pid).expect("alive");
        let exit = Exit { kind: Kind::Exit as u32, has_children: 0, time, process };
        fake.records.push_back(exit.as_bytes().to_vec());
    }
}

fn state() -> (State<FakeKernel>, FakeKernel) {
    let kernel = FakeKernel::default();
    (State::new(kernel.clone(), Programs::new(vec![]), Cgroups::new(None)), kernel)
}

fn executable(state: &mut State<FakeKernel>, pid: u32, now: u64) -> Option<Vec<u8>> {
    state.who(pid, now, LATE).map(|who| who.executable.clone())
}

#[test]
fn ended_process_is_told_as_it_was_until_its_number_is_used_again() {
    let (mut state, kernel) = state();
    kernel.fork(FIRST, 0, SECOND);
    kernel.exec(FIRST, SECOND + 1, b"first\0");
    kernel.exit(FIRST, 2 * SECOND);
    assert_eq!(executable(&mut state, FIRST, 3 * SECOND), Some(b"/first".to_vec()));
    // An hour later it is still the last one with this number.
    assert_eq!(executable(&mut state, FIRST, 3600 * SECOND), Some(b"/first".to_vec()));
}

#[test]
fn of_two_processes_with_one_number_the_ended_one_is_told_while_its_events_may_be_waiting() {
    let (mut state, kernel) = state();
    kernel.fork(FIRST, 0, SECOND);
    kernel.exec(FIRST, SECOND, b"first\0");
    kernel.exit(FIRST, 2 * SECOND);
    kernel.fork(FIRST, 0, 2 * SECOND + 10);
    kernel.exec(FIRST, 2 * SECOND + 10, b"second\0");
    assert_eq!(executable(&mut state, FIRST, 2 * SECOND + 20), Some(b"/first".to_vec()));
    assert_eq!(executable(&mut state, FIRST, 2 * SECOND + LATE), Some(b"/second".to_vec()));
}

#[test]
fn event_that_is_younger_than_the_end_of_a_process_is_not_told_of_it() {
    let (mut state, kernel) = state();
    kernel.fork(FIRST, 0, SECOND);
    kernel.exec(FIRST, SECOND, b"first\0");
    kernel.exit(FIRST, 2 * SECOND);
    kernel.fork(FIRST, 0, 2 * SECOND + 10);
    kernel.exec(FIRST, 2 * SECOND + 10, b"second\0");
    let who = state.who(FIRST, 2 * SECOND + 50, 40).expect("known");
    assert_eq!(who.executable, b"/second");
}

#[test]
fn news_of_the_kernel_is_taken_into_account_although_an_answer_is_still_fresh() {
    let (mut state, kernel) = state();
    kernel.fork(FIRST, 0, SECOND);
    kernel.exec(FIRST, SECOND, b"first\0");
    assert_eq!(executable(&mut state, FIRST, SECOND), Some(b"/first".to_vec()));
    kernel.exec(FIRST, SECOND + 1, b"second\0");
    assert_eq!(executable(&mut state, FIRST, SECOND + 2), Some(b"/second".to_vec()));
}

#[test]
fn start_that_found_no_room_in_the_ring_is_never_told_as_the_program_before() {
    let (mut state, kernel) = state();
    kernel.fork(FIRST, 0, SECOND);
    kernel.exec(FIRST, SECOND, b"first\0");
    assert_eq!(executable(&mut state, FIRST, SECOND), Some(b"/first".to_vec()));
    kernel.exec_without_record(FIRST, 2 * SECOND);
    kernel.exit(FIRST, 3 * SECOND);
    let who = state.who(FIRST, 3 * SECOND, LATE).expect("known");
    assert_eq!((&who.executable[..], &who.command[..]), (&b""[..], &b"c"[..]));
}

#[test]
fn ancestors_are_told_by_number_and_start_not_by_number_alone() {
    let (mut state, kernel) = state();
    kernel.fork(FIRST, 0, SECOND);
    kernel.exec(FIRST, SECOND, b"parent\0");
    kernel.fork(FIRST + 1, FIRST, 2 * SECOND);
    kernel.exec(FIRST + 1, 2 * SECOND, b"child\0");
    kernel.exit(FIRST, 3 * SECOND);
    kernel.fork(FIRST, 0, 4 * SECOND);
    kernel.exec(FIRST, 4 * SECOND, b"stranger\0");
    kernel.exit(FIRST, 5 * SECOND);
    kernel.exit(FIRST + 1, 6 * SECOND);
    let who = state.who(FIRST + 1, 6 * SECOND, LATE).expect("known");
    let parents: Vec<_> = who.parents.iter().map(|parent| (parent.pid, &parent.executable[..])).collect();
    assert_eq!(parents, [(FIRST, &b"/parent"[..])]);
}

#[test]
fn process_or_ancestor_that_ends_between_the_ring_and_the_map_is_told() {
    for ends in [FIRST + 1, FIRST] {
        let (mut state, kernel) = state();
        kernel.fork(FIRST, 0, SECOND);
        kernel.exec(FIRST, SECOND, b"parent\0");
        kernel.fork(FIRST + 1, FIRST, SECOND);
        kernel.exec(FIRST + 1, SECOND, b"child\0");
        if ends == FIRST {
            kernel.exit(FIRST + 1, 2 * SECOND);
        }
        kernel.0.lock().expect("one thread").ends_when_asked = Some(ends);
        let who = state.who(FIRST + 1, 2 * SECOND, LATE).expect("known");
        assert!(kernel.0.lock().expect("one thread").ends_when_asked.is_none(), "nothing ended meanwhile");
        assert_eq!(who.executable, b"/child");
        assert_eq!(who.parents.first().map(|parent| &parent.executable[..]), Some(&b"/parent"[..]), "{who:?}");
    }
}

#[test]
fn a_bounded_number_of_ancestors_is_told_and_a_circle_ends() {
    let (mut state, kernel) = state();
    for generation in 0..50 {
        kernel.fork(FIRST + generation, FIRST + generation.saturating_sub(1), u64::from(generation + 1) * SECOND);
    }
    assert_eq!(state.who(FIRST + 49, SECOND, LATE).map(|who| who.parents.len()), Some(MOST_ANCESTORS));
    let own = Process { pid: 7, start: 7, parent: 7, parent_start: 7, ..Process::default() };
    kernel.0.lock().expect("one thread").living.insert(7, own);
    assert_eq!(state.ancestors(&own).0.len(), MOST_ANCESTORS);
}

#[test]
fn nobody_is_no_user_and_an_unknown_process_is_nobody() {
    let (mut state, kernel) = state();
    assert!(state.who(FIRST, SECOND, LATE).is_none());
    kernel.fork(FIRST, 0, SECOND);
    kernel.0.lock().expect("one thread").living.get_mut(&FIRST).expect("alive").login_uid = u32::MAX;
    kernel.exit(FIRST, SECOND);
    let who = state.who(FIRST, SECOND, LATE).expect("known");
    assert_eq!((who.login_uid, who.session), (None, Some(0)));
}

#[test]
fn control_group_that_the_kernel_told_is_found_by_its_number() {
    let (mut state, kernel) = state();
    let path = b"/docker/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let head = CgroupHead { kind: Kind::Cgroup as u32, path_bytes: path.len() as u32, id: 77 };
    kernel.0.lock().expect("one thread").records.push_back([head.as_bytes(), &path[..]].concat());
    kernel.fork(FIRST, 0, SECOND);
    kernel.0.lock().expect("one thread").living.get_mut(&FIRST).expect("alive").cgroup = 77;
    kernel.exit(FIRST, SECOND);
    let who = state.who(FIRST, SECOND, LATE).expect("known");
    assert_eq!(who.cgroup, path);
    assert_eq!(who.container.as_deref(), std::str::from_utf8(&path[8..]).ok());
}

#[test]
fn record_that_cannot_be_read_is_counted_and_the_next_one_is_read() {
    let (mut state, kernel) = state();
    kernel.0.lock().expect("one thread").records.push_back(vec![99, 0, 0, 0]);
    kernel.fork(FIRST, 0, SECOND);
    kernel.exec(FIRST, SECOND, b"first\0");
    kernel.exit(FIRST, SECOND);
    assert_eq!(executable(&mut state, FIRST, SECOND), Some(b"/first".to_vec()));
    assert_eq!(state.unknown_records, 1);
}

#[test]
fn equal_answers_are_one_and_the_same() {
    let (mut state, kernel) = state();
    kernel.fork(FIRST, 0, SECOND);
    kernel.exit(FIRST, SECOND);
    let first = state.who(FIRST, SECOND, LATE).expect("known");
    let second = state.who(FIRST, 10 * SECOND, LATE).expect("known");
    assert!(Arc::ptr_eq(&first, &second));
    assert!(!first.executable_notes.contains(ExecutableNote::CutOff));
}

#[test]
fn any_number_of_processes_takes_bounded_memory() {
    let (mut state, kernel) = state();
    for number in 0..200_000_u32 {
        let (pid, time) = (FIRST + number % 100_000, u64::from(number + 1) * SECOND);
        kernel.fork(pid, 0, time);
        kernel.exec(pid, time, b"short\0");
        kernel.exit(pid, time);
        if number % 1000 == 0 {
            state.read_records();
        }
    }
    state.read_records();
    assert!(state.ended.len() <= MOST_ENDED + 1);
    assert!(state.programs.len() < 20_000, "{}", state.programs.len());
}

#[test]
fn program_of_a_process_that_ends_while_programs_are_looked_through_is_told() {
    let (mut state, kernel) = state();
    kernel.fork(FIRST, 0, SECOND);
    kernel.exec(FIRST, SECOND, b"first\0");
    state.read_records();
    kernel.0.lock().expect("one thread").ends_next = Some(FIRST);
    // More starts than are remembered without a look.
    for number in 1..20_000 {
        kernel.fork(FIRST + number, 0, SECOND);
        kernel.exec(FIRST + number, SECOND, b"other\0");
        kernel.exit(FIRST + number, SECOND);
        state.read_records();
    }
    assert!(kernel.living(FIRST).is_none(), "nothing was looked through");
    assert_eq!(executable(&mut state, FIRST, 3 * SECOND), Some(b"/first".to_vec()));
}

/// What may happen to one of four numbers.
#[derive(Clone, Copy, Debug)]
enum Step {
    Fork(u8),
    Exec(u8),
    Exit(u8),
    Ask(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let number = 0..4_u8;
    let step = prop_oneof![
        number.clone().prop_map(Step::Fork),
        number.clone().prop_map(Step::Exec),
        number.clone().prop_map(Step::Exit),
        number.prop_map(Step::Ask),
    ];
    prop::collection::vec(step, 0..200)
}

proptest! {
    /// With seconds between the steps there is only one process that a number can mean.
    #[test]
    fn answer_is_always_the_last_process_with_the_number(steps in steps()) {
        let (mut state, kernel) = state();
        let mut truth: HashMap<u32, Vec<u8>> = HashMap::new();
        let mut now = SECOND;
        for step in steps {
            now += 2 * LATE;
            let (Step::Fork(number) | Step::Exec(number) | Step::Exit(number) | Step::Ask(number)) = step;
            let pid = FIRST + u32::from(number);
            let is_alive = kernel.living(pid).is_some();
            match step {
                Step::Fork(_) if !is_alive => {
                    kernel.fork(pid, 0, now);
                    truth.insert(pid, Vec::new());
                }
                Step::Exec(_) if is_alive => {
                    let name = format!("program{now}");
                    kernel.exec(pid, now, format!("{name}\0").as_bytes());
                    truth.insert(pid, format!("/{name}").into_bytes());
                }
                Step::Exit(_) if is_alive => kernel.exit(pid, now),
                Step::Ask(_) => prop_assert_eq!(executable(&mut state, pid, now), truth.get(&pid).cloned()),
                _ => {}
            }
        }
    }
}
