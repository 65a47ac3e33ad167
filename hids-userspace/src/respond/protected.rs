//! Finds the addresses without which this machine loses its network: its own, its default
//! gateways, its name servers.
//!
//! Owns a routing netlink socket. Never changes anything.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use hids_core::respond::MachineAddresses;

use super::netlink::{self, attribute, attributes};
use crate::sys::netlink::{Bus, NetlinkSocket};

/// Files that name the resolvers; systemd's holds the real ones where `/etc/resolv.conf` names its stub.
const RESOLVER_FILES: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];
/// A resolver file longer than this is not read further.
const LONGEST_RESOLVER_FILE: usize = 64 * 1024;

/// The machine's addresses cannot be found.
#[derive(Debug, thiserror::Error)]
pub enum SenseError {
    /// No socket.
    #[error("cannot open a routing netlink socket")]
    Open(#[source] io::Error),
    /// No answer.
    #[error("cannot read the {object} of this host")]
    Read {
        /// Addresses or routes.
        object: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Reads addresses, routes and resolver files.
pub struct AddressSensor {
    socket: NetlinkSocket,
    resolver_files: Vec<PathBuf>,
}

impl AddressSensor {
    /// With the system's resolver files.
    pub fn open() -> Result<Self, SenseError> {
        Self::open_with(RESOLVER_FILES.iter().map(PathBuf::from).collect())
    }

    /// With other resolver files.
    pub fn open_with(resolver_files: Vec<PathBuf>) -> Result<Self, SenseError> {
        let socket = NetlinkSocket::open(Bus::Route, 0).map_err(SenseError::Open)?;
        Ok(Self { socket, resolver_files })
    }

    /// All of them as they are now.
    pub fn read(&self) -> Result<MachineAddresses, SenseError> {
        let mut found = MachineAddresses::default();
        self.dump("addresses", libc::RTM_GETADDR, libc::RTM_NEWADDR, 8, |header, body| {
            read_addresses(header.get(1).copied().unwrap_or(32), body, &mut found.own)
        })?;
        self.dump("routes", libc::RTM_GETROUTE, libc::RTM_NEWROUTE, 12, |header, body| {
            if header.get(7) == Some(&libc::RTN_UNICAST) {
                read_gateways(body, &mut found.gateways);
            }
        })?;
        found.resolvers = self.resolver_files.iter().flat_map(|path| resolvers(path)).collect();
        Ok(found)
    }

    /// Something that changes when a resolver file does.
    pub fn resolver_stamp(&self) -> Vec<Option<(SystemTime, u64)>> {
        let stamp = |path: &PathBuf| {
            let metadata = std::fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        self.resolver_files.iter().map(stamp).collect()
    }

    fn dump(
        &self,
        object: &'static str,
        ask: u16,
        answer: u16,
        header: usize,
        mut each: impl FnMut(&[u8], &[u8]),
    ) -> Result<(), SenseError> {
        // Family 0 (all) and nothing else, as long as the longer of both headers.
        let request = netlink::request(ask, libc::NLM_F_DUMP as u16, 1, &[0; 12][..header]);
        let answered = netlink::dump(&self.socket, &request, |message| {
            if message.kind == answer && message.payload.len() >= header {
                let (head, body) = message.payload.split_at(header);
                each(head, body);
            }
        });
        answered.map(|_| ()).map_err(|source| SenseError::Read { object, source })
    }
}

/// `IFA_LOCAL` is ours, `IFA_ADDRESS` too or the far end of a point-to-point link. The network's own
/// address and its broadcast address belong to no host, also where no broadcast address is set.
fn read_addresses(prefix_length: u8, body: &[u8], found: &mut BTreeSet<IpAddr>) {
    let prefix = attribute(body, libc::IFA_ADDRESS).and_then(address);
    if let Some(IpAddr::V4(address)) = prefix
        && let Ok(net) = ipnet::Ipv4Net::new(address, prefix_length)
        && prefix_length < 31
    {
        found.extend([IpAddr::V4(net.network()), IpAddr::V4(net.broadcast())]);
    }
    let kinds = [libc::IFA_ADDRESS, libc::IFA_LOCAL, libc::IFA_BROADCAST];
    found.extend(attributes(body).filter(|(kind, _)| kinds.contains(kind)).filter_map(|(_, value)| address(value)));
}

/// The next hops of one route: a plain one, one of the other family (`RTA_VIA`), or several.
fn read_gateways(body: &[u8], found: &mut BTreeSet<IpAddr>) {
    read_next_hop(body, found);
    let Some(mut hops) = attribute(body, libc::RTA_MULTIPATH) else { return };
    while let Some(length) =
        netlink::u16_at(hops, 0).map(usize::from).filter(|length| (8..=hops.len()).contains(length))
    {
        read_next_hop(&hops[8..length], found);
        hops = hops.get(length.next_multiple_of(4)..).unwrap_or(&[]);
    }
}

fn read_next_hop(body: &[u8], found: &mut BTreeSet<IpAddr>) {
    const RTA_VIA: u16 = 18;
    found.extend(attribute(body, libc::RTA_GATEWAY).and_then(address));
    found.extend(attribute(body, RTA_VIA).and_then(|value| address(value.get(2..)?)));
}

fn address(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into()),
        16 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).into()),
        _ => None,
    }
}

