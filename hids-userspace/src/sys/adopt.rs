//! A process that adopts whatever its child leaves behind, so that all of it can be found and ended.
//!
//! A program that forks twice has descendants whose parent is no longer there: the kernel makes init their parent, and
//! nothing tells any more whose they were. Between the daemon and such a program therefore stands a process that does
//! nothing but wait; orphans below it become its children (`PR_SET_CHILD_SUBREAPER`, Linux 3.4). It needs neither
//! rights nor a control group of its own, so it works in a container as well.

use std::io;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Lets `command` run below such a process, which is the child that is spawned: it ends when the program does, and
/// as the program did. The program leads a process group of its own.
pub(crate) fn run_below_adopter(command: &mut Command) {
    // SAFETY: `split` runs in a new process of which this thread is the only one; it calls async-signal-safe
    // functions only and allocates nothing.
    unsafe { command.pre_exec(split) };
}

/// Returns in the program's process; the other one stays here until the program has ended.
fn split() -> io::Result<()> {
    // SAFETY: takes numbers only.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: there are no other threads in this process, and no lock is held.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: takes numbers only; of a process that has just begun it cannot fail.
            unsafe { libc::setpgid(0, 0) };
            Ok(())
        }
        program => adopt(program),
    }
}

fn adopt(program: i32) -> ! {
    // Whoever asks the daemon to end does not mean this process: it goes when the program has gone.
    for signal in [libc::SIGTERM, libc::SIGINT, libc::SIGHUP, libc::SIGQUIT] {
        // SAFETY: ignoring a signal installs no handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    // SAFETY: the name ends with a zero byte and outlives the call.
    unsafe { libc::prctl(libc::PR_SET_NAME, c"hids-response".as_ptr()) };
    close_all();
    loop {
        let mut status = 0;
        // SAFETY: `status` is valid for writes.
        let ended = unsafe { libc::waitpid(-1, &raw mut status, 0) };
        if ended == program {
            leave(status);
        }
        if ended < 0 && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            // SAFETY: ends this process without running anything of the program that was forked.
            unsafe { libc::_exit(127) };
        }
    }
}

/// Closes every descriptor: the other end of one of them tells the daemon that the program could be started.
fn close_all() {
    // SAFETY: nothing in this process uses a descriptor any more. Linux 5.9.
    if unsafe { libc::syscall(libc::SYS_close_range, 0_u32, u32::MAX, 0_u32) } == 0 {
        return;
    }
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is valid for writes.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    let most = i32::try_from(limit.rlim_cur).unwrap_or(1 << 20);
    for descriptor in 0..most {
        // SAFETY: as above.
        unsafe { libc::close(descriptor) };
    }
}

/// Ends as the program did.
fn leave(status: i32) -> ! {
    let signal = libc::WTERMSIG(status);
    if libc::WIFEXITED(status) {
        // SAFETY: ends this process without running anything of the program that was forked.
        unsafe { libc::_exit(libc::WEXITSTATUS(status)) };
    }
    // SAFETY: takes numbers only. The memory of the daemon is not to be written into a core file.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    // SAFETY: the default action installs no handler.
    unsafe { libc::signal(signal, libc::SIG_DFL) };
    // SAFETY: takes numbers only.
    unsafe { libc::kill(libc::getpid(), signal) };
    // SAFETY: as above.
    unsafe { libc::_exit(128 + signal) }
}
