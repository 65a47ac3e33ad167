//! Elements that hold a mail address.

use hids_core::xml::Element;

use crate::config::value::{Problems, is_mail_address, value_span, word};

/// A mail address without the dot that may end its domain (OSSEC's samples have one).
pub(super) fn address(element: &Element, problems: &mut Problems) -> Option<String> {
    let name = &element.name.value;
    let Some(text) = word(element) else {
        problems.error("C016", &element.name.span, format!("`<{name}>` is empty"), "set a mail address, or remove it");
        return None;
    };
    let bare = text.strip_suffix('.').unwrap_or(text);
    if !is_mail_address(bare) {
        let message = format!("`<{name}>` must be a mail address, found \"{text}\"");
        let help =
            if text.contains([',', ' ', ';']) { "use one element per address" } else { "use the form NAME@DOMAIN" };
        problems.error("C016", &value_span(element), message, help);
        return None;
    }
    if bare.len() < text.len() {
        let message = format!("the dot at the end is dropped, mail servers do not take it: {bare}");
        problems.note("C032", &value_span(element), message, "");
    }
    Some(bare.to_owned())
}
