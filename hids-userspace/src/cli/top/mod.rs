//! `hidsctl top`: the state of hids on one screen.
//!
//! [`app`] is what is shown and what keys and answers make of it, without a terminal, a clock or a file;
//! [`view`] draws it; [`runtime`] reads keys, asks the daemon and follows the alerts. Everything that a key
//! does is a command, too ([`help`]).

mod alert_list;
mod app;
mod ask;
mod carry_out;
mod cursor;
mod detail;
mod facts;
mod filter;
mod help;
mod input;
mod keys;
mod listing;
mod records;
mod runtime;
mod start;
mod tally;
mod terminal;
mod view;
mod wrap;

pub(super) use self::start::run;
