//! The naive reading of `decoders-and-rules.md` and `regex-dialects.md`: lists and scans, one
//! `regex` per pattern compiled again for each question, no index, no shortcut.
//!
//! Written from the descriptions alone, without looking at the engine. Readable before fast.

mod context;
mod decode;
mod patterns;
mod tree;

use std::collections::BTreeMap;

pub(crate) use self::context::{MEMORY, SID_EVENTS};
pub(crate) use self::tree::Tree;

/// A decoded event, as the rules see it and as composite rules remember it.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub time: i64,
    pub line: String,
    pub log: String,
    pub host: String,
    pub program: Option<String>,
    pub decoder: Option<String>,
    pub kind: &'static str,
    pub fields: BTreeMap<String, String>,
}

pub(crate) use self::decode::decode;
