//! OSSEC's own daemons on the same machine: both would write alerts, mail and block.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// The daemons that do what this one does, as their executables are called.
const DAEMONS: [&str; 6] =
    ["ossec-analysisd", "ossec-logcollector", "ossec-syscheckd", "ossec-execd", "ossec-maild", "ossec-agentd"];

/// A daemon of OSSEC that runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Running {
    /// `ossec-analysisd`.
    pub name: &'static str,
    pub pid: u32,
    /// Where OSSEC is installed, as its executable lies.
    pub home: String,
}

/// Those that run in the same PID namespace, in the order of their numbers.
///
/// A process counts by its executable, which must be root's: who may start programs under such a name
/// without being root must not be able to keep this daemon from starting.
pub(super) fn running(proc: &Path) -> Vec<Running> {
    let Ok(entries) = fs::read_dir(proc) else { return Vec::new() };
    let own = fs::read_link(proc.join("self/ns/pid")).ok();
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let mut found: Vec<Running> = pids
        .filter_map(|pid| {
            let directory = proc.join(pid.to_string());
            let program = fs::read_link(directory.join("exe")).ok()?;
            let path = program.to_str()?.trim_end_matches(" (deleted)").to_owned();
            let (folder, file) = path.rsplit_once('/')?;
            let name = DAEMONS.into_iter().find(|known| *known == file)?;
            // A container's processes are seen from here, but it is another machine.
            let same = own.is_none() || fs::read_link(directory.join("ns/pid")).ok() == own;
            let owner = fs::metadata(directory.join("exe")).map_or(u32::MAX, |data| data.uid());
            let home = folder.strip_suffix("/bin").unwrap_or("/var/ossec").to_owned();
            (same && owner == 0).then_some(Running { name, pid, home })
        })
        .collect();
    found.sort_by_key(|one| one.pid);
    found
}

/// Why the daemon does not start, and what helps.
pub(super) fn refusal(found: &[Running]) -> Option<String> {
    let first = found.first()?;
    let names: Vec<String> = found.iter().map(|one| format!("{} (pid {})", one.name, one.pid)).collect();
    Some(format!(
        "OSSEC is running: {}. Both would read the same logs, alert, send mail and block. Stop OSSEC with \
         `{}/bin/ossec-control stop` and prevent it from starting at boot with `systemctl disable --now ossec` (the \
         unit may be named ossec-hids), or start hidsd with --beside-ossec",
        names.join(", "),
        first.home
    ))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    struct Ended(Child);

    impl Drop for Ended {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    // B6: a process is known by its executable.
    #[test]
    fn a_running_daemon_of_ossec_is_named_with_the_command_that_stops_it() {
        let place = tempfile::tempdir().expect("a directory");
        let program = place.path().join("bin/ossec-analysisd");
        fs::create_dir(place.path().join("bin")).expect("a directory");
        let sleep = ["/usr/bin/sleep", "/bin/sleep"].into_iter().find(|path| Path::new(path).exists()).expect("sleep");
        fs::copy(sleep, &program).expect("a copy");
        let is_root = fs::metadata(&program).expect("it").uid() == 0;
        // Another thread's child may hold the new file open for a moment.
        let child = loop {
            match Command::new(&program).arg("600").stdin(Stdio::null()).spawn() {
                Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
                child => break Ended(child.expect("it runs")),
            }
        };
        let pid = child.0.id();
        // Between fork and exec it is still this program.
        let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
        let found = loop {
            let found = running(Path::new("/proc"));
            if !is_root || found.iter().any(|one| one.pid == pid) || std::time::Instant::now() > until {
                break found;
            }
        };
        assert_eq!(found.iter().any(|one| one.pid == pid), is_root, "{found:?}");
        let ours: Vec<_> = found.into_iter().filter(|one| one.pid == pid).collect();
        let text = refusal(&ours).unwrap_or_default();
        assert_eq!(text.contains(&format!("{}/bin/ossec-control stop", place.path().display())), is_root, "{text}");
        assert_eq!(refusal(&[]), None);
    }
}
