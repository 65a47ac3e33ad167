//! The blocked addresses in the kernel: table `inet hids`, written in whole transactions.
//!
//! Owns the netlink socket. Never decides what is blocked, and never writes an address that the
//! never-block list it is given protects: this is the last place before the kernel, and it checks
//! again.
//!
//! ```text
//! table inet hids {
//!     set blocked4 { type ipv4_addr; flags timeout; counter; elements = { 203.0.113.9 timeout 20m comment "rule 5712 …" } }
//!     set blocked6 { type ipv6_addr; flags timeout; counter; }
//!     chain input_guard {
//!         type filter hook prerouting priority raw; policy accept;
//!         ip saddr @blocked4 counter drop
//!         ip6 saddr @blocked6 counter drop
//!     }
//! }
//! ```
//!
//! The chain comes before connection tracking, so established connections end too: nothing the
//! peer sends arrives any more. What this machine still sends to it goes unanswered.

use std::ffi::CStr;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use hids_core::respond::{NeverBlockReason, ProtectedSet};
use nftnl::set::Set;
use nftnl::{Batch, Chain, ChainType, FinalizedBatch, Hook, MsgType, Policy, ProtoFamily, Rule, Table, nft_expr};

use super::netlink;
use super::nft_dump::{self, FoundElements, Structure};
use super::nft_error::NftError;
use crate::sys::netlink::{Bus, NetlinkSocket};
use crate::sys::nftables::{Counted, ElementCounters, ElementLife, ElementMessage, ElementSpec, timeout_set};

/// Name of the table.
pub(super) const TABLE: &CStr = c"hids";
/// Name of the set of IPv4 addresses.
pub(super) const SET_V4: &CStr = c"blocked4";
/// Name of the set of IPv6 addresses.
pub(super) const SET_V6: &CStr = c"blocked6";
/// Name of the chain.
pub(super) const CHAIN: &CStr = c"input_guard";
/// Before connection tracking (-200): the `raw` priority.
const PRIORITY_RAW: i32 = -300;
/// Bytes of one transaction beyond which it is cut when the kernel does not let us queue more.
const UNPRIVILEGED_SEND_BYTES: usize = 200_000;
/// Enough for some hundred thousand elements in one transaction.
const SEND_BYTES: usize = 256 << 20;
const RECEIVE_BYTES: usize = 8 << 20;

/// An address as it is to be in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// In canonical form.
    pub address: IpAddr,
    /// Whole and remaining time; `None` for ever.
    pub life: Option<ElementLife>,
    /// Shown by `nft list set`; cut at 125 bytes.
    pub comment: String,
    /// Packets that were dropped before the table was written anew.
    pub counted: Counted,
}

/// A change of one address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is to be in its set.
    Put(Element),
    /// It is in its set and is to be there with other times.
    Replace(Element),
    /// It is not to be in its set.
    Remove(IpAddr),
}

/// What the second never-block check kept out. Always empty unless the planner has an error.
pub type KeptOut = Vec<(IpAddr, NeverBlockReason)>;

/// Writes and reads the table.
pub struct Nft {
    socket: NetlinkSocket,
    counters: ElementCounters,
    send_bytes: usize,
}

impl Nft {
    /// Opens the socket and tries whether the kernel has nf_tables. Writes nothing.
    pub fn open() -> Result<Self, NftError> {
        let socket = NetlinkSocket::open(Bus::Netfilter, 0).map_err(NftError::Open)?;
        let send_bytes = match socket.raise_limits(SEND_BYTES, RECEIVE_BYTES) {
            Ok(()) => SEND_BYTES,
            Err(_) => UNPRIVILEGED_SEND_BYTES,
        };
        let nft = Self { socket, counters: ElementCounters::PerElement, send_bytes };
        nft.find_structure().map_err(|error| match error {
            NftError::Read { source, .. } => NftError::Open(source),
            other => other,
        })?;
        Ok(nft)
    }

    /// The port of the socket: notifications that carry it are about our own changes.
    pub fn port(&self) -> u32 {
        self.socket.port()
    }

    /// Whether elements count packets.
    pub fn counters(&self) -> ElementCounters {
        self.counters
    }

