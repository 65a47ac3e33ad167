//! Networks as keys of look-up lists, which OSSEC does not know.

use std::collections::HashMap;
use std::net::IpAddr;

use ipnet::IpNet;

/// Values by network, found in one step per prefix length in use.
#[derive(Debug, Default)]
pub(super) struct Networks {
    values: HashMap<IpNet, Box<[u8]>>,
    /// Longest first: the narrowest network answers.
    prefix_lengths: Vec<u8>,
}

impl Networks {
    /// Keeps `value` if `key` is a network, `192.0.2.0/24`; the first of equal ones stays.
    pub(super) fn add(&mut self, key: &[u8], value: &[u8]) {
        let text = std::str::from_utf8(key).ok().filter(|text| text.contains('/'));
        let Some(network) = text.and_then(|text| text.parse::<IpNet>().ok()) else { return };
        self.values.entry(network.trunc()).or_insert_with(|| value.into());
        if let Err(place) = self.prefix_lengths.binary_search_by(|known| network.prefix_len().cmp(known)) {
            self.prefix_lengths.insert(place, network.prefix_len());
        }
    }

    /// The value of the narrowest network that holds `address`, bytes from a log.
    pub(super) fn of(&self, address: &[u8]) -> Option<&[u8]> {
        if self.values.is_empty() {
            return None;
        }
        let address = std::str::from_utf8(address).ok()?.parse::<IpAddr>().ok()?.to_canonical();
        self.prefix_lengths.iter().find_map(|&length| {
            let network = IpNet::new(address, length).ok()?.trunc();
            self.values.get(&network).map(AsRef::as_ref)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn narrowest_network_answers() {
        let mut networks = Networks::default();
        networks.add(b"10.0.0.0/8", b"wide");
        networks.add(b"10.1.9.9/16", b"narrow");
        networks.add(b"10.1.0.0/16", b"second");
        networks.add(b"no network", b"x");
        assert_eq!(networks.of(b"10.1.2.3"), Some(&b"narrow"[..]));
        assert_eq!(networks.of(b"::ffff:10.2.2.3"), Some(&b"wide"[..]));
        assert_eq!(networks.of(b"11.0.0.1"), None);
        assert_eq!(networks.of(b"UNKNOWN"), None);
    }
}
