//! Events as the kernel writes them: `struct fanotify_event_metadata` and the info records behind it.
//!
//! Pure and bounds-checked: whatever the bytes are, it returns records or [`Malformed`], and borrows
//! names and handles from the buffer. Layouts are those of `include/uapi/linux/fanotify.h`.

#[cfg(test)]
mod tests;

use crate::sys::fanotify::HANDLE_HEADER_BYTES;

/// Version of the layout (`FANOTIFY_METADATA_VERSION`).
const VERSION: u8 = 3;
/// Length of `struct fanotify_event_metadata`.
const METADATA_BYTES: usize = 24;
/// Length of `struct fanotify_event_info_header`: type, padding, length.
const INFO_HEADER_BYTES: usize = 4;
/// Length of the filesystem identifier before a handle.
const FSID_BYTES: usize = 8;

// Types of info records (`FAN_EVENT_INFO_TYPE_*`).
const FID: u8 = 1;
const DFID_NAME: u8 = 2;
const DFID: u8 = 3;
const OLD_DFID_NAME: u8 = 10;
const NEW_DFID_NAME: u8 = 12;

/// One event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record<'a> {
    /// What happened, `FAN_*` bits.
    pub mask: u64,
    /// Who did it; 0 when the process is outside the daemon's PID namespace.
    pub pid: u32,
    /// The object's own handle, where the kernel reports it.
    pub object: Option<&'a [u8]>,
    /// Directory and name; the object itself when it is a directory and the name is `.`.
    pub place: Option<Place<'a>>,
    /// Where it was before a `FAN_RENAME`; missing when that directory is not marked.
    pub old: Option<Place<'a>>,
    /// Where it is after a `FAN_RENAME`; missing when that directory is not marked.
    pub new: Option<Place<'a>>,
}

/// A name in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The directory's handle, header and data, as `open_by_handle_at(2)` takes it.
    pub directory: &'a [u8],
    /// Any bytes but NUL and slash; empty when the kernel reported the directory alone.
    pub name: &'a [u8],
}

/// The bytes are not what a kernel writes: from here on to the end of the buffer nothing is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kernel's file events cannot be read: {0}")]
pub struct Malformed(pub &'static str);

/// The events in what one `read(2)` gave. After an error there are no more.
pub fn records(buffer: &[u8]) -> Records<'_> {
    Records { rest: buffer }
}

/// Iterator of [`records`].
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match event(self.rest) {
            Ok((record, rest)) => {
                self.rest = rest;
                Some(Ok(record))
            }
            Err(malformed) => {
                self.rest = &[];
                Some(Err(malformed))
            }
        }
    }
}

/// One event and what follows it.
fn event(bytes: &[u8]) -> Result<(Record<'_>, &[u8]), Malformed> {
    let metadata: &[u8; METADATA_BYTES] = bytes.first_chunk().ok_or(Malformed("an event is cut off"))?;
    let [l0, l1, l2, l3, version, _, m0, m1, ..] = *metadata;
    if version != VERSION {
        return Err(Malformed("the version of the layout is not 3"));
    }
    let length = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
    let metadata_length = usize::from(u16::from_ne_bytes([m0, m1]));
    if metadata_length < METADATA_BYTES || length < metadata_length {
        return Err(Malformed("an event is shorter than its header"));
    }
    let (whole, rest) = bytes.split_at_checked(length).ok_or(Malformed("an event is longer than the buffer"))?;
    let [.., k0, k1, k2, k3, k4, k5, k6, k7, _, _, _, _, p0, p1, p2, p3] = *metadata;
    let mut record = Record {
        mask: u64::from_ne_bytes([k0, k1, k2, k3, k4, k5, k6, k7]),
        pid: u32::try_from(i32::from_ne_bytes([p0, p1, p2, p3])).unwrap_or(0),
        ..Record::default()
    };
    let mut infos = whole.get(metadata_length..).unwrap_or_default();
    while !infos.is_empty() {
        infos = info(infos, &mut record)?;
    }
    Ok((record, rest))
}

/// Takes one info record into `record` and returns what follows it.
fn info<'a>(bytes: &'a [u8], record: &mut Record<'a>) -> Result<&'a [u8], Malformed> {
    let header: &[u8; INFO_HEADER_BYTES] = bytes.first_chunk().ok_or(Malformed("an info record is cut off"))?;
    let [kind, _, l0, l1] = *header;
    let length = usize::from(u16::from_ne_bytes([l0, l1]));
    if length < INFO_HEADER_BYTES {
        return Err(Malformed("an info record is shorter than its header"));
    }
    let (whole, rest) = bytes.split_at_checked(length).ok_or(Malformed("an info record is longer than its event"))?;
    let body = whole.get(INFO_HEADER_BYTES..).unwrap_or_default();
    match kind {
        FID => record.object = Some(handle(body)?.0),
        DFID | DFID_NAME => record.place = Some(place(body)?),
        OLD_DFID_NAME => record.old = Some(place(body)?),
        NEW_DFID_NAME => record.new = Some(place(body)?),
        // Others (a process descriptor, an error, a range) are never asked for.
        _ => {}
    }
    Ok(rest)
}

fn place(body: &[u8]) -> Result<Place<'_>, Malformed> {
    let (directory, after) = handle(body)?;
    // The name ends with NUL; padding of more NULs follows.
    let name = after.split(|&byte| byte == 0).next().unwrap_or_default();
    if name.contains(&b'/') {
        return Err(Malformed("a name holds a slash"));
    }
    Ok(Place { directory, name })
}

/// The handle behind the filesystem identifier, and what follows it.
fn handle(body: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    let bytes = body.get(FSID_BYTES..).ok_or(Malformed("a filesystem identifier is cut off"))?;
    let length: &[u8; 4] = bytes.first_chunk().ok_or(Malformed("a handle is cut off"))?;
    let whole = HANDLE_HEADER_BYTES.saturating_add(u32::from_ne_bytes(*length) as usize);
    bytes.split_at_checked(whole).ok_or(Malformed("a handle is longer than its record"))
}
