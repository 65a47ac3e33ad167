//! The control socket between `hidsctl` and `hidsd`: one JSON line each way.
//!
//! The socket stands in the run directory, mode 0600: who may open it may steer the daemon.

mod client;
mod protocol;
mod server;

pub(crate) use client::{Client, ClientError};
pub(crate) use protocol::{Reply, Request};
pub(crate) use server::{Answer, ControlError, serve};
