//! Notifies systemd of the daemon's state (`sd_notify(3)`).

use std::os::unix::net::UnixDatagram;

/// What is told.
#[derive(Clone, Copy, Debug)]
pub(super) enum Notice<'a> {
    /// Blocks are in the kernel, sources are followed, the control socket answers.
    Ready,
    /// One line for `systemctl status`.
    Status(&'a str),
    /// Stopping has begun.
    Stopping,
}

/// Sends the notice if systemd asked for it; a failure only means that systemd waits in vain.
pub(super) fn notify(notice: Notice<'_>) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else { return };
    let text = match notice {
        Notice::Ready => "READY=1".to_owned(),
        Notice::Status(line) => format!("STATUS={line}"),
        Notice::Stopping => "STOPPING=1".to_owned(),
    };
    let sent = UnixDatagram::unbound().and_then(|datagram| {
        use std::os::linux::net::SocketAddrExt as _;
        let name = socket.as_encoded_bytes();
        match name.strip_prefix(b"@") {
            Some(abstract_name) => {
                let address = std::os::unix::net::SocketAddr::from_abstract_name(abstract_name)?;
                datagram.send_to_addr(text.as_bytes(), &address)
            }
            None => datagram.send_to(text.as_bytes(), &socket),
        }
    });
    if let Err(error) = sent {
        tracing::warn!(%error, "cannot notify systemd; it may stop the daemon after the start timeout");
    }
}
