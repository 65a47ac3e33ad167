//! The control socket between `hidsctl` and `hidsd`: one JSON line each way.
//!
//! The socket stands in the run directory, mode 0600: who may open it may steer the daemon.

mod client;
mod protocol;
mod server;

pub use client::{Client, ClientError};
pub use protocol::{Reply, Request};
pub use server::{Answer, ControlError, MAX_REQUEST_BYTES, serve};
