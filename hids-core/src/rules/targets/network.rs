//! Network of a source, and the wider one that it is part of.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::rules::count::Source;

/// An IPv4 /24 or an IPv6 /48: what one customer may have several addresses of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Network(u64);

const V4: u64 = 4 << 56;
const V6: u64 = 6 << 56;

impl Network {
    /// The address in a `srcip` and its network; none of this machine's own, and of no name.
    pub(super) fn of(value: &[u8]) -> Option<(IpAddr, Self)> {
        match Source::of(value) {
            Source::V4(bits) => {
                let address = std::net::Ipv4Addr::from_bits(bits);
                let is_remote = !address.is_loopback() && !address.is_unspecified();
                is_remote.then_some((IpAddr::V4(address), Self(V4 | u64::from(bits >> 8))))
            }
            Source::V6(bits) => {
                let end = memchr::memchr(b'%', value).unwrap_or(value.len());
                let address: IpAddr = std::str::from_utf8(&value[..end]).ok()?.parse().ok()?;
                let is_remote = !address.is_loopback() && !address.is_unspecified();
                is_remote.then_some((address, Self(V6 | bits >> 16)))
            }
            Source::Other(_) => None,
        }
    }

    /// Something else that is counted in the place of networks.
    pub(super) fn print(number: u64) -> Self {
        Self(number)
    }

    /// The IPv4 /16 or IPv6 /32: often one provider, whose customers change their addresses within it.
    pub(super) fn wide(self) -> u64 {
        let shift = if self.0 & V6 == V6 { 16 } else { 8 };
        V6 & self.0 | (self.0 & !V6) >> shift
    }
}
