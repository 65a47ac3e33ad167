//! Decoders that are code (`src/analysisd/decoders/plugins`).
//!
//! The strict mode answers as OSSEC does on every form of a line; the default mode reads what
//! OSSEC's misses (K08, K37 to K39 in `docs/compatibility.md`).

mod ossec_alert;
mod pf;
mod sonic_wall;
mod symantec_ws;
#[cfg(test)]
mod tests;

use std::ops::Range;

use memchr::memchr;

pub use self::ossec_alert::forwarded_location;
use super::attributes::Reading;
use super::decoded::Decoded;
use super::fields::FieldValues;
use super::kind::EventKind;
use super::parse::Plugin;

/// Extracts the fields of `log` as `plugin` does.
pub(super) fn run(plugin: Plugin, reading: Reading, log: &[u8], fields: &mut FieldValues, decoded: &mut Decoded) {
    // Each stops where the text ceases to fit; what was found before stays.
    let _ = match plugin {
        Plugin::Pf => pf::decode(reading, log, fields),
        Plugin::SymantecWs => symantec_ws::decode(reading, log, fields),
        Plugin::SonicWall => sonic_wall::decode(reading, log, fields, decoded),
        Plugin::SonicWallWithoutFields => {
            decoded.kind = EventKind::Syslog;
            None
        }
        Plugin::OssecAlert => ossec_alert::decode(reading, log, fields, decoded),
        // `json` reads it before a decoder is chosen.
        Plugin::Json => None,
    };
}

/// The blank-delimited word at `start`.
fn word(log: &[u8], start: usize) -> Range<usize> {
    let start = start.min(log.len());
    start..start + memchr(b' ', &log[start..]).unwrap_or(log.len() - start)
}

/// The number that these digits write.
fn number(digits: &[u8]) -> Option<u32> {
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all.then(|| std::str::from_utf8(digits).ok()?.parse().ok()).flatten()
}
