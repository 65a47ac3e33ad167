//! The debug information apart from the programs: with it a dump of the stripped daemon is readable.

use std::fs;
use std::path::Path;
use std::process::Command;

use hids_tests::{require, wait};

use crate::packages::{package, run};

/// Both programs as they are installed, in bytes.
const INSTALLED_LIMIT: u64 = 15_000_000;

fn extracted() -> Option<tempfile::TempDir> {
    let (deb, debug) = (package(".deb")?, package("-debug.tar.xz")?);
    let place = tempfile::tempdir().expect("a directory");
    run(Command::new("dpkg-deb").arg("--extract").arg(&deb).arg(place.path()));
    run(Command::new("tar").arg("-C").arg(place.path()).arg("-xJf").arg(&debug));
    Some(place)
}

#[test]
fn both_programs_together_are_small() {
    let Some(place) = extracted() else { return };
    let size = |name: &str| fs::metadata(place.path().join("usr/sbin").join(name)).expect("a program").len();
    let (daemon, control) = (size("hidsd"), size("hidsctl"));
    println!("hidsd {daemon} bytes, hidsctl {control} bytes");
    assert!(daemon + control < INSTALLED_LIMIT, "{daemon} + {control}");
}

#[test]
fn a_core_of_the_stripped_daemon_names_its_functions() {
    let Some(place) = extracted() else { return };
    if !require::programs("packages", &["gdb"]) {
        return;
    }
    let (root, dumped) = (place.path().join("root"), place.path().join("core"));
    fs::create_dir(&root).expect("a directory");
    let (config, log) = (root.join("ossec.conf"), root.join("log"));
    let ruleset = hids_tests::programs::source_root().join("config/ruleset");
    std::os::unix::fs::symlink(ruleset, root.join("ruleset")).expect("a link to the ruleset");
    fs::write(&log, "").expect("a log");
    let source = format!("<log_format>syslog</log_format><location>{}</location>", log.display());
    fs::write(&config, format!("<ossec_config><localfile>{source}</localfile></ossec_config>")).expect("a file");
    let program = place.path().join("usr/sbin/hidsd");
    let mut command = Command::new(&program);
    command.args(["--dry-run", "--beside-ossec", "-c"]).arg(&config).arg("--root").arg(&root);
    let daemon = hids_tests::Running::start(command).expect("the daemon starts");
    let socket = root.join("run/control.sock");
    wait::until("the daemon", wait::PATIENCE, || socket.exists()).expect("it starts");
    let pid = daemon.pid().to_string();
    run(Command::new("gcore").arg("-o").arg(&dumped).arg(&pid));
    drop(daemon);
    let core = format!("{}.{pid}", dumped.display());
    let said = backtraces(&program, &place.path().join("usr/lib/debug"), Path::new(&core));
    // The main thread waits in the runtime, started by the daemon's own functions.
    for frame in
        ["serve () at hids-userspace/src/daemon/lifecycle.rs:", "at hids-userspace/src/cli/daemon.rs:", "in main ()"]
    {
        assert!(said.contains(frame), "{frame} is not in\n{said}");
    }
}

/// What gdb says of every thread.
fn backtraces(program: &Path, debug: &Path, core: &Path) -> String {
    let mut gdb = Command::new("gdb");
    gdb.args(["-batch", "-nx", "-ex", &format!("set debug-file-directory {}", debug.display())]);
    gdb.arg("-ex").arg(format!("file {}", program.display())).arg("-ex").arg(format!("core-file {}", core.display()));
    run(gdb.args(["-ex", "thread apply all backtrace"]))
}