    /// Writes the table anew with exactly these elements. To packets it is one step: there is no
    /// moment without blocks, unless there are too many elements for one transaction.
    pub fn replace(&mut self, elements: &[Element], guard: &ProtectedSet) -> Result<KeptOut, NftError> {
        match self.replace_once(elements, guard) {
            Err(NftError::Refused { source, .. })
                if self.counters == ElementCounters::PerElement && is_unsupported(&source) =>
            {
                self.counters = ElementCounters::Off;
                self.replace_once(elements, guard)
            }
            outcome => outcome,
        }
    }

    fn replace_once(&mut self, elements: &[Element], guard: &ProtectedSet) -> Result<KeptOut, NftError> {
        let table = Table::new(TABLE, ProtoFamily::Inet);
        let mut transaction = Transaction::new();
        // Adding what may be there, then deleting it, never fails.
        transaction.add(&table, MsgType::Add, "add table inet hids");
        transaction.add(&table, MsgType::Del, "delete table inet hids");
        transaction.add(&table, MsgType::Add, "add table inet hids");
        write_structure(&mut transaction, &table, self.counters);
        let mut kept_out = KeptOut::new();
        let changes: Vec<_> = elements.iter().map(Step::Add).collect();
        // What the first transaction cannot hold follows in others.
        let first = changes.len().min(self.elements_per_transaction());
        write_elements(&mut transaction, &table, &changes[..first], guard, &mut kept_out);
        self.commit(transaction)?;
        for rest in changes[first..].chunks(self.elements_per_transaction()) {
            let mut transaction = Transaction::new();
            write_elements(&mut transaction, &table, rest, guard, &mut kept_out);
            self.commit(transaction)?;
        }
        Ok(kept_out)
    }

    /// Makes these changes in one transaction (in several if there are too many for one).
    pub fn apply(&mut self, changes: &[Change], guard: &ProtectedSet) -> Result<KeptOut, NftError> {
        let table = Table::new(TABLE, ProtoFamily::Inet);
        let mut kept_out = KeptOut::new();
        for chunk in changes.chunks(self.elements_per_transaction()) {
            let mut transaction = Transaction::new();
            // Removing is adding and deleting, so that an element that has just expired is no error.
            // Kernels before 6.12 do not change the time of an element that is there: it is replaced.
            let bare: Vec<Element> = chunk.iter().filter_map(bare_element).collect();
            let (add, delete): (Vec<_>, Vec<_>) =
                bare.iter().map(|element| (Step::AddToDelete(element), Step::Delete(element))).unzip();
            write_elements(&mut transaction, &table, &add, guard, &mut kept_out);
            write_elements(&mut transaction, &table, &delete, guard, &mut kept_out);
            let added: Vec<_> = chunk.iter().filter_map(added_element).map(Step::Add).collect();
            write_elements(&mut transaction, &table, &added, guard, &mut kept_out);
            self.commit(transaction)?;
        }
        Ok(kept_out)
    }

    /// Removes the table and with it all blocks.
    pub fn remove_table(&mut self) -> Result<(), NftError> {
        let table = Table::new(TABLE, ProtoFamily::Inet);
        let mut transaction = Transaction::new();
        transaction.add(&table, MsgType::Add, "add table inet hids");
        transaction.add(&table, MsgType::Del, "delete table inet hids");
        self.commit(transaction)
    }

    /// The structure that is in the kernel now; `None` when there is no table.
    pub fn find_structure(&self) -> Result<Option<Structure>, NftError> {
        nft_dump::find_structure(&self.socket)
    }

    /// The elements that are in the kernel now.
    pub fn find_elements(&self) -> Result<FoundElements, NftError> {
        nft_dump::find_elements(&self.socket)
    }

    /// Those of `addresses` that are in the kernel now: for many elements of a large set much quicker
    /// than reading all of it.
    pub fn find_some(&self, addresses: &[IpAddr]) -> Result<FoundElements, NftError> {
        nft_dump::find_some(&self.socket, addresses)
    }

    fn elements_per_transaction(&self) -> usize {
        // A replacement writes an element three times, each under 320 bytes.
        (self.send_bytes / 1024).max(1)
    }

    fn commit(&mut self, transaction: Transaction) -> Result<(), NftError> {
        if transaction.operations.is_empty() {
            return Ok(());
        }
        let Transaction { batch, operations, elements } = transaction;
        let batch = batch.finalize();
        let bytes = datagram(&batch);
        self.forget_old_answers();
        self.socket.send(&bytes).map_err(|source| NftError::Send { elements, source })?;
        self.read_answers(&batch, &operations, elements)
    }

