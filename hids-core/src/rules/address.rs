//! Lists of addresses in rules.

use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses and networks in order; the first that fits decides.
#[derive(Debug, Default)]
pub(super) struct AddressList {
    entries: Vec<Entry>,
    names: Names,
}

/// What an address field that holds no address (`host.example.com`) is to a list (K32).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Names {
    /// In no network, and so one of those that `!` before a network means.
    #[default]
    Elsewhere,
    /// In no list.
    Nowhere,
    /// In no list, and what the C library reads as an address is one, as in OSSEC: `443` is 0.0.1.187.
    NowhereAsOssec,
}

#[derive(Debug)]
struct Entry {
    negated: bool,
    /// `None`: every address.
    net: Option<IpNet>,
}

impl AddressList {
    pub(super) fn new(names: Names) -> Self {
        Self { entries: Vec::new(), names }
    }

    /// Adds an entry as written; false when it is none.
    pub(super) fn push(&mut self, text: &str) -> bool {
        let rest = text.strip_prefix('!');
        let negated = rest.is_some();
        let rest = rest.unwrap_or(text);
        if rest == "any" {
            self.entries.push(Entry { negated, net: None });
            return true;
        }
        let (address, prefix) = match rest.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (rest, None),
        };
        let Some(address) = classic_address(address) else { return false };
        let length = match prefix {
            None => Some(if address.is_ipv4() { 32 } else { 128 }),
            Some(text) if text.len() <= 3 => text.parse::<u8>().ok(),
            Some(_) => None,
        };
        let net = length.and_then(|length| IpNet::new(address, length).ok());
        if net.is_some() {
            self.entries.push(Entry { negated, net: net.map(|net| net.trunc()) });
        }
        net.is_some()
    }

    /// Whether `address`, bytes from a log, is in the list.
    ///
    /// Text that is no address fits only `any`, or nothing ([`Names`]).
    pub(super) fn contains(&self, address: &[u8]) -> bool {
        let text = std::str::from_utf8(address).ok();
        let parsed = match self.names {
            Names::NowhereAsOssec => text.and_then(classic_address),
            _ => text.and_then(|text| text.parse::<IpAddr>().ok()).map(|address| address.to_canonical()),
        };
        if parsed.is_none() && self.names != Names::Elsewhere {
            return false;
        }
        for entry in &self.entries {
            let fits = match (&entry.net, &parsed) {
                (None, _) => true,
                (Some(net), Some(address)) => net.contains(address),
                (Some(_), None) => false,
            };
            if fits {
                return !entry.negated;
            }
        }
        self.entries.last().is_some_and(|entry| entry.negated)
    }
}

/// An IPv6 address or an IPv4 address, the latter also in the C library's short forms: `10.1` is 10.0.0.1.
fn classic_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let parts: Vec<u32> = text.split('.').map(classic_number).collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    if leading.len() > 3 || leading.iter().any(|part| *part > 255) {
        return None;
    }
    let room = 32 - 8 * leading.len() as u32;
    if room < 32 && *last >= 1 << room {
        return None;
    }
    let high = leading.iter().enumerate().map(|(index, part)| part << (24 - 8 * index)).sum::<u32>();
    Some(IpAddr::V4((high | last).into()))
}

/// Decimal, octal with a leading 0 or hexadecimal with `0x`, as in `inet_aton(3)`.
fn classic_number(text: &str) -> Option<u32> {
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let (digits, radix) = match hexadecimal {
        Some(digits) => (digits, 16),
        None if text.len() > 1 && text.starts_with('0') => (text, 8),
        None => (text, 10),
    };
    // A sign is no digit here.
    let is_number = digits.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_number.then(|| u32::from_str_radix(digits, radix).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(entries: &[&str]) -> AddressList {
        let mut list = AddressList::default();
        entries.iter().for_each(|entry| assert!(list.push(entry), "{entry}"));
        list
    }

    #[test]
    fn first_entry_that_fits_decides() {
        let addresses = list(&["!10.1.0.0/16", "10.0.0.0/8"]);
        assert!(!addresses.contains(b"10.1.2.3"));
        assert!(addresses.contains(b"10.2.2.3"));
        assert!(!addresses.contains(b"11.0.0.1"));
        assert!(list(&["!198.51.100.1"]).contains(b"192.0.2.1"));
    }

    // D6
    #[test]
    fn names_are_outside_of_every_network_or_in_no_list() {
        for name in [&b"host.example.com"[..], b"192.0.2.1:80", b"", b"UNKNOWN"] {
            assert!(list(&["!10.0.0.0/8"]).contains(name));
            assert!(list(&["any"]).contains(name));
            for entry in ["!10.0.0.0/8", "10.0.0.0/8", "!any", "any"] {
                for names in [Names::Nowhere, Names::NowhereAsOssec] {
                    let mut nowhere = AddressList::new(names);
                    assert!(nowhere.push(entry) && !nowhere.contains(name), "{entry}");
                }
            }
        }
        let mut ossec = AddressList::new(Names::NowhereAsOssec);
        assert!(ossec.push("0.0.1.0/24") && ossec.contains(b"443") && !ossec.contains(b"444444"));
    }

    #[test]
    fn mapped_and_short_addresses_are_ipv4() {
        assert!(list(&["10.0.0/8"]).contains(b"::ffff:10.9.9.9"));
        assert!(list(&["010.1", "0x7f.1"]).contains(b"8.0.0.1"));
        assert!(list(&["010.1", "0x7f.1"]).contains(b"127.0.0.1"));
        for wrong in ["10.0.0.0/255.0.0.0", "08.1.1.1", "0x", "+1.2.3.4", "1.2.3.4.5", "1..2", "256.1.1.1", ""] {
            assert!(!AddressList::default().push(wrong), "{wrong}");
        }
    }
}
