//! Symantec Web Security: `20070717,73613,1=5,11=10.1.1.3,10=userc,60=http://…,3=1,2=1`.

use memchr::memchr;

use super::super::attributes::Reading;
use super::super::fields::{FieldId, FieldValues};

/// Rules ask for the text from `3=` on over the next key (`^3=1,2=1`), so the id is this long.
const ID_BYTES: usize = 9;

/// The first of each key counts. OSSEC goes on behind the id's nine bytes and so misses a key that
/// begins within them (K38).
pub(super) fn decode(reading: Reading, log: &[u8], fields: &mut FieldValues) -> Option<()> {
    let mut start = 0;
    loop {
        let rest = &log[start..];
        let mut next = start;
        if rest.starts_with(b"2=") || rest.starts_with(b"3=") {
            let end = log.len().min(start + ID_BYTES);
            set_first(FieldId::ID, start, end, log, fields);
            if reading == Reading::Ossec {
                next = end;
            }
        }
        for (key, field) in [(&b"10="[..], FieldId::DST_USER), (b"11=", FieldId::SRC_IP), (b"60=", FieldId::URL)] {
            if rest.starts_with(key) {
                let from = start + key.len();
                let end = from + memchr(b',', &log[from..]).unwrap_or(log.len() - from);
                set_first(field, from, end, log, fields);
            }
        }
        start = next + memchr(b',', &log[next..])? + 1;
    }
}

fn set_first(field: FieldId, start: usize, end: usize, log: &[u8], fields: &mut FieldValues) {
    if fields.value(field, log).is_none() {
        fields.set_range(field, start, end);
    }
}
