//! The real programs on a temporary root, as an administrator sees them.

mod alerts;
mod allow;
mod check;
mod common;
mod completion;
mod configuration;
mod documents;
mod full_disk;
mod import;
mod joined;
mod journal_quarantine;
mod lifecycle;
mod log_files;
mod logtest;
mod own_log;
mod quarantine;
mod records;
mod reload;
mod replay;
mod rule_memory;
mod setup;
mod steering;
mod support;
mod terminal;
mod unprivileged;
mod upgrade;
