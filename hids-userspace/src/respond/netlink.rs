//! Reads netlink messages and attributes, and writes dump requests, in safe Rust.
//!
//! Owns nothing. Bytes from the kernel are checked like any others: what does not fit is left out.

use std::io;

use crate::sys::netlink::NetlinkSocket;

const HEADER: usize = 16;
/// Kind of the message that ends a dump.
const DONE: u16 = libc::NLMSG_DONE as u16;
/// Kind of the message that acknowledges or refuses.
const ERROR: u16 = libc::NLMSG_ERROR as u16;
/// Flag: the dump is not consistent because something changed meanwhile.
const DUMP_INTERRUPTED: u16 = libc::NLM_F_DUMP_INTR as u16;

/// One message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Message<'a> {
    /// Kind.
    pub kind: u16,
    /// Flags.
    pub flags: u16,
    /// Number of the request that it belongs to.
    pub sequence: u32,
    /// Socket that caused it.
    pub port: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl Message<'_> {
    /// The outcome that the kernel reports, if this message reports one.
    pub(super) fn outcome(&self) -> Option<io::Result<()>> {
        if self.kind != ERROR {
            return None;
        }
        let code = i32_at(self.payload, 0)?;
        Some(if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(code.saturating_neg())) })
    }
}

/// The messages of a datagram.
pub(super) fn messages(mut datagram: &[u8]) -> impl Iterator<Item = Message<'_>> {
    std::iter::from_fn(move || {
        let length = u32_at(datagram, 0)? as usize;
        if length < HEADER || length > datagram.len() {
            return None;
        }
        let message = Message {
            kind: u16_at(datagram, 4)?,
            flags: u16_at(datagram, 6)?,
            sequence: u32_at(datagram, 8)?,
            port: u32_at(datagram, 12)?,
            payload: &datagram[HEADER..length],
        };
        datagram = datagram.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(message)
    })
}

/// The attributes in `bytes`: kind without its flag bits, and value.
pub(super) fn attributes(mut bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(bytes, 0)?);
        if length < 4 || length > bytes.len() {
            return None;
        }
        let attribute = (u16_at(bytes, 2)? & 0x3fff, &bytes[4..length]);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some(attribute)
    })
}

/// The value of the first attribute of a kind.
pub(super) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).find(|(found, _)| *found == kind).map(|(_, value)| value)
}

/// A request: header, then `body` (a family header and attributes).
pub(super) fn request(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(&((HEADER + body.len()) as u32).to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&(flags | libc::NLM_F_REQUEST as u16).to_ne_bytes());
    bytes.extend_from_slice(&sequence.to_ne_bytes());
    bytes.extend_from_slice(&0u32.to_ne_bytes());
    bytes.extend_from_slice(body);
    bytes
}

/// Appends an attribute that holds a NUL-terminated text.
pub(super) fn push_text(body: &mut Vec<u8>, kind: u16, text: &str) {
    let length = 4 + text.len() + 1;
    body.extend_from_slice(&(length as u16).to_ne_bytes());
    body.extend_from_slice(&kind.to_ne_bytes());
    body.extend_from_slice(text.as_bytes());
    body.resize(body.len() + 1 + (length.next_multiple_of(4) - length), 0);
}

/// What an attribute holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    /// A value.
    Bytes,
    /// Other attributes.
    Attributes,
}

/// An attribute, padded.
pub(super) fn nested(kind: u16, value: &[u8], holds: Holds) -> Vec<u8> {
    let flag = if holds == Holds::Attributes { libc::NLA_F_NESTED as u16 } else { 0 };
    let length = 4 + value.len();
    let mut bytes = Vec::with_capacity(length.next_multiple_of(4));
    bytes.extend_from_slice(&(length as u16).to_ne_bytes());
    bytes.extend_from_slice(&(kind | flag).to_ne_bytes());
    bytes.extend_from_slice(value);
    bytes.resize(length.next_multiple_of(4), 0);
    bytes
}

/// Sends a dump request and hands each message of the answer to `each`.
///
/// A dump that the kernel calls inconsistent is asked for again, a few times.
pub(super) fn dump(socket: &NetlinkSocket, request: &[u8], mut each: impl FnMut(&Message<'_>)) -> io::Result<Dumped> {
    let mut buffer = vec![0u8; 128 * 1024];
    socket.send(request)?;
    let sequence = u32_at(request, 8).unwrap_or(0);
    let mut dumped = Dumped::Consistent;
    loop {
        // The kernel fills the queue again whenever it has been read: an empty queue is an error.
        let Some(datagram) = socket.try_receive(&mut buffer)? else {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "incomplete response from the kernel"));
        };
        for message in messages(datagram).filter(|message| message.sequence == sequence) {
            if message.flags & DUMP_INTERRUPTED != 0 {
                dumped = Dumped::Inconsistent;
            }
            if message.kind == DONE {
                return match i32_at(message.payload, 0) {
                    Some(code) if code < 0 => Err(io::Error::from_raw_os_error(code.saturating_neg())),
                    _ => Ok(dumped),
                };
            }
            match message.outcome() {
                Some(Err(error)) => return Err(error),
                Some(Ok(())) => return Ok(dumped),
                None => each(&message),
            }
        }
    }
}

/// Whether a dump shows one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dumped {
    /// It does.
    Consistent,
    /// Something changed while it was read.
    Inconsistent,
}

/// A native-endian number at an offset.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// A native-endian number at an offset.
pub(super) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn i32_at(bytes: &[u8], at: usize) -> Option<i32> {
    u32_at(bytes, at).map(u32::cast_signed)
}

/// A whole value as a big-endian number, as nf_tables writes them.
pub(super) fn be_u64(value: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(value.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
            for message in messages(&bytes) {
                let _ = message.outcome();
                for (_, value) in attributes(message.payload) {
                    let _ = attributes(value).count();
                }
            }
            let _ = attributes(&bytes).count();
        }
    }

    #[test]
    fn a_request_reads_back() {
        let mut body = vec![1, 0, 0, 0];
        push_text(&mut body, 1, "hids");
        let bytes = request(7, 0x300, 5, &body);
        let message = messages(&bytes).next().expect("one message");
        assert_eq!((message.kind, message.sequence), (7, 5));
        assert_eq!(attribute(&message.payload[4..], 1), Some(&b"hids\0"[..]));
    }
}
