//! What the fuzz targets of the daemon's own readers do with their input, and what must hold whatever the
//! bytes are. Beside `inputs.rs`, which needs the core alone.

use hids_userspace::fim::export::{self, ExportError, PublicKey};
use hids_userspace::sensors::files::parse::{self, Place};

/// Bytes of an event that holds nothing more than its header.
const SMALLEST_EVENT: usize = 24;

/// What the kernel's fanotify writes: records that lie in the buffer, or one error at the end.
pub(super) fn fanotify(data: &[u8]) {
    let all: Vec<_> = parse::records(data).collect();
    assert!(all.len() <= data.len() / SMALLEST_EVENT + 1, "{} records of {} bytes", all.len(), data.len());
    assert!(all.iter().rev().skip(1).all(Result::is_ok), "something follows an error");
    for record in all.iter().flatten() {
        let places = [record.place, record.old, record.new];
        for Place { directory, name } in places.into_iter().flatten() {
            assert!(lies_in(directory, data) && lies_in(name, data), "{record:?}");
            assert!(!name.contains(&b'/') && !name.contains(&0), "{record:?}");
        }
        assert!(record.object.is_none_or(|object| lies_in(object, data)), "{record:?}");
    }
    // A buffer that is read in two halves at the end of an event gives the same.
    if let Some(Ok(first)) = all.first() {
        let length = u32::from_ne_bytes([data[0], data[1], data[2], data[3]]) as usize;
        let (one, rest) = data.split_at(length);
        assert_eq!(parse::records(one).collect::<Vec<_>>(), [Ok(*first)]);
        assert_eq!(parse::records(rest).collect::<Vec<_>>(), all[1..]);
    }
}

fn lies_in(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

/// An export whose header is right and whose rest is anything: nothing is sound that nobody has signed.
pub(super) fn export(data: &[u8]) {
    let exported = [&header()[..], data].concat();
    for bytes in [data, &exported] {
        let checked = export::check(bytes, &PublicKey(BASE_POINT));
        assert!(checked.is_err(), "nobody has signed it: {}", bytes.escape_ascii());
    }
    let empty = export::check(header().as_slice(), &PublicKey(BASE_POINT));
    assert!(matches!(empty, Err(ExportError::CutShort { entries: 0 })), "the header is not right: {empty:?}");
}

/// The base point of the curve: a key of which nobody has the other half.
const BASE_POINT: [u8; 32] = {
    let mut point = [0x66; 32];
    point[0] = 0x58;
    point
};

/// The beginning of an export: host, time, commit, code of the head, key.
fn header() -> Vec<u8> {
    let fields = [&b"\x04host\x00\x01"[..], &[7; 32], &BASE_POINT].concat();
    let length = u8::try_from(fields.len()).expect("fewer than 128 bytes");
    [&b"HIDSFIM-EXPORT1\n"[..], &[length], &fields].concat()
}
