//! An error and its causes in one line.

use std::error::Error;

/// The message with those of the causes, without what it says already. What others wrote in it is not escaped.
pub(crate) fn error_chain(error: &dyn Error) -> String {
    error_chain_without(error, |_| false)
}

/// As [`error_chain`], without the messages of those causes that `is_noise` names.
pub(crate) fn error_chain_without(error: &dyn Error, is_noise: impl Fn(&(dyn Error + 'static)) -> bool) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let message = inner.to_string();
        if !is_noise(inner) && !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open /x")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Middle(#[source] io::Error);

    #[test]
    fn each_cause_is_named_once() {
        let error = Outer(Middle(io::Error::other("disk on fire")));
        assert_eq!(error_chain(&error), "cannot open /x: disk on fire");
        assert_eq!(error_chain_without(&error, |_| true), "cannot open /x");
    }
}