    fn forget_old_answers(&self) {
        let mut buffer = vec![0u8; 16 * 1024];
        // An overflow (ENOBUFS) clears its own mark when it is read.
        while !matches!(self.socket.try_receive(&mut buffer), Ok(None)) {}
    }

    /// nf_tables works inside `send`, so every answer is queued by now.
    fn read_answers(
        &self,
        batch: &FinalizedBatch,
        operations: &[&'static str],
        elements: usize,
    ) -> Result<(), NftError> {
        let numbers = batch.sequence_numbers();
        // Where the kernel acknowledges batch limits (6.10), begin and end have numbers too.
        let counted_limits = numbers.len() > operations.len();
        let first = numbers.start + u32::from(counted_limits);
        let mut buffer = vec![0u8; 32 * 1024];
        let mut done = 0;
        loop {
            let datagram = match self.socket.try_receive(&mut buffer) {
                Ok(Some(datagram)) => datagram,
                Ok(None) if done >= operations.len() => return Ok(()),
                Ok(None) => return Err(NftError::Unanswered { elements }),
                Err(source) => return Err(NftError::Read { object: "the response to a transaction", source }),
            };
            for message in netlink::messages(datagram) {
                let position = message.sequence.wrapping_sub(first) as usize;
                match (message.outcome(), operations.get(position)) {
                    (Some(Ok(())), Some(_)) => done += 1,
                    (Some(Err(source)), operation) => {
                        let operation = operation.copied().unwrap_or("accept a transaction");
                        return Err(NftError::Refused { operation, source });
                    }
                    _ => {}
                }
            }
        }
    }
}

/// Whether an answer can mean that sets cannot have counters here.
fn is_unsupported(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EINVAL | libc::ENOENT))
}

/// Messages of one transaction, and what each of them does.
struct Transaction {
    batch: Batch,
    operations: Vec<&'static str>,
    elements: usize,
}

impl Transaction {
    fn new() -> Self {
        Self { batch: Batch::new(), operations: Vec::new(), elements: 0 }
    }

    fn add(&mut self, message: &impl nftnl::NlMsg, kind: MsgType, operation: &'static str) {
        self.batch.add(message, kind);
        self.operations.push(operation);
    }
}

/// The whole transaction as one datagram: in several it would be several.
fn datagram(batch: &FinalizedBatch) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(batch.iter().map(<[u8]>::len).sum());
    batch.iter().for_each(|page| bytes.extend_from_slice(page));
    bytes
}

fn write_structure(transaction: &mut Transaction, table: &Table, counters: ElementCounters) {
    let v4 = timeout_set::<Ipv4Addr>(SET_V4, 1, table, counters);
    let v6 = timeout_set::<Ipv6Addr>(SET_V6, 2, table, counters);
    transaction.add(&v4, MsgType::Add, "add set inet hids blocked4");
    transaction.add(&v6, MsgType::Add, "add set inet hids blocked6");
    let mut chain = Chain::new(CHAIN, table);
    chain.set_type(ChainType::Filter);
    chain.set_hook(Hook::PreRouting, PRIORITY_RAW);
    chain.set_policy(Policy::Accept);
    transaction.add(&chain, MsgType::Add, "add chain inet hids input_guard");
    let rule = v4_rule(&chain, &v4);
    transaction.add(&rule, MsgType::Add, "add the IPv4 rule to chain inet hids input_guard");
    let rule = v6_rule(&chain, &v6);
    transaction.add(&rule, MsgType::Add, "add the IPv6 rule to chain inet hids input_guard");
}

fn v4_rule<'a>(chain: &'a Chain<'a>, set: &Set<'_, Ipv4Addr>) -> Rule<'a> {
    let mut rule = Rule::new(chain);
    rule.add_expr(&nft_expr!(meta nfproto));
    rule.add_expr(&nft_expr!(cmp == ProtoFamily::Ipv4 as u8));
    rule.add_expr(&nft_expr!(payload ipv4 saddr));
    rule.add_expr(&nft_expr!(lookup set));
    rule.add_expr(&nft_expr!(counter));
    rule.add_expr(&nft_expr!(verdict drop));
    rule
}

