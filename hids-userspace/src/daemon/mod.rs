//! The running daemon: start and stop order, wiring, reload, status.

mod analysis;
mod beside;
mod integrity;
mod lifecycle;
mod load;
mod lock;
pub(crate) mod logins;
mod losses;
mod parts;
mod places;
mod protection;
mod ready;
mod request_error;
mod restored;
mod running;
mod script_log;
mod set_aside;
mod signals;
mod state;
mod status;
mod take_up;
mod wiring;

pub(crate) use lifecycle::{DaemonError, DaemonOptions, run};
