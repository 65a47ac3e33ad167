//! The readers of bytes from outside, as functions of these bytes: for the fuzz targets and the tests that replay their
//! findings. The daemon calls the readers themselves.

use std::net::IpAddr;

use hids_core::diag::Diagnostic;

pub use crate::collect::ReadEntry;
use crate::control::Request;
use crate::{collect, config, record, respond};

/// The problems of an `ossec.conf` with this text.
pub fn config(text: &[u8], strict_ossec: bool) -> Vec<Diagnostic> {
    config::check_text(text, strict_ossec)
}

/// A request to the control socket, serialized again; `None` where it is refused.
pub fn control_request(line: &[u8]) -> Option<Vec<u8>> {
    serde_json::to_vec(&serde_json::from_slice::<Request>(line).ok()?).ok()
}

/// The payloads of the messages in a netlink datagram, each with the addresses of set elements in it.
pub fn netlink_datagram(datagram: &[u8]) -> Vec<(&[u8], Vec<IpAddr>)> {
    respond::read_datagram(datagram)
}

/// An entry of the journal in JSON; `None` where it has no line.
pub fn journal_entry(json: &[u8]) -> Option<ReadEntry<'_>> {
    collect::read_journal_entry(json)
}

/// A file of the rules' memory, serialized again; `None` where it is damaged.
pub fn rule_state(text: &[u8]) -> Option<Vec<u8>> {
    record::rewritten_rule_state(text)
}
