//! Which questions wait for an answer, and when they were asked.

use hids_core::model::Timestamp;

/// What has been asked and when.
#[derive(Debug, Default)]
pub(in crate::cli::top) struct Waiting {
    pub status: Asked,
    pub blocks: Asked,
    pub files: Asked,
    /// Changes that the daemon had counted when files were listed last.
    pub files_at: Option<u64>,
    pub last_changes: Vec<Vec<u8>>,
}

/// One kind of question.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::cli::top) struct Asked {
    is_waiting: bool,
    at: Option<Timestamp>,
}

impl Asked {
    /// Whether it is to be asked now, and if so, that it has been.
    pub(super) fn ask(&mut self, now: Timestamp, every_seconds: i64) -> bool {
        // A clock that was set back is no reason to wait.
        let is_due = self.at.is_none_or(|at| !(0..every_seconds).contains(&(now.unix_seconds() - at.unix_seconds())));
        let asks = is_due && !self.is_waiting;
        if asks {
            *self = Self { is_waiting: true, at: Some(now) };
        }
        asks
    }

    /// The answer is here.
    pub(super) const fn answered(&mut self) {
        self.is_waiting = false;
    }

    /// Asks again as soon as possible.
    pub(super) const fn hurry(&mut self) {
        self.at = None;
    }
}
