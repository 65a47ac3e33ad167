//! The addresses that are never blocked.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

use super::address::{canonical, embedded_v4};

/// What a `<white_list>` entry says of the addresses in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeverBlock {
    /// Never block them.
    Protect,
    /// `!`: may be blocked.
    Except,
}

/// Addresses without which the machine loses its network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MachineAddresses {
    /// Addresses and broadcast addresses of the machine's interfaces, and the far ends of its point-to-point links.
    pub own: BTreeSet<IpAddr>,
    /// Next hops of all routes: without any of them some network is out of reach.
    pub gateways: BTreeSet<IpAddr>,
    /// Name servers.
    pub resolvers: BTreeSet<IpAddr>,
}

/// Why an address is never blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeverBlockReason {
    /// 0.0.0.0/8 or `::`.
    Unspecified,
    /// 127.0.0.0/8 or `::1`.
    Loopback,
    /// 224.0.0.0/4 or ff00::/8.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// One of the link-local addresses at which a cloud or the machine's makers serve it.
    LinkLocal,
    /// The machine's own.
    OwnAddress,
    /// A router of this machine.
    Gateway,
    /// A name server.
    Resolver,
    /// In `<white_list>`.
    WhiteList,
}

impl fmt::Display for NeverBlockReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unspecified => "not a host address",
            Self::Loopback => "loopback address",
            Self::Multicast => "multicast address",
            Self::Broadcast => "broadcast address",
            Self::LinkLocal => "link-local address of cloud services (metadata, time, disks)",
            Self::OwnAddress => "address of this host",
            Self::Gateway => "gateway of this host",
            Self::Resolver => "name server of this host",
            Self::WhiteList => "listed in <white_list>",
        })
    }
}

/// Everything that is never blocked.
#[derive(Clone, Debug, Default)]
pub struct ProtectedSet {
    white_list: Vec<(IpNet, NeverBlock)>,
    names: Vec<String>,
    machine: MachineAddresses,
}

impl ProtectedSet {
    /// From `<white_list>` networks in file order, its host names, and the machine's addresses.
    pub fn new(white_list: &[(IpNet, NeverBlock)], names: &[String], machine: MachineAddresses) -> Self {
        let white_list = white_list.iter().map(|&(net, listed)| (canonical_net(net), listed)).collect();
        let mut protected = Self { white_list, names: names.to_vec(), machine: MachineAddresses::default() };
        protected.set_machine(machine);
        protected
    }

    /// Replaces what is known of the machine's addresses.
    pub fn set_machine(&mut self, machine: MachineAddresses) {
        let canonical_all = |set: BTreeSet<IpAddr>| set.into_iter().map(canonical).collect();
        self.machine = MachineAddresses {
            own: canonical_all(machine.own),
            gateways: canonical_all(machine.gateways),
            resolvers: canonical_all(machine.resolvers),
        };
    }

    /// The machine's addresses as last set.
    pub fn machine(&self) -> &MachineAddresses {
        &self.machine
    }

    /// Why `address` must not be blocked; `None` when it may.
    ///
    /// An IPv6 address that stands for an IPv4 address is as protected as that is.
    pub fn protects(&self, address: IpAddr) -> Option<NeverBlockReason> {
        let address = canonical(address);
        self.protects_canonical(address).or_else(|| match address {
            IpAddr::V6(v6) => embedded_v4(v6).and_then(|v4| self.protects_canonical(IpAddr::V4(v4))),
            IpAddr::V4(_) => None,
        })
    }

    /// Whether a `<white_list>` host name starts with `text`.
    ///
    /// That is how OSSEC compares them (`src/analysisd/active-response.c`): the names are never
    /// resolved, and the text of the event's source may be shorter than the name.
    pub fn protects_text(&self, text: &str) -> bool {
        !text.is_empty() && self.names.iter().any(|name| name.starts_with(text))
    }

    fn protects_canonical(&self, address: IpAddr) -> Option<NeverBlockReason> {
        let by_kind = match address {
            IpAddr::V4(v4) => special_v4(v4),
            IpAddr::V6(v6) => special_v6(v6),
        };
        by_kind.or_else(|| {
            if self.machine.own.contains(&address) {
                Some(NeverBlockReason::OwnAddress)
            } else if self.machine.gateways.contains(&address) {
                Some(NeverBlockReason::Gateway)
            } else if self.machine.resolvers.contains(&address) {
                Some(NeverBlockReason::Resolver)
            } else if self.listed(address) {
                Some(NeverBlockReason::WhiteList)
            } else {
                None
            }
        })
    }

    /// The first entry that holds the address decides. If none does, a list whose last entry is an
    /// exception lists everything else (OSSEC's `OS_IPFoundList`).
    fn listed(&self, address: IpAddr) -> bool {
        let decides = self.white_list.iter().find(|(net, _)| net.contains(&address));
        match decides {
            Some((_, listed)) => *listed == NeverBlock::Protect,
            None => self.white_list.last().is_some_and(|(_, listed)| *listed == NeverBlock::Except),
        }
    }
}

/// A network of mapped addresses is the network of the IPv4 addresses.
fn canonical_net(net: IpNet) -> IpNet {
    let IpNet::V6(v6) = net else { return net };
    match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
        (Some(v4), Some(prefix)) => Ipv4Net::new(v4, prefix).map_or(net, IpNet::V4),
        _ => net,
    }
}

fn special_v4(address: Ipv4Addr) -> Option<NeverBlockReason> {
    if address.octets()[0] == 0 {
        Some(NeverBlockReason::Unspecified)
    } else if address.is_loopback() {
        Some(NeverBlockReason::Loopback)
    } else if address.is_multicast() {
        Some(NeverBlockReason::Multicast)
    } else if address.is_broadcast() {
        Some(NeverBlockReason::Broadcast)
    } else if serves_the_machine(address) {
        Some(NeverBlockReason::LinkLocal)
    } else {
        None
    }
}

/// Link-local addresses that no host gives itself (the first and the last 256, RFC 3927 2.1), where
/// clouds put disks, and the two networks of their metadata, time and name services.
fn serves_the_machine(address: Ipv4Addr) -> bool {
    address.is_link_local() && matches!(address.octets()[2], 0 | 169 | 170 | 255)
}

fn special_v6(address: Ipv6Addr) -> Option<NeverBlockReason> {
    if address.is_unspecified() {
        Some(NeverBlockReason::Unspecified)
    } else if address.is_loopback() {
        Some(NeverBlockReason::Loopback)
    } else if address.is_multicast() {
        Some(NeverBlockReason::Multicast)
    } else {
        None
    }
}
