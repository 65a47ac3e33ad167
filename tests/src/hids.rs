//! The daemon under test on a machine of the lab.

use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::programs::source_root;
use crate::{Host, Running, wait};

/// The configuration that following the guide leads to.
pub const GUIDE: &str = include_str!("../data/guide.conf");

/// Where the daemon keeps everything, on its machine.
pub const ROOT: &str = "/run/lab/hids";

/// Its configuration, with the shipped ruleset beside it.
pub const CONFIGURATION: &str = "/run/lab/etc-hids/ossec.conf";

/// What it writes to its standard error.
const OUTPUT: &str = "/run/lab/hidsd.log";

/// A running `hidsd`.
#[derive(Debug)]
pub struct Hids<'host> {
    host: &'host Host,
    programs: &'host Path,
    running: Running,
}

impl<'host> Hids<'host> {
    /// Starts the daemon from the directory `programs` on the given configuration and waits until it
    /// answers. State of an earlier daemon on the same machine stays.
    ///
    /// # Errors
    /// When it does not start; the message holds what it wrote.
    pub fn start(host: &'host Host, programs: &'host Path, configuration: &str) -> Result<Self> {
        host.write(CONFIGURATION, configuration)?;
        let directory = Path::new(CONFIGURATION).parent().context("the configuration has no directory")?;
        copy_tree(&source_root().join("config/ruleset"), &host.path(directory).join("ruleset"))?;
        fs::create_dir_all(host.path(ROOT)).with_context(|| format!("cannot make {ROOT}"))?;
        let log = File::options().create(true).append(true).open(host.path(OUTPUT)).context("cannot open a log")?;
        let mut command = host.command(programs.join("hidsd"));
        command.args(["-c", CONFIGURATION, "--root", ROOT]);
        command.stdin(Stdio::null()).stdout(log.try_clone().context("cannot share the log")?).stderr(log);
        let running = host.start("hidsd", command)?;
        let mut hids = Self { host, programs, running };
        wait::until("hidsd to answer or end", wait::PATIENCE, || hids.answers() || !hids.running.is_running())?;
        anyhow::ensure!(hids.running.is_running(), "hidsd ended at once:\n{}", hids.log());
        Ok(hids)
    }

    /// The daemon as a process, to signal or kill.
    pub fn process(&mut self) -> &mut Running {
        &mut self.running
    }

    /// What it wrote to its standard output and error.
    pub fn log(&self) -> String {
        self.host.read(OUTPUT)
    }

    /// Runs `hidsctl` against it and returns what that printed.
    ///
    /// # Errors
    /// When it ends with another status than 0.
    pub fn ctl(&self, arguments: &[&str]) -> Result<String> {
        self.host.output(self.programs.join("hidsctl"), ["--root", ROOT].iter().chain(arguments))
    }

    /// The same with `--json`, read.
    ///
    /// # Errors
    /// When it ends with another status than 0 or prints something else than JSON.
    pub fn ctl_json(&self, arguments: &[&str]) -> Result<Value> {
        let arguments: Vec<&str> = ["--json"].iter().chain(arguments).copied().collect();
        let text = self.ctl(&arguments)?;
        serde_json::from_str(&text).with_context(|| format!("hidsctl {arguments:?} printed no JSON: {text}"))
    }

    /// It answers, and what changed while it was down has been found.
    fn answers(&self) -> bool {
        self.ctl_json(&["status"]).is_ok_and(|status| status["fim"]["caught_up"] != false)
    }
}

/// Copies a directory; files that are there already are replaced.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry.with_context(|| format!("cannot read {}", from.display()))?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}
