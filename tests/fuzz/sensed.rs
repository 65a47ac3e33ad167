//! What the fuzz targets of the daemon's own readers do with their input, and what must hold whatever the
//! bytes are. Beside `inputs.rs`, which needs the core alone.

use hids_core::diag::Diagnostic;
use hids_userspace::fim::export::{self, ExportError, PublicKey};
use hids_userspace::readers;
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

/// `ossec.conf`: whatever it says, each problem can be shown.
pub(super) fn config(data: &[u8]) {
    for strict_ossec in [false, true] {
        for problem in readers::config(data, strict_ossec) {
            let shown = Diagnostic::render(&problem);
            assert!(!shown.contains('\x1b') && !shown.contains('\u{202e}'), "a terminal acts on {shown:?}");
        }
    }
}

/// A request to the control socket: what is taken means the same when it is serialized again.
pub(super) fn control(data: &[u8]) {
    if let Some(written) = readers::control_request(data) {
        assert_eq!(readers::control_request(&written).as_ref(), Some(&written));
    }
}

/// A netlink datagram: its messages lie in it one after the other.
pub(super) fn netlink(data: &[u8]) {
    let messages = readers::netlink_datagram(data);
    assert!(messages.len() <= data.len() / 16, "{} messages in {} bytes", messages.len(), data.len());
    let mut end = data.as_ptr();
    for (payload, addresses) in messages {
        assert!(lies_in(payload, data) && payload.as_ptr() >= end, "a message outside of its place");
        // An element has its own header, and those of the key, of the value and of the list around it.
        assert!(addresses.len() <= payload.len() / 16, "{addresses:?} of {} bytes", payload.len());
        end = payload.as_ptr_range().end;
    }
}

/// An entry of the journal: its sender chooses the text and nothing of what stands before it.
pub(super) fn journal(data: &[u8]) {
    let Some(entry) = readers::journal_entry(data) else { return };
    assert!(!entry.cursor.is_empty() && !entry.cursor.chars().any(char::is_control), "{entry:?}");
    assert!(entry.found_cursor.is_none_or(|found| lies_in(found, data)), "{entry:?}");
    let mut head = entry.line.split(|&byte| byte == b' ').take(3);
    assert!(head.by_ref().flatten().all(u8::is_ascii_graphic), "{}", entry.line.escape_ascii());
}

/// The first word of the file of the rules' memory.
const STATE_MAGIC: &str = "hids-rules-1";

/// The rules' memory on disk: what is taken is written so that it is taken again.
pub(super) fn state(data: &[u8]) {
    let body = data.splitn(2, |&byte| byte == b'\n').nth(1).unwrap_or(data);
    // With the right checksum, which no fuzzer finds.
    let sealed = [format!("{STATE_MAGIC} {:08x}\n", crc32fast::hash(body)).as_bytes(), body].concat();
    for text in [data, &sealed] {
        if let Some(written) = readers::rule_state(text) {
            assert_eq!(readers::rule_state(&written).as_ref(), Some(&written));
        }
    }
}
