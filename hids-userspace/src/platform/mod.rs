//! What several stages need of the machine: its clock, its name, its mounts, files that are replaced in one step, and a
//! thread that is woken.

pub(crate) mod atomic_file;
pub(crate) mod clock;
pub(crate) mod error_chain;
pub(crate) mod hostname;
pub(crate) mod mountinfo;
pub(crate) mod waker;
