//! The harness: machines made of namespaces, real servers in them, attackers, and the programs
//! under test. The suites (one folder each beside `src`) and `cargo xtask demo` and `bench` use it.
//!
//! It never touches the machine it runs on: every network, mount, process, IPC and host-name change
//! happens in namespaces that vanish with the guard that made them, and with the process that made
//! the guard, however it ends. It knows the product only as programs; it links none of its code.

pub mod alone;
pub mod attack;
pub mod daemon;
pub mod executable;
pub mod hids;
pub mod image;
pub mod lab;
pub mod machine;
pub mod network;
pub mod nft;
pub mod programs;
pub mod require;
pub mod running;
pub mod servers;
pub mod terminal;
pub mod wait;

pub use hids::Hids;
pub use lab::{Host, Lab};
pub use running::Running;
