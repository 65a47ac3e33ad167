//! Input of `replay`: plain and gzip-compressed files, and standard input.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use flate2::read::MultiGzDecoder;

/// The name that stands for standard input.
const STANDARD_INPUT: &str = "-";

/// Enough of the beginning to know every format of [`REFUSED`] by.
const MAGIC_BYTES: usize = 10;

/// RFC 1952, section 2.3.1.
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Formats that are not read: how each begins, its name, and the program that unpacks it to standard output.
///
/// Sources: the file format descriptions of xz (2.1.1.1), RFC 8878 (3.1.1), bzip2 (block header after the
/// stream header), LZ4 frames, compress(1), and APPNOTE.TXT of ZIP (4.3.7).
const REFUSED: [(&[u8], &str, &str); 6] = [
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], "xz", "xz -dc"),
    (&[0x28, 0xb5, 0x2f, 0xfd], "zstd", "zstd -dc"),
    (b"BZh", "bzip2", "bzip2 -dc"),
    (&[0x04, 0x22, 0x4d, 0x18], "lz4", "lz4 -dc"),
    (&[0x1f, 0x9d], "compress", "uncompress -c"),
    (b"PK\x03\x04", "zip", "unzip -p"),
];

/// After `BZh` and the block size of a bzip2 file: pi, or its square root in an empty one.
const BZIP2_BLOCKS: [&[u8]; 2] = [&[0x31, 0x41, 0x59, 0x26, 0x53, 0x59], &[0x17, 0x72, 0x45, 0x38, 0x50, 0x90]];

/// Something to analyse.
pub(super) struct Input {
    /// Gives the bytes of the log, unpacked.
    pub reader: Box<dyn Read + Send>,
    /// When it was written last; the present moment for a pipe.
    pub modified: SystemTime,
    /// What its lines are said to come from.
    pub location: String,
    /// Bytes taken from the file so far, as they lie there.
    pub consumed: Arc<AtomicU64>,
}

impl Input {
    /// Opens a file, or standard input when `path` is `-`.
    ///
    /// # Errors
    /// It cannot be read, or it is compressed in a way other than gzip.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let is_standard = is_standard_input(path);
        let file = match is_standard {
            true => File::from(io::stdin().as_fd().try_clone_to_owned()?),
            false => File::open(path)?,
        };
        let meta = file.metadata()?;
        #[expect(clippy::disallowed_methods, reason = "as a file has it")]
        let modified = if meta.is_file() { meta.modified().unwrap_or(UNIX_EPOCH) } else { SystemTime::now() };
        let consumed: Arc<AtomicU64> = Arc::default();
        let mut raw = Counted { file, consumed: Arc::clone(&consumed) };
        let mut begin = Vec::with_capacity(MAGIC_BYTES);
        raw.by_ref().take(MAGIC_BYTES as u64).read_to_end(&mut begin)?;
        if let Some((name, unpack)) = refused(&begin) {
            anyhow::bail!(
                "compressed with {name}; only gzip is supported. Use a pipe: {unpack} FILE | hidsctl replay -"
            );
        }
        let is_gzip = begin.starts_with(GZIP);
        let whole = Cursor::new(begin).chain(raw);
        let reader: Box<dyn Read + Send> =
            if is_gzip { Box::new(Unpacked(MultiGzDecoder::new(whole))) } else { Box::new(whole) };
        let location = if is_standard { "stdin".to_owned() } else { path.to_string_lossy().into_owned() };
        Ok(Self { reader, modified, location, consumed })
    }
}

/// Whether `path` stands for standard input.
pub(super) fn is_standard_input(path: &Path) -> bool {
    path == Path::new(STANDARD_INPUT)
}

fn refused(begin: &[u8]) -> Option<(&'static str, &'static str)> {
    let (_, name, unpack) = REFUSED.iter().find(|(magic, ..)| begin.starts_with(magic))?;
    // Three letters may begin a line of text as well.
    let is_text = *name == "bzip2" && !begin.get(4..).is_some_and(|block| BZIP2_BLOCKS.contains(&block));
    (!is_text).then_some((name, unpack))
}

/// Counts what is read, for the progress bar.
struct Counted {
    file: File,
    consumed: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.consumed.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// Says of an error that it is one of the compression, which the decoder's own words do not.
struct Unpacked<R>(MultiGzDecoder<R>);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, format!("the gzip file is corrupt or truncated: {error}")),
        })
    }
}

/// Size of all files as they lie on disk; 0 when one of them has none, as pipes.
pub(super) fn total_bytes(files: &[std::path::PathBuf]) -> u64 {
    let size = |path: &std::path::PathBuf| path.metadata().ok().filter(|file| file.is_file()).map(|file| file.len());
    files.iter().map(size).sum::<Option<u64>>().unwrap_or(0)
}

/// Opens `path` and names it should that fail.
pub(super) fn open(path: &Path) -> anyhow::Result<Input> {
    Input::open(path).with_context(|| format!("cannot analyse {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_files_are_known_by_how_they_begin_and_text_is_not_one() {
        for (begin, name) in [
            (&b"\xfd7zXZ\0\0\0\0\0"[..], Some("xz")),
            (b"\x28\xb5\x2f\xfd\x24\x00", Some("zstd")),
            (b"BZh91AY&SY", Some("bzip2")),
            (b"BZh9\x17\x72\x45\x38\x50\x90", Some("bzip2")),
            (b"\x04\x22\x4d\x18", Some("lz4")),
            (b"\x1f\x9d\x90", Some("compress")),
            (b"PK\x03\x04", Some("zip")),
            (b"BZh9 says h", None),
            (b"BZh", None),
            (b"Nov 24 10:", None),
            (b"", None),
        ] {
            assert_eq!(refused(begin).map(|(name, _)| name), name, "{begin:?}");
        }
    }
}
