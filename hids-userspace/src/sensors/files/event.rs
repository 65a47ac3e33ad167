//! One record of the kernel, as far as it does not depend on a place.

use hids_core::model::Operations;

/// What all places of a record have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event {
    pub(super) is_directory: bool,
    pub(super) is_about_names: bool,
    pub(super) pid: u32,
    pub(super) operations: Operations,
}
