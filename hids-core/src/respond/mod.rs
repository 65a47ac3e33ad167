//! Plans responses: which address is blocked until when, which program runs, what is refused.
//!
//! Owns the wanted state (blocks, programs to be undone, offences). Never acts, never reads a
//! clock, and never lets a protected address into the wanted state, whatever a log says.

mod action;
mod address;
mod blocks;
mod clock;
mod plan;
mod policy;
mod protected;
mod select;
#[cfg(test)]
mod tests;

pub use action::{
    Action, Block, EndCause, ExpectedField, MAX_BLOCKS, Offence, OffenceKey, ProgramCall, ProgramHold, ProgramKey,
    RELOAD, Refusal, Refused, Verb,
};
pub use address::{canonical, embedded_v4};
pub use clock::Clock;
pub use plan::{ByHand, Planner, Restored};
pub use policy::{Expect, Policy, Response, ResponseKind, block_time};
pub use protected::{MachineAddresses, NeverBlock, NeverBlockReason, ProtectedSet};
