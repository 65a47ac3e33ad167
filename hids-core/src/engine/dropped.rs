//! Events dropped before rule evaluation (`src/analysisd/analysisd.c`).
//!
//! Of log lines only the strict mode answering as the daemon throws any away: such a line is an
//! attack that nobody sees. Owns the last lines of each place. Never: decides for the default mode.

use std::collections::HashMap;

use crate::decode::{FieldId, FieldValues};

/// Which of OSSEC's two analysing programs the strict mode answers as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OssecProgram {
    /// `ossec-logtest`: throws nothing away, leaves the firewalls' own words for actions.
    #[default]
    Logtest,
    /// `ossec-analysisd`: throws away repeated lines and incomplete firewall events, makes the
    /// actions of firewalls one of five words, extracts nothing with the SonicWall plug-in.
    Daemon,
}

/// Why a line went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// Equal to one of the last three distinct lines of the same place.
    Repeated,
    /// Of a firewall, without one of action, source, destination and protocol.
    IncompleteFirewall,
    /// A scan found of a host what it had found before; in both modes.
    UnchangedHost,
}

/// Places whose last lines are remembered; beyond it all are forgotten.
const MAX_LOCATIONS: usize = 4096;

/// The last distinct lines of each place.
///
/// OSSEC keeps them per shard, to which the hash of the place leads; with one place per shard
/// that is the same.
#[derive(Debug, Default)]
pub(super) struct LastLines(HashMap<Box<str>, Ring>);

#[derive(Debug, Default)]
struct Ring {
    lines: [Vec<u8>; 3],
    oldest: usize,
}

impl LastLines {
    /// Whether `line` repeats one of the last three of `location`; if not, it is one of them now.
    pub(super) fn has(&mut self, location: &str, line: &[u8]) -> bool {
        if !self.0.contains_key(location) && self.0.len() >= MAX_LOCATIONS {
            self.0.clear();
        }
        let ring = self.0.entry(location.into()).or_default();
        if ring.lines.iter().any(|known| known == line) {
            return true;
        }
        line.clone_into(&mut ring.lines[ring.oldest]);
        ring.oldest = (ring.oldest + 1) % ring.lines.len();
        false
    }
}

/// Whether an event of a firewall has the four fields without which the daemon forgets it.
pub(super) fn is_complete(fields: &FieldValues, log: &[u8]) -> bool {
    [FieldId::ACTION, FieldId::SRC_IP, FieldId::DST_IP, FieldId::PROTOCOL]
        .iter()
        .all(|&field| fields.value(field, log).is_some())
}
