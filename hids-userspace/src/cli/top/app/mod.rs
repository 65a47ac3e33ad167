//! What the screen shows, and what keys, answers and time make of it. Knows no terminal, socket, file or clock.

mod answers;
mod asked;
mod commands;
mod questions;
mod state;
#[cfg(test)]
mod tests;
mod update;

pub(super) use self::state::{App, Effect, Link, Message, Place, Prompt};
pub(super) use self::update::update;
