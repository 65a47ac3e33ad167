//! Rules: what an event means and how serious it is.
//!
//! `parse` reads rule files into definitions, `tree` and `compile` make a [`RuleSet`] of them,
//! `catalogue` shows rules as written; `run` evaluates the set on an event with the [`RuleState`] that earlier events left. Owns OSSEC's
//! rule language (`src/analysisd/{rules,rules_list,eventinfo}.c`). Never: acts on an answer.

mod address;
mod built_in;
mod catalogue;
mod compile;
mod condition;
mod context;
mod count;
mod def;
mod event;
mod lint;
mod list;
mod list_key;
mod list_reader;
mod networks;
mod options;
mod overwrite;
mod parse;
mod plan;
mod reader;
mod run;
mod set;
mod state;
mod store;
mod tree;
mod wazuh;
mod when;

pub use built_in::{add_own_messages, definitions};
pub use catalogue::{Catalogue, Counting, RuleEntry, Written};
pub use compile::compile;
pub use def::RuleDef;
pub use event::RuleEvent;
pub use lint::{commands, lint};
pub use list::{ListSource, ListTables};
pub use options::RuleOptions;
pub use parse::parse;
pub use plan::{Plan, plan};
pub use run::{Judged, RuleTrial, judge};
pub use set::RuleSet;
pub use state::{HostNews, Losses, RuleState, SavedState};
