//! Single values: what they must look like, and what to say when they do not.

use std::net::{IpAddr, Ipv4Addr};

use hids_core::diag::{Diagnostic, Span, closest};
use hids_core::xml::Element;
use ipnet::IpNet;

/// The problems found so far.
#[derive(Default)]
pub(super) struct Problems(pub Vec<Diagnostic>);

impl Problems {
    pub(super) fn error(&mut self, code: &'static str, span: &Span, message: impl Into<String>, help: &str) {
        self.push(Diagnostic::error(code, message), span, help);
    }

    pub(super) fn warning(&mut self, code: &'static str, span: &Span, message: impl Into<String>, help: &str) {
        self.push(Diagnostic::warning(code, message), span, help);
    }

    pub(super) fn note(&mut self, code: &'static str, span: &Span, message: impl Into<String>, help: &str) {
        self.push(Diagnostic::note(code, message), span, help);
    }

    fn push(&mut self, diagnostic: Diagnostic, span: &Span, help: &str) {
        let diagnostic = diagnostic.at(span.clone());
        self.0.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
    }
}

/// A value without blanks at its ends; `None` when nothing is left.
pub(super) fn word(element: &Element) -> Option<&str> {
    Some(element.text.value.trim()).filter(|text| !text.is_empty())
}

/// `yes` or `no`.
pub(super) fn yes_no(element: &Element) -> Option<bool> {
    match element.text.value.trim() {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    }
}

/// A number written with digits only.
pub(super) fn number(element: &Element) -> Option<u64> {
    digits(element.text.value.trim())
}

/// A number written with digits only.
pub(super) fn digits(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

/// The part of `element`'s text that is `part` (a subslice of it), for messages.
pub(super) fn span_of(element: &Element, part: &str) -> Span {
    let whole = &element.text;
    let raw = whole.span.file.text.get(whole.span.start..whole.span.end);
    // With a comment inside, what was written is not what the value holds.
    if raw != Some(whole.value.as_bytes()) {
        return whole.span.clone();
    }
    let offset = (part.as_ptr() as usize).wrapping_sub(whole.value.as_ptr() as usize);
    if offset > whole.value.len() {
        return whole.span.clone();
    }
    let start = whole.span.start + offset;
    Span::new(&whole.span.file, start, (start + part.len()).min(whole.span.end))
}

/// The place of a value without the blanks around it.
pub(super) fn value_span(element: &Element) -> Span {
    span_of(element, element.text.value.trim())
}

/// What an administrator who wrote `2h` has to write, if `text` looks like that.
pub(super) fn seconds_hint(text: &str) -> Option<String> {
    let text = text.trim();
    let end = text.find(|char: char| !char.is_ascii_digit())?;
    let count: u64 = text[..end].parse().ok()?;
    let (unit, seconds) = match text[end..].trim().to_ascii_lowercase().as_str() {
        "s" | "sec" | "secs" | "second" | "seconds" => ("second", 1),
        "m" | "min" | "mins" | "minute" | "minutes" => ("minute", 60),
        "h" | "hour" | "hours" => ("hour", 3600),
        "d" | "day" | "days" => ("day", 86_400),
        "w" | "week" | "weeks" => ("week", 604_800),
        _ => return None,
    };
    let total = count.checked_mul(seconds)?;
    Some(match count {
        1 => format!("one {unit} is {total}"),
        _ => format!("{} {unit}s are {total}", spelt(count)),
    })
}

fn spelt(count: u64) -> String {
    const WORDS: [&str; 13] =
        ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
    usize::try_from(count)
        .ok()
        .and_then(|index| WORDS.get(index))
        .map_or_else(|| count.to_string(), |word| (*word).to_owned())
}

/// "did you mean" for a name that is not one of `candidates`.
pub(super) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    closest(name, candidates).map(|right| format!("did you mean `{right}`?"))
}

/// A mail address as SMTP takes it: one `@`, no blank, no control character, nothing but the address.
pub(crate) fn is_mail_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_fits = !local.is_empty()
        && local.len() <= 64
        && local.chars().all(|char| char.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(char));
    local_fits && is_host_name(domain)
}

