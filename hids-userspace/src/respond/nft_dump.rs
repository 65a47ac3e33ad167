//! Dumps table `inet hids` from the kernel, to detect changes by other programs.
//!
//! Owns nothing. Never writes.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use super::netlink::{self, Dumped, attribute, attributes, be_u64};
use super::nft_error::NftError;
use crate::sys::netlink::NetlinkSocket;
use crate::sys::nftables::Counted;

/// Each dump is read to its end, so one number serves all.
const DUMP_SEQUENCE: u32 = 0x6869;

/// nf_tables' numbers (`include/uapi/linux/netfilter/nf_tables.h`).
mod number {
    pub(super) const TABLE_NAME: u16 = 1;
    pub(super) const TABLE_FLAGS: u16 = 2;
    pub(super) const TABLE_HANDLE: u16 = 4;
    pub(super) const CHAIN_HANDLE: u16 = 2;
    pub(super) const CHAIN_NAME: u16 = 3;
    pub(super) const CHAIN_HOOK: u16 = 4;
    pub(super) const CHAIN_POLICY: u16 = 5;
    pub(super) const RULE_HANDLE: u16 = 3;
    pub(super) const SET_NAME: u16 = 2;
    pub(super) const SET_HANDLE: u16 = 16;
    pub(super) const LIST_SET: u16 = 2;
    pub(super) const LIST_ELEMENTS: u16 = 3;
    pub(super) const ELEMENT_KEY: u16 = 1;
    pub(super) const ELEMENT_TIMEOUT: u16 = 4;
    pub(super) const ELEMENT_EXPIRATION: u16 = 5;
    pub(super) const ELEMENT_EXPRESSION: u16 = 7;
    pub(super) const DATA_VALUE: u16 = 1;
    pub(super) const EXPRESSION_DATA: u16 = 2;
    pub(super) const COUNTER_BYTES: u16 = 1;
    pub(super) const COUNTER_PACKETS: u16 = 2;
}

/// Handles and changeable properties of table, chains, sets and rules: as long as they are the
/// same, nobody has changed or replaced one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Structure(Vec<u8>);

/// The elements of both sets in the kernel.
pub type FoundElements = HashMap<IpAddr, FoundElement>;

/// An element in the kernel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FoundElement {
    /// What is left; `None` for ever.
    pub remaining: Option<Duration>,
    /// Packets dropped; `None` where elements have no counters (before Linux 5.7).
    pub counted: Option<Counted>,
}

/// Reads the structure; a few times if something changes meanwhile. `None` when there is no table.
pub(super) fn find_structure(socket: &NetlinkSocket) -> Result<Option<Structure>, NftError> {
    let mut found = None;
    for _ in 0..5 {
        let mut reader = Reader { socket, dumped: Dumped::Consistent };
        found = find_structure_once(&mut reader)?;
        if reader.dumped == Dumped::Consistent {
            break;
        }
    }
    Ok(found)
}

fn find_structure_once(reader: &mut Reader<'_>) -> Result<Option<Structure>, NftError> {
    let mut structure = Vec::new();
    reader.dump("the tables", libc::NFT_MSG_GETTABLE, &[], |body| {
        remember(&mut structure, b'T', body, &[number::TABLE_HANDLE, number::TABLE_FLAGS]);
    })?;
    if structure.is_empty() {
        return Ok(None);
    }
    reader.dump("the chains", libc::NFT_MSG_GETCHAIN, &[], |body| {
        let kept = [number::CHAIN_HANDLE, number::CHAIN_NAME, number::CHAIN_HOOK, number::CHAIN_POLICY];
        remember(&mut structure, b'C', body, &kept);
    })?;
    reader.dump("the rules of table inet hids", libc::NFT_MSG_GETRULE, &[(number::TABLE_NAME, "hids")], |body| {
        remember(&mut structure, b'R', body, &[number::RULE_HANDLE]);
    })?;
    reader.dump("the sets of table inet hids", libc::NFT_MSG_GETSET, &[(number::TABLE_NAME, "hids")], |body| {
        remember(&mut structure, b'S', body, &[number::SET_HANDLE, number::SET_NAME]);
    })?;
    Ok(Some(Structure(structure)))
}

