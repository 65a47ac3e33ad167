//! Who did it: processes that have ended, changed users or names, hidden their program, by the time
//! that somebody asks.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use hids_core::model::{ExecutableNote, Who, WhoSource};
use hids_tests::{executable, require, wait};
use hids_userspace::sensors::{self, SensorsHandle, Tier, WhoLookup};
use tempfile::TempDir;

/// Attached programs and the lookup, unless this kernel or build has none.
fn attached() -> Option<(SensorsHandle, Arc<dyn WhoLookup>)> {
    if !require::root() {
        return None;
    }
    let sensors = sensors::start();
    let report = sensors.report();
    let tracepoint = report.tiers.iter().find(|tier| tier.tier == Tier::Tracepoint).expect("a report on tracepoints");
    if !tracepoint.available {
        require::skip("bpf", &tracepoint.detail);
        return None;
    }
    let who = sensors.who();
    Some((sensors, who))
}

/// Runs a program to its end and returns the number that it had.
fn run(command: &mut Command) -> u32 {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn().expect("it starts");
    let pid = child.id();
    assert!(child.wait().expect("it ends").success(), "{command:?} fails");
    pid
}

/// Runs a program whose last line of output is a process number.
fn run_and_read_number(command: &mut Command) -> u32 {
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().last().and_then(|number| number.parse().ok()).expect("a number")
}

fn python(code: &str) -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-I", "-S", "-c", code]);
    command
}

/// A copy of a real program under a path that is only the test's.
fn copy_of(program: &str, directory: &TempDir, name: &str) -> PathBuf {
    let path = directory.path().join(name);
    fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
    executable::copy(program, &path);
    path
}

fn bytes(path: &Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}

fn names(who: &Who) -> String {
    who.parents.iter().map(|parent| String::from_utf8_lossy(&parent.command).into_owned()).collect::<Vec<_>>().join(" ")
}

/// A process that waits until it is ended; the guard ends it.
struct Waiting(Child);

impl Waiting {
    fn start(command: &mut Command) -> Self {
        Self(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it starts"))
    }

    fn pid(&self) -> u32 {
        self.0.id()
    }

    /// Waits for one byte of its output.
    fn wait_for_output(&mut self) {
        let output = self.0.stdout.as_mut().expect("piped");
        std::io::Read::read_exact(output, &mut [0]).expect("it says something");
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_process_that_writes_and_ends_at_once_is_fully_known_afterwards() {
    let Some((_sensors, lookup)) = attached() else { return };
    let place = tempfile::tempdir().expect("a directory");
    let program = copy_of("/usr/bin/touch", &place, "writer");
    let pid = run(Command::new(&program).arg(place.path().join("file")));
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    let who = lookup.who(pid).expect("an ended process is known");
    assert_eq!(who.source, WhoSource::Tracepoint);
    assert_eq!(who.pid, pid);
    assert_eq!(who.executable, bytes(&program));
    assert!(who.executable_notes.is_empty(), "{:?}", who.executable_notes);
    assert_eq!(who.command, b"writer");
    assert_eq!((who.uid, who.euid, who.gid), (Some(0), Some(0), Some(0)));
    let own = lookup.who(std::process::id()).expect("this test is known");
    assert_eq!((&who.cgroup[..], who.login_uid, who.session), (&who.cgroup[..], own.login_uid, own.session));
    let parent = who.parents.first().expect("a parent");
    assert_eq!(parent.pid, std::process::id());
    assert_eq!(parent.executable, bytes(&std::env::current_exe().expect("this program")));
}

#[test]
fn parents_that_are_gone_are_told_too() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["python3"]) {
        return;
    }
    // Three generations: each forks the next one, and ends before the last one runs its program.
    let code = "import os, sys
read, write = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        os.close(write)
        os.read(read, 1)
        print(os.getpid(), flush=True)
        os.execv('/bin/true', ['/bin/true'])
    os._exit(0)
os.wait()
os._exit(0)";
    let mut child = python(code).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
    let first = child.id();
    assert!(child.wait().expect("it ends").success());
    let mut text = String::new();
    std::io::Read::read_to_string(&mut child.stdout.take().expect("piped"), &mut text).expect("a number");
    let pid: u32 = text.trim().parse().expect("a number");
    wait::until("the end", wait::PATIENCE, || !Path::new(&format!("/proc/{pid}")).exists()).expect("it ends");
    let who = lookup.who(pid).expect("known");
    assert_eq!(who.command, b"true");
    assert!(who.executable.ends_with(b"/true") || who.executable.ends_with(b"/coreutils"));
    assert!(names(&who).starts_with("python3 python3"), "{}", names(&who));
    assert_eq!(who.parents[1].pid, first);
    assert_eq!(who.parents[2].pid, std::process::id());
    assert!(who.parents[0].executable.starts_with(b"/usr/bin/python3"));
}

#[test]
fn a_child_that_runs_no_program_of_its_own_is_known_with_its_parents() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["python3"]) {
        return;
    }
    let pid = run_and_read_number(&mut python("import os\npid = os.fork()\nif pid: os.wait(); print(pid)"));
    let who = lookup.who(pid).expect("known");
    assert_eq!(who.command, b"python3");
    assert!(who.executable.starts_with(b"/usr/bin/python3"), "{who:?}");
    assert_eq!(who.parents[0].executable, who.executable);
}

