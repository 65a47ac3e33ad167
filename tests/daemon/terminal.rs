//! A terminal with a program on it: what it shows, keys, and the state in which it is left.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use hids_tests::daemon::{PATIENCE, wait_for};
use hids_tests::{terminal, wait};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{Termios, tcgetattr};

/// A program whose terminal this process holds the other end of.
pub(crate) struct Terminal {
    child: Child,
    master: Option<File>,
    reader: Option<JoinHandle<()>>,
    closing: Arc<AtomicBool>,
    screen: Arc<Mutex<vt100::Parser>>,
    bytes: Arc<Mutex<Vec<u8>>>,
    before: Termios,
}

impl Terminal {
    /// Starts `program` on a terminal of its own, as the leader of its session.
    pub(crate) fn start(program: &Command, (columns, rows): (u16, u16)) -> Self {
        let (master, slave) = terminal::pair(columns, rows).expect("a terminal");
        let before = tcgetattr(&slave).expect("a terminal");
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(program.get_program()).args(program.get_args());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.stdin(slave.try_clone().expect("shared")).stdout(slave.try_clone().expect("shared")).stderr(slave);
        let child = command.spawn().expect("setsid can be run");
        // The command holds the terminal, too.
        drop(command);
        let screen = Arc::new(Mutex::new(vt100::Parser::new(rows, columns, 0)));
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let closing = Arc::new(AtomicBool::new(false));
        let reader = {
            let (master, closing) = (master.try_clone().expect("shared"), Arc::clone(&closing));
            let (screen, bytes) = (Arc::clone(&screen), Arc::clone(&bytes));
            thread::spawn(move || read(master, &closing, &screen, &bytes))
        };
        Self { child, master: Some(master), reader: Some(reader), closing, screen, bytes, before }
    }

    /// Types.
    pub(crate) fn keys(&mut self, keys: &str) {
        self.master.as_mut().expect("it is open").write_all(keys.as_bytes()).expect("typed");
    }

    /// What is on the screen, a line each.
    pub(crate) fn contents(&self) -> String {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen().contents()
    }

    /// Every byte that the program has written.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until all of these are on the screen at one time.
    pub(crate) fn wait_for(&self, texts: &[&str]) {
        let shows = || {
            let contents = self.contents();
            texts.iter().all(|text| contents.contains(text)).then_some(())
        };
        if let Err(error) = wait::value(&format!("{texts:?} on the screen"), PATIENCE, shows) {
            panic!("{error:#}:\n{}", self.contents());
        }
    }

    /// Gives the terminal another size.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).screen_mut().set_size(rows, columns);
        terminal::resize(self.master.as_ref().expect("it is open"), columns, rows).expect("a size");
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("sent");
    }

    /// Closes this end, as a broken connection does.
    pub(crate) fn close(&mut self) {
        self.closing.store(true, Ordering::Relaxed);
        let _ = self.reader.take().map(JoinHandle::join);
        self.master = None;
    }

    /// Letter of the program's state: `S` for asleep, `T` for stopped.
    pub(crate) fn state(&self) -> Option<char> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).ok()?;
        stat.rsplit(')').next()?.trim_start().chars().next()
    }

    /// Waits until the program has ended.
    pub(crate) fn end(&mut self) -> ExitStatus {
        wait_for("the program to end", || self.child.try_wait().ok().flatten())
    }

    /// Whether the terminal is as before: modes, screen, cursor, pasting.
    pub(crate) fn is_restored(&self) -> bool {
        let Some(master) = &self.master else { return false };
        let now = tcgetattr(master).expect("a terminal");
        let parser = self.screen.lock().unwrap_or_else(PoisonError::into_inner);
        let screen = parser.screen();
        format!("{now:?}") == format!("{:?}", self.before)
            && !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if thread::panicking() {
            eprintln!("--- on the terminal:\n{}", self.contents());
        }
    }
}

/// Reads until the last holder of the other end is gone, or this end is to be closed.
fn read(mut master: File, closing: &AtomicBool, screen: &Mutex<vt100::Parser>, bytes: &Mutex<Vec<u8>>) {
    let mut chunk = [0; 4096];
    while !closing.load(Ordering::Relaxed) {
        let mut polled = [PollFd::new(&master, PollFlags::IN)];
        let moment = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        if !poll(&mut polled, Some(&moment)).is_ok_and(|ready| ready > 0) {
            continue;
        }
        let Ok(length @ 1..) = master.read(&mut chunk) else { return };
        screen.lock().unwrap_or_else(PoisonError::into_inner).process(&chunk[..length]);
        bytes.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(&chunk[..length]);
    }
}
