//! One form for every address, and the IPv4 addresses that hide inside IPv6 ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The form in which an address is compared and blocked.
///
/// `::ffff:a.b.c.d` (mapped) and the long dead `::a.b.c.d` (compatible, RFC 4291 2.5.5.1) never are
/// on the wire; both mean the IPv4 address.
pub fn canonical(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return IpAddr::V4(v4);
    }
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => address,
        [0, 0, 0, 0, 0, 0, ..] => IpAddr::V4(last_32_bits(v6)),
        _ => address,
    }
}

/// The IPv4 address that traffic from `address` really comes from or goes to, for the prefixes
/// that translators and tunnels own: NAT64 (RFC 6052, 8215), SIIT (RFC 2765), 6to4 (RFC 3056),
/// Teredo (RFC 4380).
///
/// Forms whose embedded part the sender can choose at will (ISATAP interface ids) are left out on
/// purpose: with them an attacker could borrow the protection of a protected address.
pub fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, ..] | [0x64, 0xff9b, 1, ..] | [0, 0, 0, 0, 0xffff, 0, ..] => {
            Some(last_32_bits(address))
        }
        [0x2002, high, low, ..] => Some(from_halves(high, low)),
        [0x2001, 0, .., high, low] => Some(from_halves(!high, !low)),
        _ => None,
    }
}

fn last_32_bits(address: Ipv6Addr) -> Ipv4Addr {
    let [.., high, low] = address.segments();
    from_halves(high, low)
}

fn from_halves(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from((u32::from(high) << 16) | u32::from(low))
}
