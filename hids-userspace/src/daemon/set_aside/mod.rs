//! Lines that the daemon died of: found, set aside and told, so that it goes on with all others.
//!
//! | Life | Begins with | Does |
//! | --- | --- | --- |
//! | 1 | – | dies; the crash handler ([`crate::sys::crash`]) records the line in hand |
//! | 2 | that record: the line is *watched* | reads again from the last commit, *carefully*: waits after each batch until it is committed; dies of the line again |
//! | 3 | a record of a careful life, or a second one of the same line: it is *set aside* | leaves the line out, writes it to the quarantine file, alerts, goes on |
//!
//! A line that survives being watched was not the cause. Without a record (SIGKILL, loss of power, a crash
//! of a thread that had no line in hand) nobody is suspected. Since in a careful life all before the batch in
//! hand is committed, the number of a line counts from the first line that comes after the next start.

mod files;
mod suspect;
mod watch;

pub(super) use files::{Quarantine, begin};
pub(super) use suspect::BatchPlace;
pub(super) use watch::{Act, Watch};