#[test]
fn users_that_a_process_became_are_told_while_it_lives_and_after_its_end() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["python3"]) {
        return;
    }
    let code =
        "import os, sys\nos.setresgid(5, 6, 6)\nos.setresuid(1, 2, 0)\nprint('x', flush=True)\nsys.stdin.read(1)";
    let mut child = Waiting::start(&mut python(code));
    // Known before it changes: the answer must not be the old one.
    lookup.who(child.pid()).expect("known");
    child.wait_for_output();
    let pid = child.pid();
    let users = |who: &Who| (who.uid, who.euid, who.gid);
    let expected = (Some(1), Some(2), Some(5));
    wait::until("the new users", wait::PATIENCE, || lookup.who(pid).is_some_and(|who| users(&who) == expected))
        .expect("the new users of a living process");
    drop(child);
    let who = lookup.who(pid).expect("known after its end");
    assert_eq!(users(&who), expected);
}

#[test]
fn program_that_was_deleted_or_replaced_is_told_by_the_path_that_it_was_started_from() {
    let Some((_sensors, lookup)) = attached() else { return };
    let place = tempfile::tempdir().expect("a directory");
    let program = copy_of("/bin/cat", &place, "deleted");
    let mut child = Waiting::start(&mut Command::new(&program));
    // The kernel lets the parent go on a moment before the new program has its place: cat must have answered.
    child.0.stdin.as_mut().expect("piped").write_all(b"x").expect("written");
    child.wait_for_output();
    fs::remove_file(&program).expect("deleted");
    let who = lookup.who(child.pid()).expect("known");
    assert_eq!(who.executable, bytes(&program));
    let pid = child.pid();
    drop(child);
    assert_eq!(lookup.who(pid).expect("known").executable, bytes(&program));
}

#[test]
fn program_without_a_name_is_noted() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["python3"]) {
        return;
    }
    let code = "import os
fd = os.memfd_create('evil', 0)
os.write(fd, open('/bin/true', 'rb').read())
pid = os.fork()
if pid:
    assert os.waitpid(pid, 0)[1] == 0
    print(pid)
else:
    os.execve(fd, ['x'], {})";
    let pid = run_and_read_number(&mut python(code));
    let who = lookup.who(pid).expect("known");
    assert_eq!(String::from_utf8_lossy(&who.executable), "/memfd:evil");
    assert!(who.executable_notes.contains(ExecutableNote::Nameless));
}

#[test]
fn script_is_told_by_its_interpreter() {
    let Some((_sensors, lookup)) = attached() else { return };
    let place = tempfile::tempdir().expect("a directory");
    let script = place.path().join("script.sh");
    executable::script(&script, "#!/bin/sh\nexit 0\n");
    let who = lookup.who(run(&mut Command::new(&script))).expect("known");
    let shell = fs::canonicalize("/bin/sh").expect("a shell");
    assert_eq!(who.executable, bytes(&shell));
    assert_eq!(who.command, b"script.sh");
}

#[test]
fn name_that_a_process_gives_itself_is_told_with_all_its_bytes() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["python3"]) {
        return;
    }
    let code = r"import sys
open('/proc/self/comm', 'wb').write(b'a)\n\x1b[31m \xff(')
print('x', flush=True)
sys.stdin.read(1)";
    let mut child = Waiting::start(&mut python(code));
    child.wait_for_output();
    let pid = child.pid();
    let hostile = b"a)\n\x1b[31m \xff(";
    wait::until("the new name", wait::PATIENCE, || lookup.who(pid).is_some_and(|who| who.command == hostile))
        .expect("the name of a living process");
    drop(child);
    assert_eq!(lookup.who(pid).expect("known").command, hostile);
}

