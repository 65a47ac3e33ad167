//! All processes that descend from one, and their end.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// How long processes may take to end that have been killed: one that waits for a dead disk does not end at all.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(5);

/// Ends everything that descends from `adopter` ([`crate::sys::adopt`]), until nothing is left. Orphans are its
/// children, so none gets away by losing its parent; whoever forks meanwhile is found in the next round.
pub(super) fn end_descendants(adopter: i32) {
    let until = Instant::now() + PATIENCE;
    loop {
        let left = descendants(adopter);
        if left.is_empty() {
            return;
        }
        if Instant::now() > until {
            tracing::warn!(
                processes = left.len(),
                "processes of a response program do not end though they were killed"
            );
            return;
        }
        // Stopped first, all of them, so that they cannot make others faster than they are ended.
        for signal in [Signal::STOP, Signal::KILL] {
            left.iter().for_each(|process| process.send(signal));
        }
        std::thread::sleep(PAUSE);
    }
}

/// A process; the handle names it even after its number has been given to another. Linux 5.3; before, there is none.
struct Process {
    number: i32,
    handle: Option<OwnedFd>,
}

impl Process {
    fn send(&self, signal: Signal) {
        // Both fail when it has ended.
        let _ = match &self.handle {
            Some(handle) => pidfd_send_signal(handle, signal),
            None => Pid::from_raw(self.number).map_or(Ok(()), |pid| kill_process(pid, signal)),
        };
    }
}

/// By their parents in `/proc`, without those that have ended and wait to be reaped. Whoever is no descendant any more
/// after his handle was opened is left out.
fn descendants(ancestor: i32) -> Vec<Process> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let number = process.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        if let Some(number) = number
            && let Some(parent) = parent_of(number)
        {
            children.entry(parent).or_default().push(number);
        }
    }
    let (mut found, mut next) = (Vec::new(), vec![ancestor]);
    while let Some(parent) = next.pop() {
        for number in children.remove(&parent).unwrap_or_default() {
            next.push(number);
            let handle = Pid::from_raw(number).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
            found.extend((parent_of(number) == Some(parent)).then_some(Process { number, handle }));
        }
    }
    found
}

/// The parent of a process that has not ended: fields 3 and 4 of `/proc/PID/stat`, behind the name, which may hold
/// anything.
fn parent_of(number: i32) -> Option<i32> {
    let stat = std::fs::read(format!("/proc/{number}/stat")).ok()?;
    let rest = stat.get(memchr::memrchr(b')', &stat)? + 1..)?;
    let mut fields = std::str::from_utf8(rest).ok()?.split_ascii_whitespace();
    fields.next().filter(|state| !matches!(*state, "Z" | "X"))?;
    fields.next()?.parse().ok()
}