/// The name servers in a resolv.conf; none if it cannot be read.
fn resolvers(path: &Path) -> Vec<IpAddr> {
    let Ok(bytes) = std::fs::read(path) else { return Vec::new() };
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_RESOLVER_FILE)]);
    let name_server = |line: &str| {
        let mut words = line.split_whitespace();
        let is_one = words.next() == Some("nameserver");
        // A link-local server carries its interface: fe80::1%eth0.
        let address = words.next()?.split('%').next()?;
        is_one.then(|| address.parse().ok()).flatten()
    };
    text.lines().filter_map(name_server).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_servers_are_read_and_other_lines_are_not() {
        let file = tempfile::NamedTempFile::new().expect("a temporary file");
        let text = "# nameserver 1.1.1.1\nsearch example.org\nnameserver\t192.0.2.53 \n nameserver fe80::1%eth0\nnameserver x\n";
        std::fs::write(file.path(), text).expect("written");
        let expected: Vec<IpAddr> =
            ["192.0.2.53", "fe80::1"].iter().map(|text| text.parse().expect("an address")).collect();
        assert_eq!(resolvers(file.path()), expected);
    }

    fn own(prefix_length: u8, attributes: &[(u16, &str)]) -> Vec<String> {
        let mut body = Vec::new();
        for (kind, text) in attributes {
            let IpAddr::V4(address) = text.parse().expect("an address") else { panic!("{text}") };
            body.extend(netlink::nested(*kind, &address.octets(), netlink::Holds::Bytes));
        }
        let mut found = BTreeSet::new();
        read_addresses(prefix_length, &body, &mut found);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_broadcast_address_is_known_where_none_is_set() {
        // L9
        let plain = [(libc::IFA_ADDRESS, "192.0.2.130"), (libc::IFA_LOCAL, "192.0.2.130")];
        assert_eq!(own(25, &plain), ["192.0.2.128", "192.0.2.130", "192.0.2.255"]);
        assert_eq!(own(32, &plain), ["192.0.2.130"]);
        assert_eq!(own(31, &plain), ["192.0.2.130"]);
        let far = [(libc::IFA_ADDRESS, "192.0.2.1"), (libc::IFA_LOCAL, "198.51.100.7")];
        assert_eq!(own(32, &far), ["192.0.2.1", "198.51.100.7"]);
    }

    #[test]
    fn this_machine_has_a_loopback_address() {
        let found = AddressSensor::open_with(Vec::new()).and_then(|sensor| sensor.read()).expect("addresses");
        let loopback: IpAddr = Ipv4Addr::LOCALHOST.into();
        assert!(found.own.is_empty() || found.own.contains(&loopback), "{found:?}");
    }
}
