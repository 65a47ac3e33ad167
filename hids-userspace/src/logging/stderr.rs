//! Standard error: with priorities where the journal reads it, with times where a person or a file does.

use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use jiff::tz::TimeZone;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::entry::{Entry, Priority};
use crate::platform::clock::now;

/// How long a line may wait for a reader that is slow.
const PATIENCE: Duration = Duration::from_millis(20);

/// What stands before each line.
#[derive(Clone, Debug)]
pub(super) enum Form {
    /// `<4>`, which journald reads; it has times of its own.
    Prefixed,
    /// Local time with its offset, and a word.
    Timed(TimeZone),
    /// The same in colour.
    Coloured(TimeZone),
}

impl Form {
    /// What fits standard error now.
    pub(super) fn find(is_journal: bool) -> Self {
        match is_journal {
            true => Self::Prefixed,
            false if io::stderr().is_terminal() && no_color_is_unset() => Self::Coloured(TimeZone::system()),
            false => Self::Timed(TimeZone::system()),
        }
    }

    /// One line with its end.
    pub(super) fn line(&self, entry: &Entry) -> String {
        let (priority, sentence) = (entry.priority, entry.sentence());
        match self {
            Self::Prefixed => format!("<{}>{sentence}\n", priority as u8),
            Self::Timed(zone) => format!("{} {} {sentence}\n", now().local_text(zone), priority.word()),
            Self::Coloured(zone) => {
                let style = style(priority);
                format!("{} {style}{}{style:#} {sentence}\n", now().local_text(zone), priority.word())
            }
        }
    }

    /// Writes one line; gives how many were lost by that, which is one or none.
    pub(super) fn write(&self, entry: &Entry) -> u64 {
        let mut stderr = io::stderr().lock();
        // A full pipe or socket would hold up the thread until somebody reads it.
        let patience = Timespec { tv_sec: 0, tv_nsec: PATIENCE.subsec_nanos().into() };
        let mut ready = [PollFd::from_borrowed_fd(stderr.as_fd(), PollFlags::OUT)];
        let has_room = poll(&mut ready, Some(&patience)).is_ok_and(|count| count > 0);
        u64::from(!has_room || stderr.write_all(self.line(entry).as_bytes()).is_err())
    }
}

fn no_color_is_unset() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn style(priority: Priority) -> Style {
    match priority {
        Priority::Error => AnsiColor::Red.on_default(),
        Priority::Warning => AnsiColor::Yellow.on_default(),
        Priority::Notice | Priority::Info => AnsiColor::Green.on_default(),
        Priority::Debug => AnsiColor::Blue.on_default(),
    }
}

/// Whether standard error is the journal, as sd_journal_stream_fd(3) describes it: `JOURNAL_STREAM` names its device
/// and inode.
pub(super) fn is_journal() -> bool {
    let named = std::env::var("JOURNAL_STREAM").unwrap_or_default();
    rustix::fs::fstat(io::stderr()).is_ok_and(|stat| format!("{}:{}", stat.st_dev, stat.st_ino) == named)
}
