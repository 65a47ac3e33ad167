//! An event that is made of several lines.

use super::assembler::{Emit, MAX_EVENT_BYTES};

/// An event that grows line by line.
#[derive(Debug, Default)]
pub(super) struct Growing {
    bytes: Vec<u8>,
    pub(super) lines: usize,
}

impl Growing {
    pub(super) fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Appends a line after a blank.
    pub(super) fn add(&mut self, line: &[u8]) {
        if self.lines > 0 {
            self.append(b" ");
        }
        self.append(line);
        self.lines += 1;
    }

    fn append(&mut self, bytes: &[u8]) {
        let room = MAX_EVENT_BYTES.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Emits the event, if there is one.
    pub(super) fn finish(&mut self, emit: Emit<'_>) {
        if self.lines > 0 {
            emit(&self.bytes);
        }
        self.clear();
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.lines = 0;
    }
}

/// Whether `line` begins like `shape`, where `0` stands for any digit and all else for itself.
pub(super) fn begins_like(line: &[u8], shape: &[u8]) -> bool {
    line.len() >= shape.len()
        && shape.iter().zip(line).all(|(want, have)| if *want == b'0' { have.is_ascii_digit() } else { want == have })
}

pub(super) fn trim_blanks(line: &[u8]) -> &[u8] {
    let start = line.iter().position(|byte| !matches!(byte, b' ' | b'\t')).unwrap_or(line.len());
    &line[start..]
}
