//! A netlink socket: libmnl opens, binds and sends; receiving never waits.
//!
//! Owns the descriptor. Never interprets a message.

use std::io;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd};

use rustix::net::RecvFlags;
use rustix::net::sockopt::{set_socket_recv_buffer_size_force, set_socket_send_buffer_size_force};

pub use mnl::Bus;

/// An open netlink socket that child processes do not inherit.
pub struct NetlinkSocket(mnl::Socket);

impl NetlinkSocket {
    /// Opens a socket and joins the multicast groups whose bits (group n is bit n-1) are set.
    pub fn open(bus: Bus, groups: u32) -> io::Result<Self> {
        let socket = Self(mnl::Socket::open(bus)?);
        rustix::io::fcntl_setfd(&socket, rustix::io::FdFlags::CLOEXEC)?;
        // Port 0: the kernel chooses one that is unique in this network namespace.
        socket.0.bind(groups, 0)?;
        Ok(socket)
    }

    /// The address of this socket: the kernel puts it into notifications of what it caused.
    pub fn port(&self) -> u32 {
        self.0.portid()
    }

    /// Raises the kernel's limits on what may be queued, beyond the sysctl maximum (needs `CAP_NET_ADMIN`).
    pub fn raise_limits(&self, send_bytes: usize, receive_bytes: usize) -> io::Result<()> {
        set_socket_send_buffer_size_force(self, send_bytes)?;
        set_socket_recv_buffer_size_force(self, receive_bytes)?;
        Ok(())
    }

    /// Sends one datagram. The kernel has acted on it when this returns.
    pub fn send(&self, datagram: &[u8]) -> io::Result<()> {
        let sent = self.0.send(datagram)?;
        if sent != datagram.len() { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
    }

    /// The next datagram, if one is queued; `None` when none is.
    ///
    /// A datagram longer than `buffer` is an error: half of it cannot be trusted.
    pub fn try_receive<'a>(&self, buffer: &'a mut [u8]) -> io::Result<Option<&'a [u8]>> {
        loop {
            match rustix::net::recv(self, &mut *buffer, RecvFlags::DONTWAIT | RecvFlags::TRUNC) {
                Ok((_, length)) if length > buffer.len() => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a netlink datagram is longer than the buffer",
                    ));
                }
                Ok((_, length)) => return Ok(Some(&buffer[..length])),
                Err(rustix::io::Errno::INTR) => {}
                Err(rustix::io::Errno::AGAIN) => return Ok(None),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl AsFd for NetlinkSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        // SAFETY: the descriptor stays open as long as `self.0`, which the result borrows.
        unsafe { BorrowedFd::borrow_raw(self.0.as_raw_fd()) }
    }
}

// SAFETY: `mnl_socket` is a descriptor and an address that no call changes after `bind`; libmnl
// keeps no thread-local state. The type is not `Sync`, so only one thread uses it at a time.
unsafe impl Send for NetlinkSocket {}
