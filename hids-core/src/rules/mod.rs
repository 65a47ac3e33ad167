//! Rules: what an event means and how serious it is.
//!
//! `parse` reads rule files into definitions, `tree` and `compile` make a [`RuleSet`] of them,
//! `catalogue` shows rules as written, with the `advice` that `page` prints of all; `evaluate` tries the set on an event with the [`RuleState`] that earlier events left. Owns OSSEC's
//! rule language (`src/analysisd/{rules,rules_list,eventinfo}.c`). Never: acts on an answer.

mod address;
mod advice;
mod built_in;
mod candidates;
mod catalogue;
mod compile;
mod composite;
mod condition;
mod count;
mod def;
mod evaluate;
mod event;
mod history;
mod lint;
mod list;
mod list_key;
mod list_reader;
mod networks;
mod options;
mod overwrite;
mod page;
mod parse;
mod reader;
mod set;
mod state;
mod targets;
mod time_window;
mod tree;
mod wazuh;

pub use advice::{advice, silencing};
pub use built_in::{add_own_messages, definitions};
pub use candidates::{Candidates, candidates};
pub use catalogue::{Catalogue, Counting, RuleEntry, Written};
pub use compile::compile;
pub use def::RuleDef;
pub use evaluate::{RuleMatch, RuleTrial, evaluate};
pub use event::RuleEvent;
pub use lint::{commands, lint};
pub use list::{ListSource, ListTables};
pub use options::{FtsLimits, RuleOptions};
pub use page::page;
pub use parse::parse;
pub use set::RuleSet;
pub use state::{HostNews, Losses, RuleState, SavedState};
pub use targets::SavedLogins;
