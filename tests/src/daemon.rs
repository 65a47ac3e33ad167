//! A real `hidsd` on a temporary root, ended when the guard is dropped.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::programs::{hidsctl, hidsd, source_root};
use crate::wait;

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `condition` gives a value.
///
/// # Panics
/// When it has not after [`PATIENCE`]; `what` says what was waited for.
pub fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    wait::value(what, PATIENCE, &mut condition).unwrap_or_else(|error| panic!("{error:#}"))
}

/// A directory with a configuration, logs and a daemon.
#[derive(Debug)]
pub struct Daemon {
    directory: TempDir,
    daemon: Option<Child>,
    arguments: Vec<String>,
    notified: Option<PathBuf>,
    program: Option<PathBuf>,
    configuration: String,
    wrapper: Vec<String>,
}

impl Daemon {
    /// A host whose `ossec.conf` holds `sections` inside one `<ossec_config>`, with the shipped ruleset
    /// and, in it, `@LOG@` standing for [`Daemon::log`]. Nothing runs yet.
    ///
    /// # Panics
    /// When the directory cannot be written.
    pub fn new(sections: &str) -> Self {
        let host = Self {
            directory: TempDir::new().expect("a temporary directory"),
            daemon: None,
            arguments: vec!["--dry-run".into()],
            notified: None,
            program: None,
            configuration: "ossec.conf".into(),
            wrapper: Vec::new(),
        };
        fs::create_dir_all(host.path("logs-in")).expect("a directory for logs");
        fs::write(host.log(), "").expect("an empty log");
        let ruleset = host.path("ruleset");
        std::os::unix::fs::symlink(source_root().join("config/ruleset"), ruleset).expect("a link to the ruleset");
        host.configure(sections);
        host
    }

    /// Lets the daemon act on the kernel (the test stands in a network namespace of its own).
    pub fn acting(mut self) -> Self {
        self.arguments.clear();
        self
    }

    /// Lets the daemon answer exactly as OSSEC does.
    pub fn answering_strictly(mut self) -> Self {
        self.arguments.push("--strict-ossec".into());
        self
    }

    /// Lets the daemon tell the socket `path`, as systemd's, when it is ready and when it stops.
    pub fn notifying(mut self, path: &Path) -> Self {
        self.notify(path);
        self
    }

    /// The same from its next start on.
    pub fn notify(&mut self, path: &Path) {
        self.notified = Some(path.to_path_buf());
    }

    /// Runs another program than [`hidsd`].
    pub fn running(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Uses the configuration at `name` below the host's directory, for `hidsctl` as well.
    pub fn configured_at(&mut self, name: &str) {
        self.configuration = name.to_owned();
    }

    /// Has the daemon started by another program, which becomes it: `setpriv …`.
    pub fn start_by(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|&word| word.to_owned()).collect();
    }

    /// A path in the host's directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The log that `@LOG@` stands for.
    pub fn log(&self) -> PathBuf {
        self.path("logs-in/auth.log")
    }

