//! Loads BPF programs, and retries if a signal interrupts the verifier.

use std::io;

use aya::programs::ProgramError;

/// Calls before an interruption is believed to be something else. libbpf makes five; a process that
/// gets many signals needs more.
const ATTEMPTS: usize = 50;

/// Calls `load` until it is not interrupted: the kernel's verifier gives up with `EAGAIN` when the thread
/// has a signal to see to (`do_check()` in `kernel/bpf/verifier.c`), which coming back has done.
///
/// # Errors
/// The kernel's last answer.
pub(crate) fn uninterrupted(load: impl FnMut() -> Result<(), ProgramError>) -> Result<(), ProgramError> {
    repeated(load, |error| match error {
        ProgramError::LoadError { io_error, .. } => io_error.kind() == io::ErrorKind::WouldBlock,
        _ => false,
    })
}

fn repeated<E>(mut load: impl FnMut() -> Result<(), E>, is_interruption: impl Fn(&E) -> bool) -> Result<(), E> {
    for _ in 1..ATTEMPTS {
        match load() {
            Err(error) if is_interruption(&error) => {}
            answer => return answer,
        }
    }
    load()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How often the kernel is asked when it gives `answers` and the last of them again and again.
    fn calls(answers: &[Result<(), &'static str>]) -> (usize, Result<(), &'static str>) {
        let mut calls = 0;
        let load = || {
            calls += 1;
            answers[calls.min(answers.len()) - 1]
        };
        let answer = repeated(load, |error| *error == "interrupted");
        (calls, answer)
    }

    #[test]
    fn interruption_is_no_refusal() {
        assert_eq!(calls(&[Err("interrupted"), Err("interrupted"), Ok(())]), (3, Ok(())));
    }

    #[test]
    fn refusal_is_believed_at_once() {
        assert_eq!(calls(&[Err("interrupted"), Err("refused"), Ok(())]), (2, Err("refused")));
    }

    #[test]
    fn interruptions_without_end_are_told() {
        assert_eq!(calls(&[Err("interrupted")]), (ATTEMPTS, Err("interrupted")));
    }
}
