//! Where the parts of a line are.

use std::ops::Range;

use crate::predecode::Predecoded;

/// Host, program and message, as places in the line.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    pub hostname: Option<Range<usize>>,
    pub program_name: Option<Range<usize>>,
    pub log: Range<usize>,
}

impl Parts {
    pub(super) fn of(line: &[u8], found: &Predecoded<'_>) -> Self {
        let range = |part: &[u8]| {
            // A part of `line`, so that the difference is an offset in it.
            let start = (part.as_ptr() as usize).saturating_sub(line.as_ptr() as usize);
            start..start + part.len()
        };
        Self {
            hostname: found.hostname.map(range),
            program_name: found.program_name.map(range),
            log: found.log_offset..found.log_offset + found.log.len(),
        }
    }
}
