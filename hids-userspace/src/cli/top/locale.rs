//! Whether the terminal shows more than ASCII.

use std::ffi::OsString;

/// By the environment, as the C library decides: the first of these that is set and not empty counts.
pub(super) fn is_utf8(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .unwrap_or_default();
    let locale = locale.to_string_lossy().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_first_variable_that_is_set_counts() {
        let is_utf8 = |set: &[(&str, &str)]| {
            super::is_utf8(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into()))
        };
        assert!(is_utf8(&[("LANG", "de_DE.UTF-8")]));
        assert!(is_utf8(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]));
        assert!(!is_utf8(&[("LC_ALL", "C"), ("LANG", "en_US.UTF-8")]));
        assert!(!is_utf8(&[("LANG", "de_DE.ISO-8859-1")]));
        assert!(!is_utf8(&[]));
    }
}
