//! The part of the disk that records never use.

use super::error::RecordError;
use super::root::Root;
use crate::config::DiskReserve;

/// The usual reserve: this share of the filesystem (in percent) …
const SHARE_PERCENT: u64 = 1;
/// … but no more than this.
const MOST_BYTES: u64 = 128 << 20;

/// An error when less than the reserve is free below `root`.
pub(super) fn check(root: &Root, reserve: DiskReserve) -> Result<(), RecordError> {
    if reserve == DiskReserve::Bytes(0) {
        return Ok(());
    }
    // What cannot be asked must not stop the recording.
    let Ok((free, size)) = root.space() else { return Ok(()) };
    let wanted = wanted(reserve, size);
    if free < wanted {
        let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
        return Err(RecordError::Reserve { path: root.path.clone(), reserve_mebibytes: mebibytes(wanted) });
    }
    Ok(())
}

fn wanted(reserve: DiskReserve, size: u64) -> u64 {
    match reserve {
        DiskReserve::Usual => (size / 100 * SHARE_PERCENT).min(MOST_BYTES),
        DiskReserve::Bytes(bytes) => bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_reserve_is_a_share_with_a_limit() {
        assert_eq!(wanted(DiskReserve::Usual, 4_000_000_000), 40_000_000);
        assert_eq!(wanted(DiskReserve::Usual, 1 << 40), 128 << 20);
        assert_eq!(wanted(DiskReserve::Bytes(7), 1 << 40), 7);
    }
}
