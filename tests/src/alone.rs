//! A test in a process of its own: for what measures its process, or changes what a process has once.

use std::process::Command;

/// Set in the process of its own.
const INSIDE: &str = "HIDS_TEST_ALONE";

/// Runs the test `name` (with its module, as `--exact` wants it) again, alone in a process of its own: true in there.
/// Outside, the test is over when it comes back. `wrapper` is a program with arguments that runs it, or empty.
///
/// # Panics
/// When the test fails in there, or no test has that name.
pub fn in_own_process(name: &str, wrapper: &[&str]) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let test = std::env::current_exe().expect("the path of the tests");
    let mut command = match wrapper {
        [] => Command::new(test),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(test);
            command
        }
    };
    command.args(["--exact", name, "--nocapture"]).env(INSIDE, "1");
    let output = command.output().expect("the test runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("1 passed"), "no test is called {name}: {said}");
    if said.contains("skipped:") {
        print!("{said}");
    }
    false
}
