//! A log as chunks of whole lines.

use std::io::{self, Read};

/// Longest line that is analysed whole; the collector cuts at the same length.
const LINE_LIMIT_BYTES: usize = 64 * 1024;

/// Bytes read at a time: the prepared lines still fit a processor's cache.
const CHUNK_BYTES: u64 = 256 << 10;

/// The whole lines of a log, some hundred kibibytes at a time.
pub(super) struct Chunks {
    log: Box<dyn Read + Send>,
    rest: Vec<u8>,
    is_over: bool,
}

impl Chunks {
    pub(super) fn new(log: Box<dyn Read + Send>) -> Self {
        Self { log, rest: Vec::new(), is_over: false }
    }
}

/// The lines of a chunk, without their ends, cut where the collector would cut them.
pub(super) fn lines(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let chunk = chunk.strip_suffix(b"\n").unwrap_or(chunk);
    let mut rest = Some(chunk);
    std::iter::from_fn(move || {
        let text = rest?;
        let line = match memchr::memchr(b'\n', text) {
            Some(end) => {
                rest = Some(&text[end + 1..]);
                &text[..end]
            }
            None => {
                rest = None;
                text
            }
        };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Some(&line[..line.len().min(LINE_LIMIT_BYTES)])
    })
}

impl Iterator for Chunks {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let mut chunk = std::mem::take(&mut self.rest);
        loop {
            let before = chunk.len();
            // So that what cannot say its size is read in few pieces, too.
            chunk.reserve(CHUNK_BYTES as usize);
            match (&mut self.log).take(CHUNK_BYTES).read_to_end(&mut chunk) {
                Ok(0) => {
                    self.is_over = true;
                    return (!chunk.is_empty()).then_some(Ok(chunk));
                }
                Ok(_) => {}
                Err(error) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
            // Only what is new can hold a line end; a line may be longer than a chunk.
            if let Some(end) = memchr::memrchr(b'\n', &chunk[before..]) {
                self.rest = chunk.split_off(before + end + 1);
                return Some(Ok(chunk));
            }
        }
    }
}
