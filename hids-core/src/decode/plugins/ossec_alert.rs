//! Alerts that another OSSEC forwarded.
//!
//! ```text
//! Alert Level: 3; Rule: 5715 - text; Location: host->/path; srcip: …; user: …;  LOG
//! ```

use memchr::{memchr, memmem};

use super::super::attributes::Reading;
use super::super::decoded::Decoded;
use super::super::fields::{FieldId, FieldValues};
use super::number;

const LEVEL: &[u8] = b"Alert Level: ";
const RULE: &[u8] = b"Rule: ";
const LOCATION: &[u8] = b"; Location: ";

/// What OSSEC's `csyslogd` writes between place and log.
const LABELS: [&[u8]; 12] = [
    b"classification: ",
    b"srcip: ",
    b"dstip: ",
    b"user: ",
    b"Previous MD5: ",
    b"Current MD5: ",
    b"Previous SHA1: ",
    b"Current SHA1: ",
    b"Size changed: ",
    b"User ownership: ",
    b"Group ownership: ",
    b"Permissions changed: ",
];

/// The rule counts only of an alert that is whole: a line that breaks off raises none (D3c). Where
/// the log begins OSSEC wants two blanks, which the messages of its own `csyslogd` do not have; the
/// default mode takes one as well (K39).
pub(super) fn decode(reading: Reading, log: &[u8], fields: &mut FieldValues, decoded: &mut Decoded) -> Option<()> {
    let alert = Alert::read(reading, log)?;
    decoded.original_rule = Some(alert.rule);
    for (field, value) in [(FieldId::SRC_IP, alert.source), (FieldId::DST_USER, alert.user)] {
        if let Some((start, end)) = value {
            fields.set_range(field, start, end);
        }
    }
    Some(())
}

/// Where a forwarded alert came from, as its text says.
pub fn forwarded_location(log: &[u8]) -> Option<&[u8]> {
    let (_, (start, end)) = rule_and_location(log)?;
    Some(&log[start..end])
}

struct Alert {
    rule: u32,
    source: Option<(usize, usize)>,
    user: Option<(usize, usize)>,
}

impl Alert {
    fn read(reading: Reading, log: &[u8]) -> Option<Self> {
        let (rule, (_, location_end)) = rule_and_location(log)?;
        let mut alert = Self { rule, source: None, user: None };
        let mut at = location_end + 1;
        // At the blank before a field or the log.
        loop {
            let rest = log[at..].strip_prefix(b" ")?;
            if rest.starts_with(b" ") {
                break;
            }
            at += 1;
            let label = LABELS.iter().find(|label| rest.starts_with(label));
            if label.is_none() && reading == Reading::AsWritten {
                // The beginning of a label is no log: the line breaks off there.
                let is_cut_off = LABELS.iter().any(|label| label.starts_with(rest));
                return (!is_cut_off).then_some(alert);
            }
            let end = at + memchr(b';', rest)?;
            let value = (at + label.map_or(0, |label| label.len()), end);
            match label {
                Some(&b"srcip: ") => alert.source = alert.source.or(Some(value)),
                Some(&b"user: ") => alert.user = alert.user.or(Some(value)),
                _ => {}
            }
            at = end + 1;
        }
        Some(alert)
    }
}

/// The rule's number and where the place stands.
fn rule_and_location(log: &[u8]) -> Option<(u32, (usize, usize))> {
    let level = memmem::find(log, LEVEL)? + LEVEL.len();
    let rule = level + memmem::find(&log[level..], RULE)? + RULE.len();
    let digits = log[rule..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let after = rule + digits;
    log[after..].starts_with(b" - ").then_some(())?;
    let start = after + memmem::find(&log[after..], LOCATION)? + LOCATION.len();
    let end = start + memchr(b';', &log[start..])?;
    Some((number(&log[rule..after])?, (start, end)))
}
