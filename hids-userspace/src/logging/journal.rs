//! systemd's journal, by its native protocol (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL/>).

use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::entry::{Entry, Priority};

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";
/// How long an entry may wait for a journal that is busy. The next ones do not wait until it takes one again.
const PATIENCE: Duration = Duration::from_millis(20);
/// How often a journal that is away is looked for.
const CONNECT_EVERY: Duration = Duration::from_secs(1);

/// The connection, and what it has cost.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    socket: Option<UnixDatagram>,
    next_connect: Instant,
    /// The last entry was not taken.
    is_stuck: bool,
    /// Entries that were not taken since the last one that was.
    unreported: u64,
}

impl Journal {
    /// # Errors
    /// When nothing listens at `path`.
    pub(super) fn connect(path: PathBuf) -> io::Result<Self> {
        let socket = Some(connect(&path)?);
        Ok(Self { path, socket, next_connect: Instant::now(), is_stuck: false, unreported: 0 })
    }

    /// Sends an entry; gives how many were lost by that, which is one or none.
    pub(super) fn write(&mut self, entry: &Entry) -> u64 {
        if self.send(&encode(entry)).is_err() {
            self.is_stuck = true;
            self.unreported += 1;
            return 1;
        }
        self.is_stuck = false;
        let lost = std::mem::take(&mut self.unreported);
        if lost > 0 {
            let said = Entry {
                priority: Priority::Warning,
                message: "log entries lost: the journal did not accept them in time".into(),
                fields: vec![("lost", lost.to_string())],
            };
            if self.send(&encode(&said)).is_err() {
                self.unreported = lost;
            }
        }
        0
    }

    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        match self.try_send(datagram) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !self.is_stuck => {
                self.wait();
                self.try_send(datagram)
            }
            // Its socket was made anew.
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => {
                self.socket = None;
                self.try_send(datagram)
            }
            other => other,
        }
    }

    fn try_send(&mut self, datagram: &[u8]) -> io::Result<()> {
        if self.socket.is_none() {
            let now = Instant::now();
            if now < self.next_connect {
                return Err(io::ErrorKind::NotConnected.into());
            }
            self.next_connect = now + CONNECT_EVERY;
            self.socket = Some(connect(&self.path)?);
        }
        self.socket.as_ref().ok_or(io::ErrorKind::NotConnected)?.send(datagram).map(|_| ())
    }

    /// Until there is room, for [`PATIENCE`] at most.
    fn wait(&self) {
        let Some(socket) = &self.socket else { return };
        let patience = Timespec { tv_sec: 0, tv_nsec: PATIENCE.subsec_nanos().into() };
        let _ = poll(&mut [PollFd::from_borrowed_fd(socket.as_fd(), PollFlags::OUT)], Some(&patience));
    }
}

fn connect(path: &std::path::Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(path)?;
    Ok(socket)
}

/// The datagram of an entry. Each value has its length before it, so that none can end early.
pub(super) fn encode(entry: &Entry) -> Vec<u8> {
    let mut datagram = Vec::with_capacity(512);
    let mut put = |name: &str, value: &str| {
        datagram.extend_from_slice(name.as_bytes());
        datagram.push(b'\n');
        datagram.extend_from_slice(&(value.len() as u64).to_le_bytes());
        datagram.extend_from_slice(value.as_bytes());
        datagram.push(b'\n');
    };
    put("MESSAGE", &entry.sentence());
    put("PRIORITY", &(entry.priority as u8).to_string());
    put("SYSLOG_IDENTIFIER", "hidsd");
    // daemon
    put("SYSLOG_FACILITY", "3");
    for (name, value) in &entry.fields {
        put(&field_name(name), value);
    }
    datagram
}

/// `HIDS_` and the field's name; what is one thing has one name in the journal.
fn field_name(name: &str) -> String {
    let name = match name {
        "error" | "why" => "reason",
        "file" | "directory" | "tree" | "subtree" => "path",
        "address" | "ip" => "srcip",
        other => other,
    };
    let upper = |char: char| match char.to_ascii_uppercase() {
        char @ ('A'..='Z' | '0'..='9') => char,
        _ => '_',
    };
    // The journal's longest name has 64 characters.
    "HIDS_".chars().chain(name.chars().map(upper)).take(64).collect()
}
