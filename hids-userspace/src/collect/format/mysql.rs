//! MySQL's logs: lines without a time stamp get the one before.

use super::assembler::{Assemble, Emit, Held};
use super::growing::{begins_like, trim_blanks};

/// Puts `MySQL log: ` before each line, and the last time stamp where there is none.
#[derive(Debug, Default)]
pub(super) struct Mysql {
    stamp: Vec<u8>,
}

impl Assemble for Mysql {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        if line.is_empty() {
            return Held::Nothing;
        }
        let length = stamp_length(line);
        let event = if length > 0 {
            self.stamp = line[..length].to_vec();
            [b"MySQL log: ", line].concat()
        } else if matches!(line[0], b' ' | b'\t') && !self.stamp.is_empty() {
            [b"MySQL log: ", &self.stamp[..], b" ", trim_blanks(line)].concat()
        } else {
            [b"MySQL log: ", line].concat()
        };
        emit(&event);
        Held::Nothing
    }
}

/// Length of `YYMMDD hh:mm:ss` (the hour may have one digit) or of an ISO time; 0 when there is none.
fn stamp_length(line: &[u8]) -> usize {
    for shape in [&b"000000 00:00:00"[..], b"000000  0:00:00"] {
        if begins_like(line, shape) {
            return shape.len();
        }
    }
    for shape in [&b"0000-00-00T00:00:00"[..], b"0000-00-00 00:00:00", b"0000-00-00  0:00:00"] {
        if begins_like(line, shape) {
            let rest = line[shape.len()..].iter().position(|byte| matches!(byte, b' ' | b'\t'));
            return rest.map_or(line.len(), |at| shape.len() + at);
        }
    }
    0
}