fn v6_rule<'a>(chain: &'a Chain<'a>, set: &Set<'_, Ipv6Addr>) -> Rule<'a> {
    let mut rule = Rule::new(chain);
    rule.add_expr(&nft_expr!(meta nfproto));
    rule.add_expr(&nft_expr!(cmp == ProtoFamily::Ipv6 as u8));
    rule.add_expr(&nft_expr!(payload ipv6 saddr));
    rule.add_expr(&nft_expr!(lookup set));
    rule.add_expr(&nft_expr!(counter));
    rule.add_expr(&nft_expr!(verdict drop));
    rule
}

/// One element message entry.
enum Step<'a> {
    /// It shall be there.
    Add(&'a Element),
    /// It shall be there so that deleting it in the same transaction is no error.
    AddToDelete(&'a Element),
    /// It shall not be there.
    Delete(&'a Element),
}

impl<'a> Step<'a> {
    fn element(&self) -> &'a Element {
        match self {
            Self::Add(element) | Self::AddToDelete(element) | Self::Delete(element) => element,
        }
    }

    fn kind(&self) -> MsgType {
        if matches!(self, Self::Delete(_)) { MsgType::Del } else { MsgType::Add }
    }
}

/// The bare key of what must go before anything is added.
fn bare_element(change: &Change) -> Option<Element> {
    let address = match change {
        Change::Put(_) => return None,
        Change::Replace(element) => element.address,
        Change::Remove(address) => *address,
    };
    // If another program sees it between the two steps of a transaction, there is an error in the kernel.
    let life = Some(ElementLife { timeout: Duration::from_secs(1), remaining: Duration::from_secs(1) });
    Some(Element { address, life, comment: String::new(), counted: Counted::default() })
}

fn added_element(change: &Change) -> Option<&Element> {
    match change {
        Change::Put(element) | Change::Replace(element) => Some(element),
        Change::Remove(_) => None,
    }
}

/// The only place where addresses are written into the sets; here each is checked once more.
fn write_elements(
    transaction: &mut Transaction,
    table: &Table,
    steps: &[Step<'_>],
    guard: &ProtectedSet,
    kept_out: &mut KeptOut,
) {
    for (set, is_v4) in [(SET_V4, true), (SET_V6, false)] {
        let mut message = ElementMessage::new(table, set);
        for step in steps.iter().filter(|step| step.element().address.is_ipv4() == is_v4) {
            let element = step.element();
            if let (Step::Add(_), Some(reason)) = (step, guard.protects(element.address)) {
                kept_out.push((element.address, reason));
                continue;
            }
            if message.len() == ElementMessage::MAX_ELEMENTS {
                flush_message(transaction, &message, step.kind());
                message = ElementMessage::new(table, set);
            }
            let taken = push_element(&mut message, element);
            debug_assert!(taken, "keys and comments are bounded, and the message has room");
            transaction.elements += 1;
        }
        if let Some(step) = steps.first().filter(|_| !message.is_empty()) {
            flush_message(transaction, &message, step.kind());
        }
    }
}

fn flush_message(transaction: &mut Transaction, message: &ElementMessage, kind: MsgType) {
    let operation = if kind == MsgType::Del {
        "delete elements of a set of table inet hids"
    } else {
        "add elements to a set of table inet hids"
    };
    transaction.add(message, kind, operation);
}

fn push_element(message: &mut ElementMessage, element: &Element) -> bool {
    let user_data = comment_record(&element.comment);
    let counted = (element.counted != Counted::default()).then_some(element.counted);
    let (v4, v6);
    let key: &[u8] = match element.address {
        IpAddr::V4(address) => {
            v4 = address.octets();
            &v4
        }
        IpAddr::V6(address) => {
            v6 = address.octets();
            &v6
        }
    };
    message.push(&ElementSpec { key, life: element.life, user_data: &user_data, counted })
}

/// A comment as libnftnl keeps it: type 0, length, text with its NUL; printable ASCII without
/// quotes only, at most 128 bytes with the NUL.
fn comment_record(comment: &str) -> Vec<u8> {
    const LONGEST: usize = 127;
    if comment.is_empty() {
        return Vec::new();
    }
    let shown =
        |byte: u8| if (byte.is_ascii_graphic() || byte == b' ') && byte != b'"' && byte != b'\\' { byte } else { b'?' };
    let text: Vec<u8> = comment.bytes().take(LONGEST).map(shown).collect();
    let mut record = vec![0, (text.len() + 1) as u8];
    record.extend_from_slice(&text);
    record.push(0);
    record
}
