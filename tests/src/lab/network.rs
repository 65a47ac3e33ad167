//! The three machines and the cables between them.

use anyhow::Result;

use super::Host;
use crate::running::output;

/// The server's address on the side of the attacker.
pub const SERVER_OUTSIDE: &str = "203.0.113.10";
/// The same for IPv6.
pub const SERVER_OUTSIDE6: &str = "2001:db8:1::10";
/// The attacker.
pub const ATTACKER: &str = "203.0.113.66";
/// Another address of the attacker, for a second attack while the first address is blocked.
pub const ATTACKER_WEB: &str = "203.0.113.77";
/// The attacker's IPv6 address.
pub const ATTACKER6: &str = "2001:db8:1::66";
/// The server's address on the side of the friend.
pub const SERVER_INSIDE: &str = "192.168.1.10";
/// The friend: the guide's white-listed address.
pub const FRIEND: &str = "192.168.1.2";

/// A server between an attacker and a friend.
#[derive(Debug)]
pub struct Lab {
    /// The machine under attack, where the daemon runs.
    pub server: Host,
    /// Outside.
    pub attacker: Host,
    /// Inside, on the white list.
    pub friend: Host,
}

impl Lab {
    /// Makes and connects the machines; nothing runs on them yet.
    ///
    /// # Errors
    /// When not root, or the kernel lacks namespaces or veth.
    pub fn new() -> Result<Self> {
        let lab = Self { server: Host::new("www1")?, attacker: Host::new("attacker")?, friend: Host::new("friend")? };
        cable(&lab.server, "eth0", &lab.attacker)?;
        cable(&lab.server, "eth1", &lab.friend)?;
        lab.server.add_address("eth0", &format!("{SERVER_OUTSIDE}/24"))?;
        lab.server.add_address("eth0", &format!("{SERVER_OUTSIDE6}/64"))?;
        lab.server.add_address("eth1", &format!("{SERVER_INSIDE}/24"))?;
        lab.attacker.add_address("eth0", &format!("{ATTACKER}/24"))?;
        lab.attacker.add_address("eth0", &format!("{ATTACKER_WEB}/24"))?;
        lab.attacker.add_address("eth0", &format!("{ATTACKER6}/64"))?;
        lab.friend.add_address("eth0", &format!("{FRIEND}/24"))?;
        Ok(lab)
    }
}

/// Connects `interface` of one machine with `eth0` of the other.
fn cable(near: &Host, interface: &str, far: &Host) -> Result<()> {
    // The far end is named by process id, which only the caller's process namespace knows.
    let far_pid = far.pid().to_string();
    let peer = ["peer", "name", "eth0", "netns", &far_pid];
    output(near.network_command("ip").args(["link", "add", interface, "type", "veth"]).args(peer))?;
    output(near.network_command("ip").args(["link", "set", interface, "up"]))?;
    output(far.network_command("ip").args(["link", "set", "eth0", "up"])).map(|_| ())
}
