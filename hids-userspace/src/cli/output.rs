//! Printing for people and programs.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::OnceLock;

use hids_core::escape::{plain_json, visible_string};
use serde_json::Value;

use super::{locale, screen};

/// Prints a JSON value as one line and flushes.
pub(super) fn print_json(value: &Value) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(plain_json(&serde_json::to_string(value)?).as_bytes())?;
    out.write_all(b"\n")?;
    out.flush()?;
    Ok(())
}

/// Prints text, on a terminal in the characters of its locale, and flushes.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let text = for_stdout(text);
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(())
}

/// Text as it goes to standard output.
pub(super) fn for_stdout(text: &str) -> Cow<'_, str> {
    static IS_TERMINAL: OnceLock<bool> = OnceLock::new();
    if *IS_TERMINAL.get_or_init(|| screen::width().is_some()) { locale::on_terminal(text) } else { Cow::Borrowed(text) }
}

/// Prints text to standard error, on a terminal in the characters of its locale. Where standard error is gone, there is
/// no one to report to.
pub(super) fn print_error(text: &str) {
    let mut err = io::stderr().lock();
    let text = if err.is_terminal() { locale::on_terminal(text) } else { Cow::Borrowed(text) };
    let _ = err.write_all(text.as_bytes());
}

/// Whether the reader of our output went away (`hidsctl alerts | head`): no error of ours.
pub(super) fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
            || cause
                .downcast_ref::<serde_json::Error>()
                .is_some_and(|error| error.io_error_kind() == Some(io::ErrorKind::BrokenPipe))
    })
}

/// Text from a log as a terminal may show it, on one line.
pub(super) fn visible(bytes: &[u8]) -> String {
    visible_string(bytes)
}

/// `1 error`, `2 errors`.
pub(super) fn count(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Seconds as `1d 2h`, `19m 58s`, `5s`.
pub(super) fn duration(seconds: u64) -> String {
    let parts = [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let shown: Vec<String> =
        parts.iter().skip_while(|(n, _)| *n == 0).take(2).map(|(n, unit)| format!("{n}{unit}")).collect();
    if shown.is_empty() { "0s".into() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0, 1, 2].map(|number| count(number, "block")), ["0 blocks", "1 block", "2 blocks"]);
    }

    #[test]
    fn durations_show_their_two_largest_units() {
        assert_eq!(duration(0), "0s");
        assert_eq!(duration(1198), "19m 58s");
        assert_eq!(duration(90_000), "1d 1h");
        assert_eq!(duration(86_400), "1d 0h");
    }
}
