//! From where a system is administered: source addresses of login sessions, and networks that it is connected to.

use std::mem::offset_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::system::System;

/// Most sessions and networks that are looked at.
const MOST: usize = 64;
/// Groups whose members may become root, on Debian, Ubuntu, Red Hat and SUSE.
const ADMIN_GROUPS: [&str; 4] = ["root", "sudo", "wheel", "admin"];
/// Interfaces of containers and virtual machines: their networks are not where an administrator sits.
const VIRTUAL: [&str; 9] = ["lo", "docker", "br-", "veth", "virbr", "vnet", "cni", "podman", "lxc"];

/// Someone who is logged in from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// The account.
    pub user: String,
    /// From where.
    pub address: IpAddr,
    /// Whether the account is root or a member of a group that may become root.
    pub is_admin: bool,
}

/// The current login sessions from other hosts: of systemd-logind, and of utmp where there is one.
pub(crate) fn sessions(system: &System) -> Vec<Session> {
    let mut found: Vec<(String, IpAddr)> = Vec::new();
    for name in system.names("/run/systemd/sessions").into_iter().filter(|name| !name.ends_with(".ref")) {
        let text = system.read_text(&format!("/run/systemd/sessions/{name}")).unwrap_or_default();
        found.extend(logind_session(&text));
    }
    found.extend(utmp_sessions(&system.read("/run/utmp").unwrap_or_default()));
    let groups = system.read_text("/etc/group").unwrap_or_default();
    let mut sessions: Vec<Session> = Vec::new();
    for (user, address) in found {
        let address = address.to_canonical();
        let known = sessions.iter().any(|session| session.user == user && session.address == address);
        if !known && !address.is_loopback() && !address.is_unspecified() && sessions.len() < MOST {
            let is_admin = is_admin(&user, &groups);
            sessions.push(Session { user, address, is_admin });
        }
    }
    sessions
}

fn is_admin(user: &str, groups: &str) -> bool {
    let member = |line: &str| {
        let mut fields = line.split(':');
        let is_group = fields.next().is_some_and(|group| ADMIN_GROUPS.contains(&group));
        is_group && fields.nth(2).is_some_and(|members| members.split(',').any(|member| member.trim() == user))
    };
    user == "root" || groups.lines().any(member)
}

/// What a file of /run/systemd/sessions says, if the session is alive and comes from an address.
fn logind_session(text: &str) -> Option<(String, IpAddr)> {
    let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    if value("STATE") == Some("closing") || value("REMOTE") != Some("1") {
        return None;
    }
    let host = value("REMOTE_HOST")?;
    // A link-local address may have its interface behind it.
    let address = host.split('%').next()?.parse().ok()?;
    Some((value("USER").filter(|user| user.parse::<u32>().is_err()).or(value("USERNAME"))?.to_owned(), address))
        .filter(|(user, _)| is_account_name(user))
        .or_else(|| (value("UID") == Some("0")).then(|| ("root".to_owned(), address)))
}

fn is_account_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

/// The entries of users in a utmp file.
fn utmp_sessions(bytes: &[u8]) -> Vec<(String, IpAddr)> {
    const SIZE: usize = size_of::<libc::utmpx>();
    bytes.chunks_exact(SIZE).take(4096).filter_map(utmp_entry).collect()
}

fn utmp_entry(entry: &[u8]) -> Option<(String, IpAddr)> {
    let kind = i16::from_ne_bytes(entry.get(..2)?.try_into().ok()?);
    if kind != libc::USER_PROCESS {
        return None;
    }
    let name = entry.get(offset_of!(libc::utmpx, ut_user)..)?.get(..32)?;
    let name = std::str::from_utf8(name.split(|&byte| byte == 0).next()?).ok()?;
    let address: [u8; 16] = entry.get(offset_of!(libc::utmpx, ut_addr_v6)..)?.get(..16)?.try_into().ok()?;
    let address = if address[4..].iter().all(|&byte| byte == 0) {
        IpAddr::V4(Ipv4Addr::new(address[0], address[1], address[2], address[3]))
    } else {
        IpAddr::V6(Ipv6Addr::from(address))
    };
    is_account_name(name).then(|| (name.to_owned(), address))
}

/// Private networks that the system is directly connected to, by its routes.
pub(crate) fn connected(system: &System) -> Vec<IpNet> {
    let v4 = system.read_text("/proc/net/route").unwrap_or_default();
    let v6 = system.read_text("/proc/net/ipv6_route").unwrap_or_default();
    let mut networks: Vec<IpNet> = Vec::new();
    let found = v4.lines().skip(1).filter_map(ipv4_route).map(IpNet::V4);
    for network in found.chain(v6.lines().filter_map(ipv6_route).map(IpNet::V6)) {
        if !networks.contains(&network) && networks.len() < MOST {
            networks.push(network);
        }
    }
    networks
}

fn is_virtual(interface: &str) -> bool {
    VIRTUAL.iter().any(|prefix| interface.starts_with(prefix))
}