/// Reads the elements. Nothing is found where there is no table or set.
///
/// While the kernel resizes a large set a dump may miss some elements: one that is not found is not
/// surely gone. A dump of many takes long (0.7 s for 100,000, the kernel starts from the first
/// element for each piece), so it is not for the responder's thread.
pub(super) fn find_elements(socket: &NetlinkSocket) -> Result<FoundElements, NftError> {
    let mut found = FoundElements::new();
    let mut reader = Reader { socket, dumped: Dumped::Consistent };
    for set in ["blocked4", "blocked6"] {
        let names = [(number::TABLE_NAME, "hids"), (number::LIST_SET, set)];
        reader.dump("the elements of a set of table inet hids", libc::NFT_MSG_GETSETELEM, &names, |body| {
            let lists = attributes(body).filter(|(kind, _)| *kind == number::LIST_ELEMENTS);
            found.extend(lists.flat_map(|(_, list)| attributes(list)).filter_map(|(_, element)| read_element(element)));
        })?;
    }
    Ok(found)
}

/// Asks for elements one by one, some at a time. One that is not there is left out.
pub(super) fn find_some(socket: &NetlinkSocket, addresses: &[IpAddr]) -> Result<FoundElements, NftError> {
    /// Each is answered with less than 400 bytes, which all fit into the socket's queue.
    const AT_ONE_TIME: usize = 256;
    let mut found = FoundElements::new();
    let read = |source| NftError::Read { object: "some elements of a set of table inet hids", source };
    let mut buffer = vec![0u8; 128 * 1024];
    for some in addresses.chunks(AT_ONE_TIME) {
        let request: Vec<u8> = some.iter().flat_map(|address| element_request(*address)).collect();
        socket.send(&request).map_err(read)?;
        // nf_tables answers inside `send`, and each request that fails with an error of its own.
        while let Some(datagram) = socket.try_receive(&mut buffer).map_err(read)? {
            for message in netlink::messages(datagram).filter(|message| message.outcome().is_none()) {
                let body = message.payload.get(4..).unwrap_or(&[]);
                let lists = attributes(body).filter(|(kind, _)| *kind == number::LIST_ELEMENTS);
                let elements = lists.flat_map(|(_, list)| attributes(list));
                found.extend(elements.filter_map(|(_, element)| read_element(element)));
            }
        }
    }
    Ok(found)
}

/// `nft get element inet hids SET { ADDRESS }`.
fn element_request(address: IpAddr) -> Vec<u8> {
    const LIST_ITEM: u16 = 1;
    let (set, key) = match address {
        IpAddr::V4(v4) => ("blocked4", v4.octets().to_vec()),
        IpAddr::V6(v6) => ("blocked6", v6.octets().to_vec()),
    };
    let mut body = vec![libc::NFPROTO_INET as u8, libc::NFNETLINK_V0 as u8, 0, 0];
    netlink::push_text(&mut body, number::TABLE_NAME, "hids");
    netlink::push_text(&mut body, number::LIST_SET, set);
    let value = netlink::nested(number::DATA_VALUE & 0x3fff, &key, netlink::Holds::Bytes);
    let key = netlink::nested(number::ELEMENT_KEY, &value, netlink::Holds::Attributes);
    let element = netlink::nested(LIST_ITEM, &key, netlink::Holds::Attributes);
    body.extend(netlink::nested(number::LIST_ELEMENTS, &element, netlink::Holds::Attributes));
    let kind = ((libc::NFNL_SUBSYS_NFTABLES << 8) | libc::NFT_MSG_GETSETELEM) as u16;
    netlink::request(kind, 0, DUMP_SEQUENCE, &body)
}

struct Reader<'a> {
    socket: &'a NetlinkSocket,
    dumped: Dumped,
}

