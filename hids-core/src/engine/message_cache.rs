//! Messages that were taken apart before.
//!
//! Logs repeat themselves: what a message says, and which rules can want it, depends on nothing but
//! its program and its bytes, so that it is worked out once and compared from then on. A message is
//! kept when it comes for the second time; the memory is bounded, and a message that is not found is
//! worked out as ever.

use std::sync::Arc;

use super::dropped::Dropped;
use crate::decode::{Decoded, FieldValues};
use crate::predecode::Predecoded;
use crate::rules::Candidates;

/// Longest message that is kept.
const MAX_MESSAGE_BYTES: usize = 512;
/// Most bytes of made-up field values that are kept with a message.
const MAX_MADE_BYTES: usize = 512;
/// Most values of JSON that nobody asks for, with their names.
const MAX_NAMED: usize = 24;
/// Sets of places; a message can stand in one of the places of its set.
const SETS: usize = 4096;
const PLACES: usize = 4;

/// Everything that a message says by itself.
pub(super) struct CachedMessage {
    hash: u64,
    program_name: Option<Box<[u8]>>,
    log: Box<[u8]>,
    pub decoded: Decoded,
    pub fields: FieldValues,
    pub dropped: Option<Dropped>,
    pub candidates: Candidates,
}

/// The messages that came before.
pub(super) struct MessageCache {
    known: Box<[Option<Arc<CachedMessage>>]>,
    /// The hashes of messages that came once.
    seen_once: Box<[u32]>,
    /// Where the next one goes in its set.
    turn: usize,
}

/// Whether a message is known.
pub(super) enum Found {
    Known(Arc<CachedMessage>),
    /// It came before, and can be kept.
    Again(Place),
    New,
}

/// Where a message is to be kept.
pub(super) struct Place(u64);

impl Default for MessageCache {
    fn default() -> Self {
        Self { known: vec![None; SETS * PLACES].into(), seen_once: vec![0; SETS * PLACES].into(), turn: 0 }
    }
}

impl MessageCache {
    pub(super) fn find(&mut self, event: &Predecoded<'_>) -> Found {
        if event.log.len() > MAX_MESSAGE_BYTES {
            return Found::New;
        }
        let hash = hash(event.program_name.unwrap_or_default(), hash(event.log, event.log.len() as u64));
        let known = self.known[set(hash)..][..PLACES].iter().flatten();
        for known in known.filter(|known| known.hash == hash) {
            if *known.log == *event.log && known.program_name.as_deref() == event.program_name {
                return Found::Known(Arc::clone(known));
            }
        }
        let once = &mut self.seen_once[hash as usize % (SETS * PLACES)];
        let mark = (hash >> 32) as u32;
        if *once == mark {
            return Found::Again(Place(hash));
        }
        *once = mark;
        Found::New
    }

    /// Keeps what was worked out of the message for which `place` was given.
    pub(super) fn keep(
        &mut self,
        Place(hash): Place,
        event: &Predecoded<'_>,
        decoded: Decoded,
        dropped: Option<Dropped>,
        fields: &FieldValues,
        candidates: Candidates,
    ) {
        if fields.made_bytes() > MAX_MADE_BYTES || fields.named_count() > MAX_NAMED {
            return;
        }
        let known = CachedMessage {
            hash,
            program_name: event.program_name.map(Box::from),
            log: event.log.into(),
            decoded,
            fields: fields.clone(),
            dropped,
            candidates,
        };
        self.turn = (self.turn + 1) % PLACES;
        let places = &mut self.known[set(hash)..][..PLACES];
        let free = places.iter().position(Option::is_none).unwrap_or(self.turn);
        places[free] = Some(Arc::new(known));
    }
}

/// The first place of the set of a hash.
fn set(hash: u64) -> usize {
    (hash >> 20) as usize % SETS * PLACES
}

/// Quick and not secret: a message made to collide with another is compared with it and worked out.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = seed ^ FACTOR;
    let mut mix = |word: u64| state = (state.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    words.iter().for_each(|&word| mix(u64::from_le_bytes(word)));
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(u64::from_le_bytes(last));
    state ^ (state >> 29)
}
