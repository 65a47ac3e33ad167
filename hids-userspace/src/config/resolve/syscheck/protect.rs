//! `<protect_mode>` and `<protect_allow>`: what becomes of writes below `protect="yes"`.

use std::path::PathBuf;

use hids_core::fim::PACKAGE_MANAGERS;
use hids_core::xml::{Attribute, Element};

use super::super::Context;
use crate::config::known::SectionKind::Syscheck;
use crate::config::value::{Problems, value_span, word};
use crate::config::{ProtectAllow, ProtectMode};

/// Programs of this project, beside the running one.
const OWN: [&str; 2] = ["hidsd", "hidsctl"];

pub(super) fn mode(context: &Context<'_>) -> ProtectMode {
    match context.raw.last(Syscheck, "protect_mode").and_then(word) {
        Some("enforce") => ProtectMode::Enforce,
        _ => ProtectMode::Monitor,
    }
}

pub(super) fn allowed(context: &mut Context<'_>) -> Vec<ProtectAllow> {
    let raw = context.raw;
    let mut allowed = Vec::new();
    let mut given = false;
    for element in raw.all(Syscheck, "protect_allow") {
        given = true;
        allowed.extend(one(element, context.problems));
    }
    // Who may write where nobody is named.
    if !given {
        allowed.extend(PACKAGE_MANAGERS.iter().map(|path| ProtectAllow { path: PathBuf::from(path), sha256: None }));
    }
    // An update of the daemon by the daemon, and a change of its state, must work whatever is given.
    let here = std::env::current_exe().ok().and_then(|path| path.parent().map(PathBuf::from));
    let own = here.into_iter().flat_map(|folder| OWN.map(|name| folder.join(name)));
    for path in own.filter(|path| path.is_file()) {
        if !allowed.iter().any(|known| known.path == path) {
            allowed.push(ProtectAllow { path, sha256: None });
        }
    }
    allowed
}

fn one(element: &Element, problems: &mut Problems) -> Option<ProtectAllow> {
    let mut sha256 = None;
    for attribute in &element.attributes {
        match attribute.name.value.as_str() {
            "sha256" => sha256 = Some(sum(attribute, problems)?),
            name => {
                let message = format!("`<protect_allow>` has no attribute `{name}`");
                problems.error("C007", &attribute.name.span, message, "the only attribute is sha256=\"…\"");
            }
        }
    }
    let Some(text) = word(element) else {
        problems.error("C019", &element.name.span, "`<protect_allow>` is empty", "set the path of an executable");
        return None;
    };
    if !text.starts_with('/') {
        let message = format!("`<protect_allow>` must be an absolute path, found \"{text}\"");
        problems.error("C018", &value_span(element), message, "use an absolute path");
        return None;
    }
    if !std::path::Path::new(text).is_file() {
        let message = format!("`<protect_allow>`: {text} does not exist and has no effect");
        problems.warning("C054", &value_span(element), message, "fix the path, or remove it");
    }
    Some(ProtectAllow { path: text.into(), sha256 })
}

/// 64 hexadecimal digits.
fn sum(attribute: &Attribute, problems: &mut Problems) -> Option<[u8; 32]> {
    let text = attribute.value.value.as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes: Option<Vec<u8>> =
        text.chunks(2).map(|pair| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)).collect();
    let sum = bytes.and_then(|bytes| bytes.try_into().ok());
    if sum.is_none() {
        let message = "attribute `sha256` must be 64 hexadecimal digits";
        problems.error("C011", &attribute.value.span, message, "run `sha256sum FILE` to get them");
    }
    sum
}
