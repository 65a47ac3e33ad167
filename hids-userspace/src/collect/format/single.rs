//! One line, one event.

use super::assembler::{Assemble, Emit, Held};

/// Emits each line as it is.
#[derive(Debug)]
pub(super) struct Single;

impl Assemble for Single {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        emit(line);
        Held::Nothing
    }
}
