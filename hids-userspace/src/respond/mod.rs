//! Carries out what the planner decides: nftables, programs, ledger.
//!
//! One thread ([`start`]) owns planner, nf_tables and files; it takes [`Request`]s over a bounded
//! channel that the wiring makes. Every decision is `hids_core::respond`'s.

mod action_log;
mod addresses;
mod answer;
mod carry_out;
mod clock;
mod evidence;
mod kernel;
mod ledger;
mod mode;
mod netlink;
mod nft;
mod nft_dump;
mod nft_error;
mod policy;
mod private;
mod protected;
mod queue;
mod reload;
mod request;
mod responder;
mod script;
mod sync;
mod thread;
mod tree;
mod watch;

use evidence::SeenLine;

pub use crate::contracts::standing::{Standing, StandingBlock};

pub use ledger::{Entry, Ledger, LedgerError, Loaded};
pub use mode::Mode;
pub use nft::{Change, Element, KeptOut, Nft};
pub(crate) use nft_dump::read_datagram;
pub use nft_dump::{FoundElement, FoundElements, Structure};
pub use nft_error::NftError;
pub use policy::{policy, protected};
pub use protected::{AddressSensor, SenseError};
pub use request::{
    AddedView, BlockView, BlocksView, HistoryView, LineView, MOST_PER_PAGE, Page, ProgramsView, Reply, ReportView,
    Request, WhyView,
};
pub use script::ScriptLimits;
pub use thread::{ResponderHandle, ResponderOptions, StartError, remove_table, start};
