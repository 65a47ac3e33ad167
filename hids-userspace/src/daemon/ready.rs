//! Tells systemd that the daemon is ready, reloading or stopping (`sd_notify(3)`).

use std::os::unix::net::UnixDatagram;

/// What is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notice {
    /// All stages run.
    Ready,
    /// Stopping has begun.
    Stopping,
}

/// Sends the notice if systemd asked for it; a failure only means that systemd waits in vain.
pub(super) fn notify(notice: Notice) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let text: &[u8] = match notice {
        Notice::Ready => b"READY=1",
        Notice::Stopping => b"STOPPING=1",
    };
    let sent = UnixDatagram::unbound().and_then(|datagram| {
        use std::os::linux::net::SocketAddrExt as _;
        let name = socket.as_encoded_bytes();
        match name.strip_prefix(b"@") {
            Some(abstract_name) => {
                let address = std::os::unix::net::SocketAddr::from_abstract_name(abstract_name)?;
                datagram.send_to_addr(text, &address)
            }
            None => datagram.send_to(text, &socket),
        }
    });
    if let Err(error) = sent {
        tracing::warn!(%error, "cannot tell systemd that the daemon is ready; it may stop the daemon after its start time-out");
    }
}
