//! What was seen at a path, ready to be committed.

use hids_core::model::{FileState, Timestamp};

use super::event_context::EventContext;
use crate::fim::Entry;

/// The state of one path.
#[derive(Debug)]
pub(super) struct Observation {
    pub path: Vec<u8>,
    pub context: EventContext,
    /// `None` = deleted.
    pub state: Option<FileState>,
    /// The content as text, where differences of text are reported.
    pub text: Option<Vec<u8>>,
    /// When the inspection began.
    pub read: Timestamp,
    /// The entry that a scan compared with: the observation counts only while the baseline still holds it.
    pub compared_with: Option<Option<Entry>>,
}
