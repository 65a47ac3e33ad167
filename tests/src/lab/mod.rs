//! Machines made of namespaces: a server, an attacker outside, a friend inside.
//!
//! ```text
//! attacker 203.0.113.66 ──eth0── server ──eth1── friend 192.168.1.2
//!                  203.0.113.10          192.168.1.10
//! ```

mod host;
mod mounts;
mod namespaces;
mod network;

pub use host::Host;
pub(crate) use mounts::PASSWORD_HASH;
pub use mounts::{PASSWORD, USER};
pub use namespaces::Namespaces;
pub use network::Lab;
pub use network::{ATTACKER, ATTACKER_WEB, ATTACKER6, FRIEND, SERVER_INSIDE, SERVER_OUTSIDE, SERVER_OUTSIDE6};