#[test]
fn path_is_the_whole_one_also_behind_chroot() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["chroot", "ldd"]) {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let jail = place.path().join("jail");
    let libraries = Command::new("ldd").arg("/bin/sh").output().expect("libraries").stdout;
    let libraries = String::from_utf8_lossy(&libraries).into_owned();
    for file in libraries.split_whitespace().filter(|word| word.starts_with('/')).chain(["/bin/sh"]) {
        copy_of(file, &place, &format!("jail{file}"));
    }
    let pid = run_and_read_number(Command::new("chroot").arg(&jail).args(["/bin/sh", "-c", "echo $$"]));
    let who = lookup.who(pid).expect("known");
    assert_eq!(who.executable, bytes(&jail.join("bin/sh")));
    assert_eq!(who.executable_notes.iter().collect::<Vec<_>>(), [ExecutableNote::Chroot]);
}

#[test]
fn path_through_a_bind_mount_in_another_mount_namespace_is_as_seen_there_and_noted() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["unshare", "mount"]) {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    copy_of("/bin/sh", &place, "real/program");
    let mounted = place.path().join("mounted");
    fs::create_dir(&mounted).expect("a directory");
    let mount = format!("mount --bind '{}/real' '{}'", place.path().display(), mounted.display());
    let script = format!("{mount} && exec '{}/program' -c 'echo $$'", mounted.display());
    let pid = run_and_read_number(Command::new("unshare").args(["--mount", "/bin/sh", "-c", &script]));
    let who = lookup.who(pid).expect("known");
    assert_eq!(who.executable, bytes(&mounted.join("program")));
    assert_eq!(who.executable_notes.iter().collect::<Vec<_>>(), [ExecutableNote::OtherMounts]);
}

#[test]
fn path_longer_than_any_argument_is_told_or_noted_as_cut_off() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["python3"]) {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    // 14 names of 250 bytes fit into 4,095 bytes, 20 do not.
    for (depth, fits) in [(14, true), (20, false)] {
        let code = format!(
            "import os, shutil
os.chdir({:?})
for _ in range({depth}):
    os.makedirs('d' * 250, exist_ok=True)
    os.chdir('d' * 250)
shutil.copy('/bin/true', 'program')
pid = os.fork()
if pid:
    assert os.waitpid(pid, 0)[1] == 0
    print(pid)
else:
    os.execv('./program', ['x'])",
            place.path().display().to_string()
        );
        let who = lookup.who(run_and_read_number(&mut python(&code))).expect("known");
        assert!(who.executable.ends_with(b"/program"));
        assert_eq!(who.executable_notes.contains(ExecutableNote::CutOff), !fits, "{depth} directories");
        assert_eq!(who.executable.starts_with(bytes(place.path())), fits);
        assert!(who.executable.len() > 3500);
    }
}

#[test]
fn a_thread_is_told_as_its_process_and_its_end_is_not_the_end() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["python3"]) {
        return;
    }
    let code = "import sys, threading
threads = [threading.Thread(target=lambda: None) for _ in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print('x', flush=True)
sys.stdin.read(1)";
    let mut child = Waiting::start(&mut python(code));
    child.wait_for_output();
    let who = lookup.who(child.pid()).expect("known");
    assert_eq!((who.source, &who.command[..]), (WhoSource::Tracepoint, &b"python3"[..]));
    child.0.stdin.take().expect("piped").write_all(b"x").expect("written");
    assert!(child.0.wait().expect("it ends").success());
    assert_eq!(lookup.who(child.pid()).expect("known").command, b"python3");
}

#[test]
fn program_that_a_thread_starts_is_the_program_of_its_process() {
    let Some((_sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["python3"]) {
        return;
    }
    let code = "import os, threading, time
threading.Thread(target=lambda: os.execv('/bin/true', ['true'])).start()
time.sleep(60)";
    let who = lookup.who(run(&mut python(code))).expect("known");
    assert_eq!(who.command, b"true");
    assert_eq!(who.parents[0].pid, std::process::id());
}

/// The tests of this file again, by a daemon that is in a PID namespace as in a container: numbers are
/// those that it sees, and processes outside are nobody.
#[test]
fn numbers_are_those_of_the_daemons_own_pid_namespace() {
    if !require::root() || !require::programs("bpf", &["unshare"]) || attached().is_none() {
        return;
    }
    let mut command = Command::new("unshare");
    // The shell, as the first process, takes the orphans.
    command.args(["--pid", "--fork", "--mount-proc", "/bin/sh", "-c", "\"$@\"; exit $?", "sh"]);
    command.arg(std::env::current_exe().expect("this program"));
    let tests = ["who::a_", "who::parents_", "who::users_", "who::processes_that_were_there_before"];
    let output = command.args(tests).env("HIDS_REQUIRE", "root,bpf").output().expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("6 passed"), "{text}");
}

