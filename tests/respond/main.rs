//! The responder against the real kernel: what is asserted is which packets arrive, not what a
//! command prints. Each test has network namespaces of its own, which end with its threads.

mod degraded;
mod drift;
mod fixture;
mod flood;
mod network;
mod packets;
mod persistence;
mod programs;
mod refusals;
mod speed;
