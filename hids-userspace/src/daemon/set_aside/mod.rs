//! Quarantine: log lines that crash the daemon are identified, skipped and reported; all others are analysed.
//!
//! | Life | Begins with | Does |
//! | --- | --- | --- |
//! | 1 | – | dies; the crash handler ([`crate::sys::crash`]) records the line in hand |
//! | 2 | that record: the line is *watched* | reads again from the last commit, *carefully*; dies of the line again |
//! | 3 | a record of a careful life, or a second one of the same line: it is *set aside* | leaves the line out, writes it to the quarantine file, alerts, goes on |
//!
//! In a careful life one line at a time goes through all stages, and is committed before the next one is taken. So
//! the line that a thread dies of, whichever thread it is, is the first one that comes after the next start: what
//! other lines are left out (copies, see `collect/once`) does not matter.
//!
//! | Dies | The line is |
//! | --- | --- |
//! | collector, journal, analysis | not read, or not analysed |
//! | recorder | analysed and answered; its alert is not written |
//! | responder | analysed and recorded; nothing is done about it |
//!
//! Should that not help, it is not analysed either. An alert that was recorded before the responder died of it does not
//! come again, so it is reported at once, as is a line of a source without positions. The text of joined alerts, each of
//! which is in alerts.json already, is left out after the first death.
//!
//! A line that survives being watched was not the cause. One that does not come again is reported when the careful life
//! ends. Without a record (SIGKILL, loss of power, a crash of a thread that had no line in hand) nobody is suspected.

mod files;
mod suspect;
mod watch;

pub(super) use files::{Quarantine, begin};
pub(super) use suspect::{BatchPlace, text_left_out};
pub(super) use watch::{Handling, Watch};
