//! Watches what others do to our nftables table and to the machine's addresses.
//!
//! Owns one thread with three sockets: notifications of nf_tables, notifications of addresses and
//! routes, and one for reading the elements back. Tells the responder; never changes anything.

use std::io;
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{SendTimeoutError, Sender};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tracing::debug;

use super::netlink::messages;
use super::nft_dump::{FoundElements, find_elements, is_foreign_change};
use crate::platform::waker::Waker;
use crate::sys::netlink::{Bus, NetlinkSocket};

/// Notifications of nf_tables.
const GROUP_NFTABLES: u32 = 1 << (libc::NFNLGRP_NFTABLES - 1);
/// IPv4 and IPv6 addresses and routes (`RTNLGRP_*` 5, 7, 9, 11).
const GROUPS_ADDRESSES: u32 = (1 << 4) | (1 << 6) | (1 << 8) | (1 << 10);
/// Notifications that come close together are one.
const GATHER: Duration = Duration::from_millis(20);
/// How long a notice waits for room before the thread looks whether it is to stop.
const STOP_CHECK: Duration = Duration::from_millis(100);
/// How often the elements are read back without a reason.
const VERIFY_EVERY: Duration = Duration::from_secs(60);
/// Reading back takes at most this part of the time.
const VERIFY_SHARE: u32 = 200;

/// What the responder is told.
#[derive(Debug)]
pub(super) enum Notice {
    /// Another program has changed our table.
    TableChanged,
    /// These elements are in the kernel.
    Elements {
        /// Which.
        found: FoundElements,
        /// Whether they were read because another program changed something.
        after_change: bool,
    },
    /// Addresses or routes of the machine have changed.
    AddressesChanged,
}

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Watched {
    /// The table and the addresses.
    TableAndAddresses,
    /// The addresses only (`--dry-run`).
    Addresses,
}

/// The thread; stopped on drop.
pub(super) struct Watch {
    watched: Watched,
    stop: Waker,
    thread: Option<JoinHandle<()>>,
}

impl Watch {
    /// Starts watching. Changes made by the socket whose port is in `own_port` are left out.
    pub(super) fn start(watched: Watched, own_port: Arc<AtomicU32>, notices: Sender<Notice>) -> io::Result<Self> {
        let addresses = NetlinkSocket::open(Bus::Route, GROUPS_ADDRESSES)?;
        let table = match watched {
            Watched::TableAndAddresses => Some(Table::open()?),
            Watched::Addresses => None,
        };
        let stop = Waker::new()?;
        let stopped = stop.clone();
        let mut watcher = Watcher { addresses, table, own_port, notices, stopped };
        let thread = std::thread::Builder::new().name("respond-watch".into()).spawn(move || watcher.run())?;
        Ok(Self { watched, stop, thread: Some(thread) })
    }

    /// What it watches.
    pub(super) fn watched(&self) -> Watched {
        self.watched
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.wake();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Table {
    notifications: NetlinkSocket,
    reader: NetlinkSocket,
    verify_at: Instant,
    /// Another program has changed something since they were read last.
    is_changed: bool,
}

impl Table {
    fn open() -> io::Result<Self> {
        let notifications = NetlinkSocket::open(Bus::Netfilter, GROUP_NFTABLES)?;
        // An overflow is noticed and counts as a change by others, so failing to raise is no error.
        let _ = notifications.raise_limits(64 << 10, 4 << 20);
        let reader = NetlinkSocket::open(Bus::Netfilter, 0)?;
        Ok(Self { notifications, reader, verify_at: Instant::now() + VERIFY_EVERY, is_changed: false })
    }
}

struct Watcher {
    addresses: NetlinkSocket,
    table: Option<Table>,
    own_port: Arc<AtomicU32>,
    notices: Sender<Notice>,
    stopped: Waker,
}

/// The responder is gone, or this thread is to stop.
struct Stopped;

impl Watcher {
    fn run(&mut self) {
        let mut addresses_at = None;
        while self.wait(addresses_at).is_ok() {
            if self.addresses_changed() {
                addresses_at.get_or_insert(Instant::now() + GATHER);
            }
            let told = self.look_at_table().and_then(|()| {
                if addresses_at.is_some_and(|at| at <= Instant::now()) {
                    addresses_at = None;
                    return self.tell(Notice::AddressesChanged);
                }
                Ok(())
            });
            if told.is_err() {
                return;
            }
        }
    }

    fn wait(&self, addresses_at: Option<Instant>) -> Result<(), Stopped> {
        let next = addresses_at.into_iter().chain(self.table.as_ref().map(|table| table.verify_at)).min();
        let left = next.map(|at| at.saturating_duration_since(Instant::now()));
        let left = left.and_then(|left| Timespec::try_from(left).ok());
        let mut watched = vec![
            PollFd::new(&self.stopped, PollFlags::IN),
            PollFd::from_borrowed_fd(self.addresses.as_fd(), PollFlags::IN),
        ];
        watched.extend(
            self.table.iter().map(|table| PollFd::from_borrowed_fd(table.notifications.as_fd(), PollFlags::IN)),
        );
        match poll(&mut watched, left.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) if watched[0].revents().is_empty() => Ok(()),
            _ => Err(Stopped),
        }
    }

    fn addresses_changed(&self) -> bool {
        let mut buffer = vec![0u8; 32 * 1024];
        let mut changed = false;
        // An error means that notifications were lost: also a change.
        while !matches!(self.addresses.try_receive(&mut buffer), Ok(None)) {
            changed = true;
        }
        changed
    }

    fn look_at_table(&mut self) -> Result<(), Stopped> {
        let own_port = self.own_port.load(Ordering::Relaxed);
        let Some(table) = &mut self.table else { return Ok(()) };
        let mut buffer = vec![0u8; 64 * 1024];
        let mut is_changed = false;
        loop {
            match table.notifications.try_receive(&mut buffer) {
                Ok(None) => break,
                Ok(Some(datagram)) => {
                    is_changed |= messages(datagram).any(|message| is_foreign_change(&message, own_port))
                }
                Err(_) => is_changed = true,
            }
        }
        if is_changed {
            table.is_changed = true;
            table.verify_at = table.verify_at.min(Instant::now() + GATHER);
            self.tell(Notice::TableChanged)?;
        }
        self.verify_when_due()
    }

    fn verify_when_due(&mut self) -> Result<(), Stopped> {
        let Some(table) = self.table.as_mut().filter(|table| table.verify_at <= Instant::now()) else { return Ok(()) };
        let began = Instant::now();
        let after_change = std::mem::take(&mut table.is_changed);
        let found = find_elements(&table.reader);
        table.verify_at = Instant::now() + VERIFY_EVERY.max(began.elapsed() * VERIFY_SHARE);
        match found {
            Ok(found) => self.tell(Notice::Elements { found, after_change }),
            Err(error) => {
                debug!(%error, "cannot read back blocked addresses");
                Ok(())
            }
        }
    }

    /// Waits for room, but not for a responder that is itself waiting for this thread to stop.
    fn tell(&self, mut notice: Notice) -> Result<(), Stopped> {
        loop {
            match self.notices.send_timeout(notice, STOP_CHECK) {
                Ok(()) => return Ok(()),
                Err(SendTimeoutError::Timeout(back)) if !self.is_stopped() => notice = back,
                Err(_) => return Err(Stopped),
            }
        }
    }

    fn is_stopped(&self) -> bool {
        let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
        let mut watched = [PollFd::new(&self.stopped, PollFlags::IN)];
        poll(&mut watched, Some(&at_once)).is_ok_and(|ready| ready > 0)
    }
}
