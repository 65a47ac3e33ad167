use proptest::prelude::*;

use super::*;

/// Writes events as the kernel does: the model that the parser is held against.
fn write_event(mask: u64, pid: i32, infos: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (kind, data) in infos {
        let length = (INFO_HEADER_BYTES + data.len()).next_multiple_of(4);
        body.extend_from_slice(&[*kind, 0]);
        body.extend_from_slice(&u16::try_from(length).unwrap().to_ne_bytes());
        body.extend_from_slice(data);
        body.resize(body.len() + length - INFO_HEADER_BYTES - data.len(), 0);
    }
    let mut event = Vec::new();
    event.extend_from_slice(&u32::try_from(METADATA_BYTES + body.len()).unwrap().to_ne_bytes());
    event.extend_from_slice(&[VERSION, 0]);
    event.extend_from_slice(&(METADATA_BYTES as u16).to_ne_bytes());
    event.extend_from_slice(&mask.to_ne_bytes());
    event.extend_from_slice(&(-1i32).to_ne_bytes());
    event.extend_from_slice(&pid.to_ne_bytes());
    event.extend_from_slice(&body);
    event
}

fn handle_bytes(data: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(data.len()).unwrap().to_ne_bytes().to_vec();
    bytes.extend_from_slice(&1i32.to_ne_bytes());
    bytes.extend_from_slice(data);
    bytes
}

fn place_info(kind: u8, data: &[u8], name: &[u8]) -> (u8, Vec<u8>) {
    let mut body = vec![7; FSID_BYTES];
    body.extend_from_slice(&handle_bytes(data));
    if !name.is_empty() {
        body.extend_from_slice(name);
        body.push(0);
    }
    (kind, body)
}

#[test]
fn a_rename_carries_both_places_and_the_object() {
    let bytes = write_event(
        0x1000_0000,
        42,
        &[
            place_info(OLD_DFID_NAME, b"directory", b"a\nb"),
            place_info(NEW_DFID_NAME, b"elsewhere", b"\xff"),
            place_info(FID, b"file", b""),
        ],
    );
    let record = records(&bytes).next().unwrap().unwrap();
    assert_eq!((record.mask, record.pid), (0x1000_0000, 42));
    assert_eq!(record.old, Some(Place { directory: &handle_bytes(b"directory"), name: b"a\nb" }));
    assert_eq!(record.new, Some(Place { directory: &handle_bytes(b"elsewhere"), name: b"\xff" }));
    assert_eq!(record.object, Some(&handle_bytes(b"file")[..]));
    assert_eq!(record.place, None);
}

#[test]
fn unknown_records_are_passed_over_and_an_overflow_has_none() {
    let mut bytes = write_event(2, 1, &[(99, vec![1, 2, 3]), place_info(DFID_NAME, b"d", b"name")]);
    bytes.extend_from_slice(&write_event(0x4000, 0, &[]));
    let all: Vec<_> = records(&bytes).collect::<Result<_, _>>().unwrap();
    assert_eq!(all[0].place.unwrap().name, b"name");
    assert_eq!(all[1], Record { mask: 0x4000, ..Record::default() });
}

#[test]
fn wrong_lengths_and_versions_end_the_buffer_with_an_error() {
    let good = write_event(2, 1, &[place_info(DFID_NAME, b"d", b"name")]);
    for (at, value) in [(0, 0), (0, 255), (4, 9), (6, 0), (26, 0), (26, 255), (36, 255)] {
        let mut bad = good.clone();
        bad[at] = value;
        bad.extend_from_slice(&good);
        let all: Vec<_> = records(&bad).collect();
        assert!(all.iter().any(Result::is_err), "byte {at} = {value}: {all:?}");
        assert!(all.iter().rev().skip(1).all(Result::is_ok), "nothing follows an error");
    }
}

proptest! {
    #[test]
    fn any_bytes_end_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(records(&bytes).count() <= bytes.len() / METADATA_BYTES + 1);
    }

    #[test]
    fn damaged_events_end_without_panic(
        damage in proptest::collection::vec((0usize..200, any::<u8>()), 1..8),
        name in proptest::collection::vec(1u8.., 1..80),
    ) {
        let mut bytes = write_event(1, 1, &[place_info(DFID_NAME, b"directory", &name), place_info(FID, b"x", b"")]);
        for (at, value) in damage {
            let length = bytes.len();
            bytes[at % length] = value;
        }
        let _ = records(&bytes).count();
    }

    #[test]
    fn what_the_kernel_writes_is_read_back(
        events in proptest::collection::vec(
            (any::<u64>(), 0..i32::MAX, proptest::collection::vec(any::<u8>(), 0..128), "[^/\0]{1,60}"), 0..20),
    ) {
        let mut bytes = Vec::new();
        for (mask, pid, data, name) in &events {
            bytes.extend(write_event(*mask, *pid, &[place_info(DFID_NAME, data, name.as_bytes())]));
        }
        let read: Vec<_> = records(&bytes).collect::<Result<_, _>>().unwrap();
        prop_assert_eq!(read.len(), events.len());
        for (record, (mask, pid, data, name)) in read.iter().zip(&events) {
            prop_assert_eq!(record.mask, *mask);
            prop_assert_eq!(i64::from(record.pid), i64::from(*pid));
            let handle = handle_bytes(data);
            prop_assert_eq!(record.place, Some(Place { directory: &handle, name: name.as_bytes() }));
        }
    }
}