    /// Replaces the configuration.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn configure(&self, sections: &str) {
        let log = self.log();
        let text = format!("<ossec_config>\n{}\n</ossec_config>\n", sections.replace("@LOG@", &log.to_string_lossy()));
        fs::write(self.path(&self.configuration), text).expect("the configuration is written");
    }

    /// Starts the daemon and waits until it answers and has found what changed while it was down.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn start(&mut self) {
        self.spawn();
        wait_for("hidsd to answer", || {
            if let Some(status) = self.daemon.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                panic!("hidsd ended with {status}:\n{}", self.messages());
            }
            self.status().filter(|status| status["fim"]["caught_up"] != false)
        });
    }

    /// Starts the daemon without waiting.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn spawn(&mut self) {
        let messages = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("hidsd.messages"))
            .expect("a file for messages");
        let daemon = self.program.clone().unwrap_or_else(hidsd);
        let mut command = match self.wrapper.split_first() {
            Some((program, arguments)) => {
                let mut command = Command::new(program);
                command.args(arguments).arg(daemon);
                command
            }
            None => Command::new(daemon),
        };
        let child = command
            .args(self.common())
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(messages)
            .envs(self.notified.iter().map(|path| ("NOTIFY_SOCKET", path)))
            .spawn()
            .expect("hidsd can be run");
        self.daemon = Some(child);
    }

    /// What the daemon has said.
    pub fn messages(&self) -> String {
        fs::read_to_string(self.path("hidsd.messages")).unwrap_or_default()
    }

    /// The daemon's process id.
    pub fn pid(&self) -> Option<u32> {
        self.daemon.as_ref().map(Child::id)
    }

    /// Ends the daemon at once, as a crash would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.daemon.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends the daemon with SIGTERM and waits.
    ///
    /// # Panics
    /// When it does not end, or not with success.
    pub fn stop(&mut self) {
        let Some(mut child) = self.daemon.take() else { return };
        signal(&child, rustix::process::Signal::TERM);
        let status = wait_for("hidsd to stop", || child.try_wait().ok().flatten());
        assert!(status.success(), "hidsd ended with {status}:\n{}", self.messages());
    }

    /// Sends SIGHUP: read the configuration again.
    pub fn hangup(&self) {
        if let Some(child) = &self.daemon {
            signal(child, rustix::process::Signal::HUP);
        }
    }

    /// Sends any signal.
    pub fn signal(&self, sent: rustix::process::Signal) {
        if let Some(child) = &self.daemon {
            signal(child, sent);
        }
    }

    /// Whether the daemon still runs.
    pub fn is_running(&mut self) -> bool {
        self.daemon.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Waits until the daemon has ended by itself; its exit code.
    pub fn exit_code(&mut self) -> Option<i32> {
        let mut child = self.daemon.take()?;
        wait_for("hidsd to end", || child.try_wait().ok().flatten()).code()
    }

    /// Appends a line to [`Daemon::log`].
    pub fn log_line(&self, line: &str) {
        append(&self.log(), format!("{line}\n").as_bytes());
    }

    /// Runs `hidsctl` with these arguments.
    ///
    /// # Panics
    /// When it cannot be run.
    pub fn hidsctl(&self, arguments: &[&str]) -> Output {
        Command::new(hidsctl()).args(self.common()).args(arguments).output().expect("hidsctl can be run")
    }

    /// Runs `hidsctl` with `input` on its standard input.
    pub fn hidsctl_input(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new(hidsctl());
        command.args(self.common()).args(arguments).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("hidsctl can be run");
        let mut pipe = child.stdin.take().expect("it is piped");
        // It may end before it has read everything.
        let _ = pipe.write_all(input);
        drop(pipe);
        child.wait_with_output().expect("it ends")
    }

    /// Starts `hidsctl` with its standard output in a pipe; the caller ends it.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn hidsctl_piped(&self, arguments: &[&str]) -> Child {
        let mut command = Command::new(hidsctl());
        command.args(self.common()).args(arguments).stdout(Stdio::piped()).spawn().expect("hidsctl can be run")
    }

    /// Runs `hidsctl --json`; `None` when it fails.
    pub fn hidsctl_json(&self, arguments: &[&str]) -> Option<Value> {
        let output = self.hidsctl(&[arguments, &["--json"]].concat());
        output.status.success().then(|| serde_json::from_slice(&output.stdout).ok()).flatten()
    }

    /// `hidsctl status --json`, if the daemon answers.
    pub fn status(&self) -> Option<Value> {
        self.hidsctl_json(&["status"])
    }

    /// All recorded alerts.
    pub fn alerts(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("logs/alerts/alerts.json")).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for an alert of this rule.
    pub fn wait_for_alert(&self, rule: u64) -> Value {
        wait_for(&format!("an alert of rule {rule}"), || {
            self.alerts().into_iter().find(|alert| alert["rule"]["sidid"] == rule)
        })
    }

    fn common(&self) -> Vec<String> {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        vec!["-c".into(), text(&self.path(&self.configuration)), "--root".into(), text(self.directory.path())]
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- hidsd said:\n{}", self.messages());
        }
    }
}

/// Appends bytes to a file in one write.
///
/// # Panics
/// When it cannot be written.
pub fn append(path: &Path, bytes: &[u8]) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).expect("the log can be opened");
    file.write_all(bytes).expect("the log can be written");
}

fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process(pid, signal);
    }
}
