//! Nmap "greppable" output: which ports of a host are open.

use super::assembler::{Assemble, Emit, Held};

/// Rewrites lines that name open ports, and leaves all others out.
#[derive(Debug)]
pub(super) struct Nmap;

impl Assemble for Nmap {
    fn line(&mut self, line: &[u8], emit: Emit<'_>) -> Held {
        if let Some(event) = open_ports(line) {
            emit(&event);
        }
        Held::Nothing
    }
}

/// `Host: 10.0.0.1 (name)\tPorts: 22/open/tcp//ssh///, …` becomes
/// `Host: 10.0.0.1, open ports: 22(tcp) …`; `None` for all other lines.
fn open_ports(line: &[u8]) -> Option<Vec<u8>> {
    let rest = line.strip_prefix(b"Host: ")?;
    let at = memchr::memmem::find(rest, b"Ports: ")?;
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
    (event.len() > before).then_some(event)
}