impl Reader<'_> {
    /// `each` gets the attributes of each object of our table. Older kernels do not filter by table.
    fn dump(
        &mut self,
        object: &'static str,
        kind: i32,
        names: &[(u16, &str)],
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), NftError> {
        let kind = ((libc::NFNL_SUBSYS_NFTABLES << 8) | kind) as u16;
        let mut body = vec![libc::NFPROTO_INET as u8, libc::NFNETLINK_V0 as u8, 0, 0];
        for (attribute, name) in names {
            netlink::push_text(&mut body, *attribute, name);
        }
        let request = netlink::request(kind, libc::NLM_F_DUMP as u16, DUMP_SEQUENCE, &body);
        let dumped = netlink::dump(self.socket, &request, |message| {
            let body = message.payload.get(4..).unwrap_or(&[]);
            if message.payload.first() == Some(&(libc::NFPROTO_INET as u8))
                && is_named(body, number::TABLE_NAME, "hids")
            {
                each(body);
            }
        });
        match dumped {
            Ok(Dumped::Consistent) => {}
            Ok(Dumped::Inconsistent) => self.dumped = Dumped::Inconsistent,
            // Deleted since the dump before.
            Err(error) if error.raw_os_error() == Some(libc::ENOENT) => self.dumped = Dumped::Inconsistent,
            Err(source) => {
                self.forget_rest();
                return Err(NftError::Read { object, source });
            }
        }
        Ok(())
    }

    fn forget_rest(&self) {
        let mut buffer = vec![0u8; 128 * 1024];
        while matches!(self.socket.try_receive(&mut buffer), Ok(Some(_))) {}
    }
}

fn is_named(body: &[u8], kind: u16, name: &str) -> bool {
    attribute(body, kind).and_then(|value| value.strip_suffix(b"\0")) == Some(name.as_bytes())
}

fn remember(structure: &mut Vec<u8>, what: u8, body: &[u8], kinds: &[u16]) {
    structure.push(what);
    for kind in kinds {
        let value = attribute(body, *kind).unwrap_or(&[]);
        structure.extend_from_slice(&(value.len() as u16).to_ne_bytes());
        structure.extend_from_slice(value);
    }
}

fn read_element(element: &[u8]) -> Option<(IpAddr, FoundElement)> {
    let key = attribute(attribute(element, number::ELEMENT_KEY)?, number::DATA_VALUE)?;
    let address = match key.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(key).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(key).ok()?),
        _ => return None,
    };
    let millis = |kind| attribute(element, kind).and_then(be_u64).map(Duration::from_millis);
    // An element without an end has neither; in a set with time-outs newer kernels say 0.
    let remaining =
        millis(number::ELEMENT_EXPIRATION).or_else(|| millis(number::ELEMENT_TIMEOUT)).filter(|left| !left.is_zero());
    let counter = attribute(element, number::ELEMENT_EXPRESSION)
        .and_then(|expression| attribute(expression, number::EXPRESSION_DATA));
    let count = |counter, kind| attribute(counter, kind).and_then(be_u64).unwrap_or(0);
    let counted = counter.map(|counter| Counted {
        packets: count(counter, number::COUNTER_PACKETS),
        bytes: count(counter, number::COUNTER_BYTES),
    });
    Some((address, FoundElement { remaining, counted }))
}

/// The payloads of the messages in a datagram, and the elements in them, wherever the kernel may put some.
pub(crate) fn read_datagram(datagram: &[u8]) -> Vec<(&[u8], Vec<IpAddr>)> {
    let elements = |payload: &[u8]| {
        let body = payload.get(4..).unwrap_or(&[]);
        let lists = attributes(body).filter(|(kind, _)| *kind == number::LIST_ELEMENTS);
        let elements = lists.flat_map(|(_, list)| attributes(list));
        elements.filter_map(|(_, element)| read_element(element)).map(|(address, _)| address).collect()
    };
    netlink::messages(datagram).map(|message| (message.payload, elements(message.payload))).collect()
}

/// Whether a notification is about our table and was not caused by the socket `own_port`.
pub(super) fn is_foreign_change(message: &netlink::Message<'_>, own_port: u32) -> bool {
    let is_nftables = i32::from(message.kind >> 8) == libc::NFNL_SUBSYS_NFTABLES;
    is_nftables
        && message.port != own_port
        && message.payload.first() == Some(&(libc::NFPROTO_INET as u8))
        && is_named(message.payload.get(4..).unwrap_or(&[]), number::TABLE_NAME, "hids")
}
