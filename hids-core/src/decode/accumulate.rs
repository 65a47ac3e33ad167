//! Fields that one event of a session leaves for the later ones (`src/analysisd/accumulator.c`).

use std::collections::HashMap;
use std::time::Duration;

use super::fields::{FieldId, FieldValues};
use crate::model::Timestamp;

const LIFETIME: Duration = Duration::from_secs(120);
/// Longest value that is kept.
const MAX_VALUE_BYTES: usize = 80;
/// Sessions remembered at a time; beyond it all but the current ones are forgotten.
const MAX_SESSIONS: usize = 20_000;
const KEPT: [FieldId; 7] = [
    FieldId::DST_USER,
    FieldId::SRC_USER,
    FieldId::SRC_IP,
    FieldId::DST_IP,
    FieldId::SRC_PORT,
    FieldId::DST_PORT,
    FieldId::DATA,
];

/// What sessions have left so far.
#[derive(Debug, Default)]
pub struct Accumulator {
    sessions: HashMap<Box<[u8]>, Session>,
    key: Vec<u8>,
    forgotten: u64,
}

#[derive(Debug)]
struct Session {
    last: Timestamp,
    values: [Option<Box<[u8]>>; KEPT.len()],
}

impl Accumulator {
    /// Fills the fields that `fields` lacks and keeps those that it has.
    pub fn complete(&mut self, hostname: &[u8], decoder: &str, log: &[u8], fields: &mut FieldValues, now: Timestamp) {
        let Some(id) = fields.value(FieldId::ID, log) else { return };
        self.key.clear();
        for part in [hostname, b" ", decoder.as_bytes(), b" ", id] {
            self.key.extend_from_slice(part);
        }
        if self.sessions.len() >= MAX_SESSIONS {
            let before = self.sessions.len();
            self.sessions.retain(|_, session| now.since(session.last) <= LIFETIME);
            if self.sessions.len() >= MAX_SESSIONS {
                self.sessions.clear();
                self.forgotten += before as u64;
            }
        }
        if !self.sessions.contains_key(self.key.as_slice()) {
            self.sessions.insert(self.key.as_slice().into(), Session { last: now, values: Default::default() });
        }
        let Some(session) = self.sessions.get_mut(self.key.as_slice()) else { return };
        if now.since(session.last) > LIFETIME {
            session.values = Default::default();
        }
        session.last = now;
        for (slot, id) in session.values.iter_mut().zip(KEPT) {
            match (fields.value(id, log), slot.as_deref()) {
                (Some(value), _) if value.len() <= MAX_VALUE_BYTES => *slot = Some(value.into()),
                (None, Some(kept)) => fields.set_made(id, kept),
                _ => {}
            }
        }
    }

    /// How many sessions were forgotten for lack of room.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }
}