/// A line of /proc/net/route: interface, destination, gateway, …, mask in hexadecimal of the host's byte order.
fn ipv4_route(line: &str) -> Option<Ipv4Net> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [interface, destination, gateway, _, _, _, _, mask, ..] = fields[..] else { return None };
    let address = |text: &str| u32::from_str_radix(text, 16).ok().map(|bits| Ipv4Addr::from(bits.to_ne_bytes()));
    let (destination, mask) = (address(destination)?, address(mask)?);
    if address(gateway)? != Ipv4Addr::UNSPECIFIED || is_virtual(interface) || !destination.is_private() {
        return None;
    }
    Ipv4Net::with_netmask(destination, mask).ok().filter(|net| (8..32).contains(&net.prefix_len()))
}

/// A line of /proc/net/ipv6_route: destination, prefix, source, prefix, next hop, …, interface.
fn ipv6_route(line: &str) -> Option<Ipv6Net> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let [destination, prefix, _, _, next_hop, .., interface] = fields[..] else { return None };
    let address = |text: &str| u128::from_str_radix(text, 16).ok().map(Ipv6Addr::from);
    let (destination, prefix) = (address(destination)?, u8::from_str_radix(prefix, 16).ok()?);
    let is_private = destination.is_unique_local() && (48..128).contains(&prefix);
    let is_direct = address(next_hop)? == Ipv6Addr::UNSPECIFIED && !is_virtual(interface);
    (is_private && is_direct).then(|| Ipv6Net::new(destination, prefix).ok()).flatten().map(|net| net.trunc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn sessions_of_logind_are_read_and_those_without_an_address_are_not() {
        let text = "UID=1000\nUSER=alice\nACTIVE=1\nSTATE=active\nREMOTE=1\nREMOTE_HOST=198.51.100.7\n";
        let address: IpAddr = "198.51.100.7".parse().expect("an address");
        assert_eq!(logind_session(text), Some(("alice".to_owned(), address)));
        assert_eq!(logind_session(&text.replace("REMOTE=1", "REMOTE=0")), None);
        assert_eq!(logind_session(&text.replace("active\n", "closing\n")), None);
        assert_eq!(logind_session(&text.replace("198.51.100.7", "host.example")), None);
    }

    #[test]
    fn only_root_and_members_of_known_groups_are_administrators() {
        let groups = "root:x:0:\nsudo:x:27:alice,bob\nusers:x:100:carol\n";
        let admins = ["root", "alice", "carol", "lic"].map(|user| is_admin(user, groups));
        assert_eq!(admins, [true, true, false, false]);
    }

    #[test]
    fn utmp_has_users_with_their_addresses() {
        let mut entry = vec![0; size_of::<libc::utmpx>()];
        entry[..2].copy_from_slice(&libc::USER_PROCESS.to_ne_bytes());
        let (name, address) = (offset_of!(libc::utmpx, ut_user), offset_of!(libc::utmpx, ut_addr_v6));
        entry[name..name + 5].copy_from_slice(b"alice");
        entry[address..address + 4].copy_from_slice(&[192, 0, 2, 9]);
        assert_eq!(utmp_sessions(&entry), [("alice".to_owned(), "192.0.2.9".parse().expect("an address"))]);
        entry[0] = 8;
        assert!(utmp_sessions(&entry).is_empty());
    }

    #[test]
    fn connected_networks_are_private_and_of_real_interfaces() {
        let hex = |octets: [u8; 4]| format!("{:08X}", u32::from_ne_bytes(octets));
        let line = |interface: &str, destination, gateway, mask| {
            format!("{interface}\t{}\t{}\t0001\t0\t0\t0\t{}\t0\t0\t0", hex(destination), hex(gateway), hex(mask))
        };
        let own = line("eth0", [192, 168, 7, 0], [0; 4], [255, 255, 255, 0]);
        assert_eq!(ipv4_route(&own), Some("192.168.7.0/24".parse().expect("a network")));
        for other in [
            line("docker0", [172, 17, 0, 0], [0; 4], [255, 255, 0, 0]),
            line("eth0", [0; 4], [192, 168, 7, 1], [0; 4]),
            line("eth0", [198, 51, 100, 0], [0; 4], [255, 255, 255, 0]),
        ] {
            assert_eq!(ipv4_route(&other), None, "{other}");
        }
        let zero = "0".repeat(32);
        let v6 =
            format!("fd000000000000010000000000000000 40 {zero} 00 {zero} 00000100 00000001 00000000 00000001 eth0");
        assert_eq!(ipv6_route(&v6), Some("fd00:0:0:1::/64".parse().expect("a network")));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in any::<Vec<u8>>(), text in any::<String>()) {
            utmp_sessions(&bytes);
            utmp_entry(&bytes);
            logind_session(&text);
            ipv4_route(&text);
            ipv6_route(&text);
        }
    }
}
