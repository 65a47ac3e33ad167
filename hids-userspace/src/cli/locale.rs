//! Whether the terminal shows more than ASCII, and what stands for the rest where it does not.

use std::borrow::Cow;
use std::env;
use std::ffi::OsString;
use std::sync::OnceLock;

/// Whether the locale of this process is UTF-8.
pub(super) fn shows_utf8() -> bool {
    static SHOWS: OnceLock<bool> = OnceLock::new();
    *SHOWS.get_or_init(|| is_utf8(|name| env::var_os(name)))
}

/// `text` as a terminal of this locale can show it. To be called only for a terminal: a file and a pipe get UTF-8.
pub(super) fn on_terminal(text: &str) -> Cow<'_, str> {
    if shows_utf8() { Cow::Borrowed(text) } else { ascii(text) }
}

/// By the environment, as the C library decides: the first of these that is set and not empty counts.
fn is_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// Our own signs as ASCII of the same width; any other character by its number, since the bytes of its UTF-8 are
/// control characters to some 8-bit terminals.
fn ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\0'..='\x7f' => shown.push(char),
            '…' => shown.push('~'),
            '→' => shown.push('>'),
            '└' => shown.push('`'),
            '├' => shown.push('+'),
            '│' => shown.push('|'),
            '─' | '–' | '—' => shown.push('-'),
            _ => shown.extend(char.escape_unicode()),
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_counts() {
        let is_utf8 = |set: &[(&str, &str)]| {
            is_utf8(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        assert!(is_utf8(&[("LANG", "de_DE.UTF-8")]));
        assert!(is_utf8(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!is_utf8(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!is_utf8(&[("LANG", "de_DE.ISO-8859-1")]));
        assert!(!is_utf8(&[]));
    }

    #[test]
    fn own_signs_keep_their_width_and_other_characters_show_their_number() {
        assert_eq!(ascii("└─ rule 5720: size 1 → 2 …"), "`- rule 5720: size 1 > 2 ~");
        assert_eq!(ascii("/home/日"), "/home/\\u{65e5}");
        assert!(matches!(ascii("plain\n\x1b[31m"), Cow::Borrowed(_)), "colours pass");
    }
}
