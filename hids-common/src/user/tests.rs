extern crate std;

use std::vec::Vec;

use zerocopy::IntoBytes as _;

use super::*;
use crate::record::ExecKey;

fn exec(path: &[u8], path_bytes: u32) -> Vec<u8> {
    let process = Process { pid: 7, exec: ExecKey { time: 9, pid: 7, reserved: 0 }, ..Process::default() };
    let head = ExecHead { kind: Kind::Exec as u32, path_bytes, process, mount_namespace: 3, flags: 1 };
    [head.as_bytes(), path].concat()
}

#[test]
fn record_of_a_start_is_read_with_its_path() {
    let bytes = exec(b"true\0bin\0", 9);
    let Ok(Event::Exec { head, path }) = decode(&bytes) else { panic!("no start") };
    assert_eq!((head.process.pid, head.mount_namespace, path), (7, 3, &b"true\0bin\0"[..]));
}

#[test]
fn record_whose_length_is_wrong_is_refused() {
    let bytes = exec(b"true\0", 5);
    for length in 0..bytes.len() {
        assert_eq!(decode(&bytes[..length]).err(), Some(RecordError::CutOff), "{length} bytes");
    }
    assert_eq!(decode(&exec(b"true\0", 6)).err(), Some(RecordError::CutOff));
    assert_eq!(decode(&exec(b"true\0", 4)).err(), Some(RecordError::CutOff));
}

#[test]
fn unknown_kind_is_named() {
    assert_eq!(decode(&[9, 0, 0, 0, 1]).err(), Some(RecordError::UnknownKind(u32::from_ne_bytes([9, 0, 0, 0]))));
}