/// A host name or address in text form.
pub(super) fn is_host_name(text: &str) -> bool {
    let fits = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
    };
    text.len() <= 253 && !text.is_empty() && text.split('.').all(fits)
}

/// What an entry of an address list says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum AddressEntry {
    /// Every address.
    Any,
    /// One address or network, and a remark if it was not written in the usual form.
    Net(IpNet, Option<String>),
    /// Looks like an address but is none; says why.
    Bad(String),
    /// Something else: a host name.
    Other,
}

/// Reads one entry of an address list, without a leading `!`.
pub(super) fn address_entry(text: &str) -> AddressEntry {
    if text == "any" {
        return AddressEntry::Any;
    }
    let (host, prefix) = match text.split_once('/') {
        Some((host, prefix)) => (host, Some(prefix)),
        None => (text, None),
    };
    let (address, mut remark) = match host.parse::<IpAddr>() {
        Ok(address) => (address, None),
        Err(_) => match classic_ipv4(host) {
            Some(address) => (IpAddr::V4(address), Some(format!("{host} is interpreted as {address}"))),
            None if looks_like_address(host) => return AddressEntry::Bad(format!("{host} is not an address")),
            None if prefix.is_some() => {
                return AddressEntry::Bad(format!("{host} is not an address, so it cannot have a prefix"));
            }
            None => return AddressEntry::Other,
        },
    };
    let width = if address.is_ipv4() { 32 } else { 128 };
    let length = match prefix {
        None => width,
        Some(prefix) => match (digits(prefix), prefix.parse::<Ipv4Addr>()) {
            (Some(length), _) if length <= width => length,
            (None, Ok(mask)) if address.is_ipv4() => match ipnet::ipv4_mask_to_prefix(mask) {
                Ok(length) => {
                    remark = Some(format!(
                        "the netmask {mask} is interpreted as /{length}; OSSEC does not support \
                         netmasks"
                    ));
                    u64::from(length)
                }
                Err(_) => return AddressEntry::Bad(format!("{mask} is not a netmask")),
            },
            _ => return AddressEntry::Bad(format!("/{prefix} is not a prefix length from 0 to {width}")),
        },
    };
    canonical(address, length, remark)
}

/// The network, an IPv4 address written as IPv6 (`::ffff:192.0.2.1`) as IPv4.
fn canonical(address: IpAddr, length: u64, remark: Option<String>) -> AddressEntry {
    let (address, length) = match address {
        IpAddr::V6(v6) if length >= 96 => match v6.to_ipv4_mapped() {
            Some(v4) => (IpAddr::V4(v4), length - 96),
            None => (address, length),
        },
        _ => (address, length),
    };
    match u8::try_from(length).ok().and_then(|length| IpNet::new(address, length).ok()) {
        Some(net) => AddressEntry::Net(net.trunc(), remark),
        None => AddressEntry::Bad(format!("/{length} is not a prefix length")),
    }
}

fn looks_like_address(host: &str) -> bool {
    let numeric = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    numeric || (host.contains(':') && host.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.'))
}

/// The classic BSD forms that the C library takes: fewer than four parts, octal, hexadecimal.
fn classic_ipv4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u64> = text.split('.').map(classic_number).collect::<Option<_>>()?;
    let (&last, first) = parts.split_last()?;
    if first.len() > 3 || first.iter().any(|&part| part > 255) || last >= 1 << (8 * (4 - first.len())) {
        return None;
    }
    let high = first.iter().enumerate().fold(0, |sum, (index, part)| sum | part << (24 - 8 * index));
    u32::try_from(high | last).ok().map(Ipv4Addr::from)
}

fn classic_number(text: &str) -> Option<u64> {
    let (digits, radix) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => (hex, 16),
        None if text.len() > 1 && text.starts_with('0') => (&text[1..], 8),
        None => (text, 10),
    };
    let plain = digits.len() <= 11 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { u64::from_str_radix(digits, radix).ok() } else { None }
}
