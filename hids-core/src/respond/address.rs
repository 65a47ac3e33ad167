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

/// An address with the interface it is reached by (`fe80::1%eth0`, RFC 4007 11), as sshd and others
/// write a peer of the same link; the address without it. `None` for any other text.
pub(super) fn without_zone(text: &[u8]) -> Option<Ipv6Addr> {
    let at = text.iter().position(|&byte| byte == b'%')?;
    let (address, zone) = (std::str::from_utf8(&text[..at]).ok()?, &text[at + 1..]);
    // The kernel takes any name of at most 15 bytes but blanks, `/` and `:`; few are ever used.
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-@".contains(byte);
    let address = address.parse::<Ipv6Addr>().ok().filter(Ipv6Addr::is_unicast_link_local)?;
    ((1..=15).contains(&zone.len()) && zone.iter().all(is_name)).then_some(address)
}

/// The address at the beginning of a text that is an address with something after it: a port
/// (`203.0.113.10:4000`, `[2001:db8::1]:4000`), a zone, a prefix length, or the form `name[address]`.
/// Only for showing why nothing was done about it: such a text is never taken for an address.
pub(super) fn contained_address(text: &[u8]) -> Option<IpAddr> {
    const LONGEST: usize = 256;
    let text = std::str::from_utf8(&text[..text.len().min(LONGEST)]).ok()?.trim();
    let bracketed = text.split_once('[').and_then(|(_, rest)| rest.split_once(']')).map(|(inside, _)| inside);
    let before_port = text.rsplit_once(':').map(|(host, _)| host);
    let first_word = text.split(|char: char| !(char.is_ascii_hexdigit() || ".:".contains(char))).next();
    let forms = [Some(text), bracketed, first_word, before_port];
    let mut found = forms.into_iter().flatten().filter_map(|form| form.parse::<IpAddr>().ok());
    found.next().map(canonical)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_in_a_text_with_a_port_zone_or_name_is_found() {
        // B9
        for (text, address) in [
            ("203.0.113.10", "203.0.113.10"),
            ("203.0.113.10:4000", "203.0.113.10"),
            ("[2001:db8::1]:4000", "2001:db8::1"),
            ("[203.0.113.10]:4000", "203.0.113.10"),
            ("mail.example.org[203.0.113.10]", "203.0.113.10"),
            ("203.0.113.10/24", "203.0.113.10"),
            ("203.0.113.10#53", "203.0.113.10"),
            ("fe80::1%eth0", "fe80::1"),
            ("::ffff:203.0.113.10", "203.0.113.10"),
            ("203.0.113.10, 198.51.100.1", "203.0.113.10"),
        ] {
            assert_eq!(contained_address(text.as_bytes()), address.parse().ok(), "{text}");
        }
        for text in ["", "host.example.org", "host:4000", "1.2.3", "\u{fffd}", "[]", ":"] {
            assert_eq!(contained_address(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn only_link_local_addresses_have_a_zone() {
        // C60
        assert_eq!(without_zone(b"fe80::1%eth0"), "fe80::1".parse().ok());
        assert_eq!(without_zone(b"fe80::ba27:ebff:fec1:df77%br-lan.10"), "fe80::ba27:ebff:fec1:df77".parse().ok());
        for text in ["fe80::1", "fe80::1%", "fe80::1%a b", "fe80::1%$(id)", "fe80::1%a%b", "2001:db8::1%eth0", "%eth0"]
        {
            assert_eq!(without_zone(text.as_bytes()), None, "{text}");
        }
        assert_eq!(without_zone(b"fe80::1%sixteen-bytes-xy"), None);
    }
}
