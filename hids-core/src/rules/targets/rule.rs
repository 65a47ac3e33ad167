//! What a rule asks about targets, and what of an event is the target.

use std::net::IpAddr;

use ipnet::IpNet;

use super::network::Network;
use crate::decode::FieldId;
use crate::model::TargetKind;
use crate::rules::event::RuleEvent;

/// Most networks that a rule may want, and that are kept of one target.
pub(in crate::rules) const MOST_NETWORKS: u32 = 256;
/// A longer name is no account of anybody.
const LONGEST_ACCOUNT_BYTES: usize = 128;
/// Of a path, this much names it.
const LONGEST_PATH_BYTES: usize = 256;

/// What a rule counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::rules) enum Counts {
    /// `<target>`: the networks at one target.
    NetworksOf(TargetKind),
    /// `<different_accounts>`: the accounts of one source.
    AccountsOfSource,
}

/// A rule with `<target>` or `<different_accounts>`.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) struct TargetRule {
    pub counts: Counts,
    /// How many of them make an attack.
    pub wanted: u32,
    pub timeframe_seconds: u32,
    /// `ignore`: for how long the rule is silent about a target; for as long the target is one under attack.
    pub silent_seconds: u32,
}

impl TargetRule {
    /// For how long an alert about a target holds.
    pub(super) fn attack_seconds(&self) -> i64 {
        i64::from(self.silent_seconds.max(self.timeframe_seconds))
    }
}

/// What a rule asks, by the number of the rule that counts.
#[derive(Clone, Copy, Debug)]
pub(in crate::rules) enum TargetTest {
    /// `<target>`, `<different_accounts>`: whether this event makes an attack.
    Counts(u32),
    /// `<if_target_of>`: whether the event's target is under attack.
    Attacked(u32),
}

/// Who sent the event, if he counts.
pub(super) fn peer(event: &RuleEvent<'_>, excepted: &[(IpNet, bool)]) -> Option<(IpAddr, Network)> {
    let (address, network) = Network::of(event.field(FieldId::SRC_IP)?)?;
    let decides = excepted.iter().find(|(net, _)| net.contains(&address));
    decides.is_none_or(|(_, is_excepted)| !is_excepted).then_some((address, network))
}

/// Writes the name of the target into `out`; `None` when the event has none.
pub(super) fn key(kind: TargetKind, event: &RuleEvent<'_>, out: &mut Vec<u8>) -> Option<()> {
    out.clear();
    match kind {
        TargetKind::Account => {
            let user = event.field(FieldId::DST_USER).or_else(|| event.field(FieldId::SRC_USER))?.trim_ascii();
            if user.is_empty() || user == b"-" || user.len() > LONGEST_ACCOUNT_BYTES {
                return None;
            }
            out.extend(user.iter().map(u8::to_ascii_lowercase));
        }
        TargetKind::Path => path(event.field(FieldId::URL)?, out)?,
        TargetKind::Service => match event.program_name {
            // `postfix/smtpd` and `postfix/submission/smtpd` are one service, and so are sshd's programs.
            Some(program) => {
                let first = program.split(|&byte| byte == b'/').next()?;
                let first = if first.starts_with(b"sshd-") { b"sshd" } else { first };
                out.extend_from_slice(&first[..first.len().min(LONGEST_ACCOUNT_BYTES)]);
            }
            None => out.extend_from_slice(event.decoder_name.as_bytes()),
        },
    }
    (!out.is_empty()).then_some(())
}

/// The path without query; `//x`, `/./x` and `/X` are the same as `/x`.
fn path(url: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let end = url.iter().position(|byte| b"?#;".contains(byte)).unwrap_or(url.len());
    if !url.starts_with(b"/") {
        return None;
    }
    for part in url[..end].split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".") {
        out.push(b'/');
        out.extend(part.iter().map(u8::to_ascii_lowercase));
    }
    if out.is_empty() {
        out.push(b'/');
    }
    out.truncate(LONGEST_PATH_BYTES);
    Some(())
}
