//! The running daemon: start and stop order, wiring, reload, status.

pub mod analysis;
mod integrity;
mod lifecycle;
mod lock;
mod losses;
mod protection;
mod ready;
mod running;
mod signals;
mod status;
mod wiring;

pub use lifecycle::run;
pub use lock::LockError;
pub use wiring::StartError;
