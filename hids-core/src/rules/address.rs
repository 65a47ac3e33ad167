//! Lists of addresses in rules.

use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses and networks in order; the first that fits decides.
#[derive(Debug, Default)]
pub(super) struct AddressList(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    negated: bool,
    /// `None`: every address.
    net: Option<IpNet>,
}

impl AddressList {
    /// Adds an entry as written; false when it is none.
    pub(super) fn push(&mut self, text: &str) -> bool {
        let rest = text.strip_prefix('!');
        let negated = rest.is_some();
        let rest = rest.unwrap_or(text);
        if rest == "any" {
            self.0.push(Entry { negated, net: None });
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
            self.0.push(Entry { negated, net: net.map(|net| net.trunc()) });
        }
        net.is_some()
    }

    /// Whether `address`, bytes from a log, is in the list.
    ///
    /// Text that is no address fits only `any`.
    pub(super) fn contains(&self, address: &[u8]) -> bool {
        let parsed =
            std::str::from_utf8(address).ok().and_then(|text| text.parse::<IpAddr>().ok()).map(|ip| ip.to_canonical());
        for entry in &self.0 {
            let fits = match (&entry.net, &parsed) {
                (None, _) => true,
                (Some(net), Some(address)) => net.contains(address),
                (Some(_), None) => false,
            };
            if fits {
                return !entry.negated;
            }
        }
        self.0.last().is_some_and(|entry| entry.negated)
    }
}

/// An IPv6 address or an IPv4 address, the latter also in the C library's short forms: `10.1` is 10.0.0.1.
fn classic_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    let parts: Vec<u32> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let (last, leading) = parts.split_last()?;
    if leading.len() > 3 || leading.iter().any(|part| *part > 255) || text.contains('+') {
        return None;
    }
    let room = 32 - 8 * leading.len() as u32;
    if room < 32 && *last >= 1 << room {
        return None;
    }
    let high = leading.iter().enumerate().map(|(index, part)| part << (24 - 8 * index)).sum::<u32>();
    Some(IpAddr::V4((high | last).into()))
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

    #[test]
    fn mapped_and_short_addresses_are_ipv4() {
        assert!(list(&["10.0.0/8"]).contains(b"::ffff:10.9.9.9"));
        assert!(!AddressList::default().push("10.0.0.0/255.0.0.0"));
    }
}
