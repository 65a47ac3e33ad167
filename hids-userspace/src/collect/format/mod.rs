//! Conversion of lines to events, with one module per `<log_format>` that joins or rewrites lines.
//!
//! Pure: lines in, events out. An assembler returns after each line whether it holds lines back, so
//! that a position never lies behind lines that were not sent.
//!
//! A new format is a module here, a row in `table`, and its name in `config::LogFormat`.

mod assembler;
mod audit;
mod blocks;
mod continued;
mod counted;
mod growing;
mod mysql;
mod nmap;
mod ossec_alert;
mod single;
mod snort;
mod table;
mod tai;

pub(crate) use assembler::{Held, Machine};
pub(crate) use table::{Assembler, assembler, channel};

#[cfg(test)]
mod tests;
