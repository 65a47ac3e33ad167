//! Source key: the events that are counted together.

use std::net::IpAddr;

/// The sender of events: an IPv4 address, an IPv6 network, or a word that is no address.
///
/// Who has one IPv6 address has at least the 2^64 of its network (RFC 4291, RFC 6177), so a /64 is one
/// sender. IPv4 addresses inside IPv6 ones (`::ffff:0:0/96`, and `64:ff9b::/96` of RFC 6052, behind which
/// the whole IPv4 Internet may stand) are IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::rules) enum Source<'a> {
    V4(u32),
    /// The first 64 bits.
    V6(u64),
    Other(&'a [u8]),
}

/// The first 96 bits of translated addresses (RFC 6052).
const TRANSLATED: u128 = 0x0064_ff9b << 64;

impl<'a> Source<'a> {
    /// The sender that `value`, the bytes of a `srcip`, names.
    pub(in crate::rules) fn of(value: &'a [u8]) -> Self {
        // Link-local addresses may name an interface: fe80::1%eth0.
        let end = memchr::memchr(b'%', value).unwrap_or(value.len());
        let address = std::str::from_utf8(&value[..end]).ok().and_then(|text| text.parse::<IpAddr>().ok());
        match address.map(|address| address.to_canonical()) {
            Some(IpAddr::V4(address)) => Self::V4(address.to_bits()),
            Some(IpAddr::V6(address)) => match address.to_bits() {
                bits if bits >> 32 == TRANSLATED => Self::V4(bits as u32),
                bits => Self::V6((bits >> 64) as u64),
            },
            None => Self::Other(value),
        }
    }

    /// Appends bytes that no other sender has.
    pub(in crate::rules) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::V4(bits) => {
                out.push(4);
                out.extend_from_slice(&bits.to_be_bytes());
            }
            Self::V6(bits) => {
                out.push(6);
                out.extend_from_slice(&bits.to_be_bytes());
            }
            Self::Other(text) => {
                out.push(0);
                out.extend_from_slice(text);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // K28, M3
    #[test]
    fn an_ipv6_network_and_an_ipv4_address_are_one_sender_each() {
        let same = |a: &str, b: &str| Source::of(a.as_bytes()) == Source::of(b.as_bytes());
        assert!(same("2001:db8:1:2::1", "2001:DB8:1:2:ffff::9"));
        assert!(!same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1") && same("64:ff9b::192.0.2.1", "192.0.2.1"));
        assert!(!same("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2") && !same("192.0.2.1", "192.0.2.2"));
        assert!(same("fe80::1%eth0", "fe80::1%eth1") && !same("host.example", "host.example."));
        assert_eq!(Source::of(b"\xff"), Source::Other(b"\xff"));
    }
}
