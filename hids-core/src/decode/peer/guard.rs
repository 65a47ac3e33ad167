//! Looks at the address that a decoder found.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::hardened::{self, Hardened};
use super::ossec_names::is_ossecs;
use super::shape::pins_address;
use super::two_ways::{AccessLog, address, has_twin};
use crate::decode::compile::DecoderSet;
use crate::decode::decoded::Decoded;
use crate::decode::fields::FieldId;
use crate::decode::kind::EventKind;
use crate::decode::run::{Scratch, decode};
use crate::pattern::{Captures, Prefilter};
use crate::predecode::Predecoded;

/// How the address of a decoder is to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trust {
    /// The pattern pins it down, or it is the shipped ruleset's.
    Pinned,
    /// A decoder of OSSEC's: a hardened one reads the address.
    Ossecs,
    /// A client's words may lead it astray.
    Loose,
}

/// Decides which addresses of lines are believed.
pub struct PeerGuard {
    /// Of each decoder.
    trust: Vec<Trust>,
    /// Only where a decoder of OSSEC's is loaded.
    hardened: Option<Hardened>,
    access_log: AccessLog,
    not_taken: AtomicU64,
}

/// Buffers reused from event to event.
#[derive(Default)]
pub struct PeerScratch {
    /// Of the hardened decoders. A scratch remembers numbers of decoders, so that each set has one of its own.
    hardened: Scratch,
    /// Of the decoders that have found the address.
    again: Scratch,
    masked: Vec<u8>,
    captures: Captures,
}

/// A line with what a decoder made of it.
pub struct Found<'e, 'l> {
    /// The line as it came.
    pub line: &'l [u8],
    /// Its parts.
    pub event: &'e Predecoded<'l>,
    /// Who took it.
    pub decoded: &'e Decoded,
}

impl PeerGuard {
    /// Looks at all decoders; `reads_ossecs`: whether hardened ones read the addresses of OSSEC's.
    pub fn new(decoders: &DecoderSet, reads_ossecs: bool) -> Self {
        let trust = trust(decoders, reads_ossecs);
        let hardened = trust.contains(&Trust::Ossecs).then(Hardened::new);
        Self { trust, hardened, access_log: AccessLog::new(), not_taken: AtomicU64::new(0) }
    }

    /// How many addresses were not taken because their lines can be read in more than one way.
    pub fn not_taken(&self) -> u64 {
        self.not_taken.load(Relaxed)
    }

    /// Corrects or removes the address in `scratch.fields`.
    pub fn look(
        &self,
        found: &Found<'_, '_>,
        decoders: &DecoderSet,
        prefilter: &Prefilter,
        scratch: &mut Scratch,
        own: &mut PeerScratch,
    ) {
        let Some(index) = found.decoded.index() else { return };
        let log = found.event.log;
        let Some(value) = scratch.fields.value(FieldId::SRC_IP, log) else { return };
        let is_access_log = decoders.top(index).kind == EventKind::WebLog;
        let has_other_client = !is_access_log && self.access_log.has_other_client(found.line, value, &mut own.captures);
        let believed = if has_other_client {
            None
        } else {
            match (self.trust.get(usize::from(index)), &self.hardened) {
                (Some(Trust::Ossecs), Some(hardened)) => return self.replace(hardened, found, scratch, own),
                (Some(Trust::Loose), _) => self.read_again(found, decoders, prefilter, scratch, own),
                _ => return,
            }
        };
        if believed.is_none() {
            self.drop_address(scratch);
        }
    }

    fn drop_address(&self, scratch: &mut Scratch) {
        self.not_taken.fetch_add(1, Relaxed);
        scratch.fields.remove(FieldId::SRC_IP);
    }

    /// The hardened decoders' address in place of that of OSSEC's.
    fn replace(&self, hardened: &Hardened, found: &Found<'_, '_>, scratch: &mut Scratch, own: &mut PeerScratch) {
        let log = found.event.log;
        hardened.prefilter.scan(log, &mut own.hardened.seen);
        decode(&hardened.decoders, found.event, &mut own.hardened, None);
        let Some(range) = own.hardened.fields.range(FieldId::SRC_IP) else {
            // A name blocks nobody, and may be all that there is to count by.
            if scratch.fields.value(FieldId::SRC_IP, log).and_then(address).is_some() {
                self.drop_address(scratch);
            }
            return;
        };
        scratch.fields.replace_range(FieldId::SRC_IP, range);
        if let Some(port) = own.hardened.fields.range(FieldId::SRC_PORT) {
            scratch.fields.replace_range(FieldId::SRC_PORT, port);
        }
    }

    /// `Some` if the decoder finds no other address where the first one is masked, and none that the
    /// same word leads to.
    fn read_again(
        &self,
        found: &Found<'_, '_>,
        decoders: &DecoderSet,
        prefilter: &Prefilter,
        scratch: &Scratch,
        own: &mut PeerScratch,
    ) -> Option<()> {
        let log = found.event.log;
        let Some(range) = scratch.fields.range(FieldId::SRC_IP) else {
            // What is no part of the line was made by code, which knows its own format, or is a part of a JSON value
            // with escapes, of which a pattern that does not pin it down is not believed.
            let index = found.decoded.index()?;
            return decoders.decoder(index).json.regex_field.is_none().then_some(());
        };
        let first = address(log.get(range.clone())?);
        if first.is_none() {
            return Some(());
        }
        if has_twin(log, range.start, range.end) {
            return None;
        }
        let PeerScratch { again, masked, .. } = own;
        masked.clear();
        masked.extend_from_slice(log);
        masked[range].fill(b' ');
        prefilter.pass_all(&mut again.seen);
        let Predecoded { hostname, program_name, log_offset, .. } = *found.event;
        decode(decoders, &Predecoded { hostname, program_name, log: masked, log_offset }, again, None);
        let second = again.fields.value(FieldId::SRC_IP, masked).and_then(address);
        second.is_none_or(|second| Some(second) == first).then_some(())
    }
}

/// How the address of each decoder is to be taken.
pub(super) fn trust(decoders: &DecoderSet, reads_ossecs: bool) -> Vec<Trust> {
    let mut shipped = None;
    let all = 0..u16::try_from(decoders.len()).unwrap_or(u16::MAX);
    all.map(|index| {
        let decoder = decoders.decoder(index);
        let Some(regex) = decoder.regex.as_ref().filter(|_| decoder.order.contains(&FieldId::SRC_IP)) else {
            return Trust::Pinned;
        };
        if shipped.get_or_insert_with(hardened::patterns).contains(regex.pattern.as_str()) {
            Trust::Pinned
        } else if reads_ossecs && is_ossecs(&decoders.top(index).own_name, &decoder.own_name) {
            Trust::Ossecs
        } else if pins_address(decoders, index) {
            Trust::Pinned
        } else {
            Trust::Loose
        }
    })
    .collect()
}
