//! Nmap "greppable" output: which ports of a host are open.

use super::Emit;

/// `Host: 10.0.0.1 (name)\tPorts: 22/open/tcp//ssh///, …` becomes
/// `Host: 10.0.0.1, open ports: 22(tcp) …`; all other lines are left out.
pub(super) fn line(line: &[u8], emit: Emit<'_>) {
    let Some(rest) = line.strip_prefix(b"Host: ") else { return };
    let Some(at) = memchr::memmem::find(rest, b"Ports: ") else { return };
    let address = rest.split(|byte| matches!(byte, b' ' | b'\t')).next().unwrap_or_default();
    let ports = rest[at + 7..].split(|&byte| byte == b'\t').next().unwrap_or_default();
    let mut event = [b"Host: ", address, b", open ports:"].concat();
    let before = event.len();
    for port in ports.split(|&byte| byte == b',') {
        let mut parts = port.trim_ascii().split(|&byte| byte == b'/');
        if let (Some(number), Some(b"open"), Some(protocol)) = (parts.next(), parts.next(), parts.next()) {
            event.extend_from_slice(&[b" ", number, b"(", protocol, b")"].concat());
        }
    }
    if event.len() > before {
        emit(&event);
    }
}
