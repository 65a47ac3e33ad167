//! Log channels: the kind of log that an event comes from.

/// OSSEC's decoder types, which are also the categories of rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// Everything that is nothing else, lines that no decoder knows included.
    #[default]
    Syslog,
    /// Packet filters.
    Firewall,
    /// Intrusion detection.
    Ids,
    /// Web servers.
    WebLog,
    /// Proxies.
    Squid,
    /// Windows events.
    Windows,
    /// Open ports of hosts.
    HostInformation,
    /// File integrity, rootkit checks and other events of our own.
    Ossec,
}

impl EventKind {
    /// The kind that a decoder's `<type>` or a rule's `<category>` names.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "syslog" => Self::Syslog,
            "firewall" => Self::Firewall,
            "ids" => Self::Ids,
            "web-log" => Self::WebLog,
            "squid" => Self::Squid,
            "windows" => Self::Windows,
            "host-information" => Self::HostInformation,
            "ossec" => Self::Ossec,
            _ => return None,
        })
    }

    /// The names that [`parse`](Self::parse) knows.
    pub const NAMES: [&str; 8] =
        ["syslog", "firewall", "ids", "web-log", "squid", "windows", "host-information", "ossec"];
}
