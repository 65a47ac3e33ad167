//! Each line once, where the journal and a syslog daemon's files hold the same lines.
//!
//! On a machine with systemd every local line goes through the journal; a syslog daemon beside it writes most of them
//! into files, too. While the journal is read, what a file repeats is left out, and the journal's copy counts, because
//! only the journal knows who sent a line. A line of a file that the journal does not hold is sent: of another
//! host, of a socket of the syslog daemon's own, of a file that is no syslog file at all. So nothing is lost, whatever
//! the syslog daemon filters; and when the journal cannot be read, the files go on by themselves.
//!
//! - `fingerprint`: when two lines are the same;
//! - `seen`: what the journal, or a file, has sent without the other;
//! - `holding`: keeps lines of files back until the journal has been read as far, some two seconds.

mod file_sender;
mod fingerprint;
mod holding;
mod seen;
#[cfg(test)]
mod tests;

pub(super) use file_sender::FileSender;
pub(super) use holding::{Holding, HoldingHandle};
pub(super) use seen::Once;
