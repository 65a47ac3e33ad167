//! Carries out what the planner decides: nftables, programs, ledger.

mod action_log;
mod evidence;
mod ledger;
mod netlink;
mod nft;
mod nft_dump;
mod protected;
mod sync;

pub use nft::{Change, Element, KeptOut, Nft, NftError};
pub use nft_dump::{FoundElement, FoundElements, Structure};
pub use protected::{AddressSensor, SenseError};