#[test]
fn processes_that_were_there_before_are_known_with_their_program() {
    if !require::root() {
        return;
    }
    let place = tempfile::tempdir().expect("a directory");
    let program = copy_of("/bin/cat", &place, "before");
    let child = Waiting::start(&mut Command::new(&program));
    wait::until("the program", wait::PATIENCE, || {
        fs::read_link(format!("/proc/{}/exe", child.pid())).is_ok_and(|path| path == program)
    })
    .expect("it runs");
    let Some((_sensors, lookup)) = attached() else { return };
    let who = lookup.who(child.pid()).expect("known");
    assert_eq!((who.source, &who.executable[..]), (WhoSource::Tracepoint, bytes(&program)));
    let pid = child.pid();
    drop(child);
    let who = lookup.who(pid).expect("known after its end");
    assert_eq!((who.source, &who.executable[..]), (WhoSource::Tracepoint, bytes(&program)));
    assert_eq!(who.parents[0].pid, std::process::id());
}

#[test]
fn control_group_that_is_gone_is_told_with_its_container() {
    let Some((_sensors, lookup)) = attached() else { return };
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mounts");
    let Some(line) = mounts.lines().find(|line| line.contains(" - cgroup2 ")) else {
        return require::skip("bpf", "no cgroup2 hierarchy is mounted");
    };
    let root = PathBuf::from(line.split(' ').nth(4).expect("a mount point"));
    let container = format!("{:064x}", u64::from(std::process::id()));
    let group = root.join(format!("docker-{container}.scope"));
    fs::create_dir(&group).expect("a control group");
    let code = format!("echo $$ > '{}/cgroup.procs'; exec /bin/sh -c 'echo $$'", group.display());
    let pid = run_and_read_number(Command::new("/bin/sh").args(["-c", &code]));
    wait::until("the end of the group", wait::PATIENCE, || fs::remove_dir(&group).is_ok()).expect("it can be removed");
    let who = lookup.who(pid).expect("known");
    assert_eq!(String::from_utf8_lossy(&who.cgroup), format!("/docker-{container}.scope"));
    assert_eq!(who.container, Some(container));
}

#[test]
fn of_20000_short_processes_none_is_unknown_or_its_loss_is_counted() {
    const PROCESSES: usize = 20_000;
    /// Asked for together, long after the first of them has ended. More, and numbers are used again.
    const TOGETHER: usize = 500;
    let Some((sensors, lookup)) = attached() else { return };
    if !require::programs("bpf", &["python3"]) {
        return;
    }
    let start = Instant::now();
    let code = format!(
        "import os
for _ in range({PROCESSES}):
    pid = os.posix_spawn('/bin/true', ['true'], {{}})
    os.wait()
    print(pid)"
    );
    let mut child = python(&code).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("it starts");
    let output = std::io::BufReader::new(child.stdout.take().expect("piped"));
    let numbers = std::io::BufRead::lines(output).map(|line| line.expect("a line").parse::<u32>().expect("a number"));
    let is_known =
        |pid: &u32| lookup.who(*pid).is_some_and(|who| who.command == b"true" && who.executable.ends_with(b"true"));
    let (mut known, mut asked, mut waiting) = (0, 0, Vec::new());
    for number in numbers {
        waiting.push(number);
        if waiting.len() == TOGETHER {
            asked += TOGETHER;
            known += waiting.drain(..).filter(is_known).count();
        }
    }
    assert!(child.wait().expect("it ends").success());
    assert_eq!(asked, PROCESSES);
    let seconds = start.elapsed().as_secs_f64();
    let hooks = sensors.report().hooks;
    let dropped: u64 = hooks.iter().flat_map(|hook| hook.dropped.values()).sum();
    let lost = u64::try_from(PROCESSES - known).expect("a number");
    println!("{PROCESSES} processes in {seconds:.1} s, {lost} unknown, {dropped} drops counted");
    println!("{:?}", sensors.processes());
    assert!(lost <= dropped, "{lost} are unknown, but only {dropped} drops are counted: {hooks:?}");
}
