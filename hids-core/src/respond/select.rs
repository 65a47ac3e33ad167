//! Takes the fields that a response needs out of an alert, or says why it must not.

use std::net::IpAddr;

use super::action::{ExpectedField, Refusal};
use super::address::{canonical, contained_address, without_zone};
use super::policy::{Expect, Response, ResponseKind};
use super::protected::ProtectedSet;
use crate::model::{Alert, FieldName};

/// Longest user or source text that is handed to a program.
const LONGEST_TEXT: usize = 256;

/// Whom a response is directed against.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// The peer, if it is an address.
    pub address: Option<IpAddr>,
    /// The peer as a program's argument, or `-`.
    pub ip: String,
    /// The user, or `-`.
    pub user: String,
    /// The file name, or `-`.
    pub file_name: Vec<u8>,
}

/// Why there is no target.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoTarget {
    /// A field is missing: the response is passed over silently, as in OSSEC.
    Missing,
    /// A field must not be used; its text and the reason.
    Refused(Vec<u8>, Option<IpAddr>, Refusal),
}

/// The target of `response` in `alert` (OSSEC `src/analysisd/active-response.c`, `exec.c`).
///
/// Stricter than OSSEC, which hands any text of its allowed characters to a script: a text that
/// begins with `-` could be read as an option, and one such as `127.1`, `0x7f.1` or `2130706433`
/// as an address that the never-block list does not recognise; both are refused. The machine's own
/// addresses are as protected from programs as from native blocks.
pub(super) fn target(response: &Response, alert: &Alert, protected: &ProtectedSet) -> Result<Target, NoTarget> {
    let user = if response.expects(Expect::User) { user(alert)? } else { "-".into() };
    let (address, ip) = if response.expects(Expect::SourceAddress) {
        source(alert, protected, &response.kind)?
    } else {
        (None, "-".into())
    };
    let file_name = if response.expects(Expect::FileName) { file_name(alert)? } else { b"-".to_vec() };
    Ok(Target { address, ip, user, file_name })
}

fn user(alert: &Alert) -> Result<String, NoTarget> {
    let value =
        present(alert, &FieldName::DstUser).or_else(|| present(alert, &FieldName::SrcUser)).ok_or(NoTarget::Missing)?;
    clean(value, b"._@?-").ok_or_else(|| unclean(value, ExpectedField::User))
}

fn source(alert: &Alert, protected: &ProtectedSet, kind: &ResponseKind) -> Result<(Option<IpAddr>, String), NoTarget> {
    let value = present(alert, &FieldName::SrcIp).ok_or(NoTarget::Missing)?;
    let zoned = without_zone(value).map(|address| address.to_string());
    // An address with a port, a zone or a name is not an attack.
    let is_ordinary = |byte: &u8| byte.is_ascii_alphanumeric() || b".:_-[]%/#".contains(byte);
    let strange = || match contained_address(value).filter(|_| value.iter().all(is_ordinary)) {
        Some(address) => NoTarget::Refused(value.to_vec(), Some(address), Refusal::NotAnAddress),
        None => unclean(value, ExpectedField::SourceAddress),
    };
    let text = zoned.or_else(|| clean(value, b".:_-")).ok_or_else(strange)?;
    let bare = text.strip_prefix("::ffff:").unwrap_or(&text);
    let address = text.parse::<IpAddr>().or_else(|_| bare.parse::<IpAddr>()).ok().map(canonical);
    let refused = |refusal| NoTarget::Refused(value.to_vec(), address, refusal);
    if let Some(address) = address {
        if let Some(reason) = protected.protects(address) {
            return Err(refused(Refusal::NeverBlock(reason)));
        }
        let text = address.to_string();
        if protected.protects_text(bare) || protected.protects_text(&text) {
            return Err(refused(Refusal::WhiteListedName));
        }
        return Ok((Some(address), text));
    }
    if protected.protects_text(bare) {
        return Err(refused(Refusal::WhiteListedName));
    }
    if *kind == ResponseKind::Block || !is_host_name(bare) {
        return Err(refused(Refusal::NotAnAddress));
    }
    Ok((None, bare.to_owned()))
}

fn file_name(alert: &Alert) -> Result<Vec<u8>, NoTarget> {
    let value = present(alert, &FieldName::FileName).ok_or(NoTarget::Missing)?;
    if value.contains(&0) || value.starts_with(b"-") || value.len() > 4096 {
        return Err(unclean(value, ExpectedField::FileName));
    }
    Ok(value.to_vec())
}

fn present<'a>(alert: &'a Alert, name: &FieldName) -> Option<&'a [u8]> {
    alert.fields.value(name).filter(|value| !value.is_empty() && *value != b"-")
}

/// The text, if it has only letters, digits and `others`, and does not begin with `-`.
fn clean(value: &[u8], others: &[u8]) -> Option<String> {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || others.contains(byte);
    if value.len() > LONGEST_TEXT || value.starts_with(b"-") || !value.iter().all(allowed) {
        return None;
    }
    std::str::from_utf8(value).ok().map(str::to_owned)
}

fn unclean(value: &[u8], field: ExpectedField) -> NoTarget {
    NoTarget::Refused(value.to_vec(), None, Refusal::UncleanField(field))
}

/// Whether nothing reads `text` as a numeric address: the C library takes a name whose last label
/// is a decimal, octal or hexadecimal number for one, and anything with a colon for IPv6.
fn is_host_name(text: &str) -> bool {
    let last = text.trim_end_matches('.').rsplit('.').next().unwrap_or("");
    let hexadecimal = last.len() >= 2 && (last.starts_with("0x") || last.starts_with("0X"));
    !text.contains(':') && !last.is_empty() && !hexadecimal && !last.bytes().all(|byte| byte.is_ascii_digit())
}
