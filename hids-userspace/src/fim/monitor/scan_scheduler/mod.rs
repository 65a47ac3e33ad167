//! Which scans run and when: initial and scheduled ones, those that close gaps, those that were asked for.
//!
//! Owns what is known about the trees that have a baseline. Never inspects a file and never decides what a
//! difference means: the messages of a scan go to the event loop.

mod checkpoint;
mod coverage;
mod full_scan;
mod gaps;
mod queue;
mod roots;
mod running;
mod scheduler;
#[cfg(test)]
pub(super) mod testing;

pub(super) use coverage::Coverage;
pub(super) use queue::Slot;
pub(super) use roots::Roots;
pub(super) use running::RunningScan;
pub(in crate::fim) use scheduler::NotWatched;
pub(super) use scheduler::{ScanScheduler, SchedulerOptions, StartOptions};
