//! `queue/syscheck/syscheck`: a line for each file, `FLAGSUM !EPOCH PATH`.

use std::collections::BTreeMap;

use hids_core::model::Digests;

/// Flags before the sums of a line: three characters.
const FLAGS: usize = 3;
/// Flags that mean: changed as often as OSSEC reports, or ignored; the sums are those of an earlier state.
const SILENCED: &[u8] = b"!!?";

/// What OSSEC knew of a file; `None`: not recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownFile {
    /// Seconds since 1970 at which this was recorded.
    pub seen: i64,
    /// Bytes.
    pub size: Option<u64>,
    /// The whole `st_mode`.
    pub mode: Option<u32>,
    /// Owner.
    pub uid: Option<u32>,
    /// Group.
    pub gid: Option<u32>,
    /// Sums.
    pub digests: Digests,
}

/// The files of a database by path, and the number of lines that say nothing of a file.
pub(crate) fn known_files(text: &[u8]) -> (BTreeMap<Vec<u8>, KnownFile>, usize) {
    let mut files = BTreeMap::new();
    let mut other = 0;
    for line in text.split(|&byte| byte == b'\n') {
        // Lines that a later one has replaced, and remarks.
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        match entry(line) {
            Some((path, Some(file))) => drop(files.insert(path, file)),
            // It was gone, or OSSEC kept quiet about it.
            Some((path, None)) => drop(files.remove(&path)),
            None => other += 1,
        }
    }
    (files, other)
}

/// The path with what was known of it, if that can be compared with.
fn entry(line: &[u8]) -> Option<(Vec<u8>, Option<KnownFile>)> {
    let flags = line.get(..FLAGS).filter(|flags| flags.iter().all(|flag| b"+!?".contains(flag)))?;
    let rest = std::str::from_utf8(line.get(FLAGS..)?.split(|&byte| byte == b' ').next()?).ok()?;
    let behind = line.get(FLAGS + rest.len()..)?.strip_prefix(b" !")?;
    let end = behind.iter().position(|&byte| byte == b' ')?;
    let seen = std::str::from_utf8(&behind[..end]).ok()?.parse().ok()?;
    let path = behind.get(end + 1..).filter(|path| path.starts_with(b"/"))?;
    if rest == "-1" || flags == SILENCED {
        return Some((path.to_vec(), None));
    }
    Some((path.to_vec(), Some(KnownFile { seen, ..sums(rest)? })))
}

/// `SIZE:MODE:UID:GID:MD5:SHA1`, and `SHA256` since 4.x.
fn sums(text: &str) -> Option<KnownFile> {
    let fields: Vec<&str> = text.split(':').collect();
    let [size, mode, uid, gid, md5, sha1, rest @ ..] = fields.as_slice() else { return None };
    let (size, mode): (u64, u32) = (size.parse().ok()?, mode.parse().ok()?);
    let (uid, gid): (u32, u32) = (uid.parse().ok()?, gid.parse().ok()?);
    let digests =
        Digests { md5: hex(md5), sha1: hex(sha1), sha256: rest.first().and_then(|sum| hex(sum)), blake3: None };
    // What was not selected is 0; a mode is never 0, and an empty file has sums like any other.
    let has_mode = mode != 0;
    let has_sums = digests != Digests::default();
    Some(KnownFile {
        seen: 0,
        size: (size != 0 || (has_mode && has_sums)).then_some(size),
        mode: has_mode.then_some(mode),
        uid: (uid != 0 || has_mode).then_some(uid),
        gid: (gid != 0 || has_mode).then_some(gid),
        digests,
    })
}

/// The bytes of a sum; `None` for `xxx`.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
    const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";

    #[test]
    fn the_last_line_of_a_file_counts_and_gone_ones_are_no_files() {
        let text = format!(
            "+++5:33188:0:0:{MD5}:xxx:xxx !1700000000 /etc/a b\n#++9:33188:0:0:{MD5}:{SHA1} !1700000000 /etc/a b\n\
             !++7:33261:1:2:{MD5}:{SHA1}:xxx !1700000100 /etc/a b\n+++5:33188:0:0:{MD5}:xxx !1 /etc/gone\n!++-1 !2 \
             /etc/gone\n!!?5:33188:0:0:{MD5}:xxx !3 /etc/quiet\n+++0:0:0:0:{MD5}:xxx:xxx !4 /etc/sum\nnonsense\n"
        );
        let (files, other) = known_files(text.as_bytes());
        assert_eq!((files.len(), other), (2, 1), "{files:?}");
        let file = &files[b"/etc/a b".as_slice()];
        assert_eq!((file.seen, file.size, file.mode), (1_700_000_100, Some(7), Some(33261)));
        assert_eq!((file.uid, file.gid), (Some(1), Some(2)));
        assert!(file.digests.md5.is_some() && file.digests.sha1.is_some() && file.digests.sha256.is_none());
        let sum = &files[b"/etc/sum".as_slice()];
        assert_eq!((sum.size, sum.mode, sum.uid), (None, None, None), "only the sum was selected");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(text in any::<Vec<u8>>(), line in "[+!?#]{0,3}[0-9:x-]{0,30} ![0-9]{0,12} /.{0,9}") {
            known_files(&text);
            known_files(line.as_bytes());
        }
    }
}
