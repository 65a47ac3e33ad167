//! Repeat counter of a path: which of rules 550 to 552 a change raises.

use crate::model::{ChangeKind, FimEvent};

/// Changes of one path that OSSEC reports under `auto_ignore`.
pub(super) const OSSEC_CHANGES: u32 = 3;

/// Names of the built-in decoders of changes (OSSEC's) and of the other news (ours; nobody else's rules
/// use them). Rules ask for them with `<decoded_as>`.
pub const DECODERS: [&str; 19] = [
    "syscheck_integrity_changed",
    "syscheck_integrity_changed_2nd",
    "syscheck_integrity_changed_3rd",
    "syscheck_new_entry",
    "syscheck_deleted",
    "syscheck_gap",
    "syscheck_gap_closed",
    "syscheck_refused",
    "syscheck_would_refuse",
    "syscheck_accepted",
    "syscheck_protection_on",
    "syscheck_protection_off",
    "syscheck_damage",
    "firewall_restored",
    "line_set_aside",
    "syscheck_window_opened",
    "syscheck_window_closed",
    "syscheck_maintenance_on",
    "syscheck_maintenance_off",
];

/// The built-in decoder that takes `news`. `counts_changes` is `auto_ignore`: without it OSSEC calls every
/// change the first one.
pub fn decoder(news: &FimEvent, counts_changes: bool) -> &'static str {
    match news {
        FimEvent::Change(change) => match (change.kind, change.count) {
            (ChangeKind::Deleted, _) => "syscheck_deleted",
            (ChangeKind::Added | ChangeKind::Readded, _) => "syscheck_new_entry",
            (ChangeKind::Modified, 2) if counts_changes => "syscheck_integrity_changed_2nd",
            (ChangeKind::Modified, OSSEC_CHANGES..) if counts_changes => "syscheck_integrity_changed_3rd",
            (ChangeKind::Modified, _) => "syscheck_integrity_changed",
        },
        FimEvent::Gap(gap) if gap.closed.is_some() => "syscheck_gap_closed",
        FimEvent::Gap(_) => "syscheck_gap",
        FimEvent::Refusal(refusal) if refusal.refused => "syscheck_refused",
        FimEvent::Refusal(_) => "syscheck_would_refuse",
        FimEvent::Acceptance(_) => "syscheck_accepted",
        FimEvent::Protection(protection) if protection.enforced => "syscheck_protection_on",
        FimEvent::Protection(_) => "syscheck_protection_off",
        FimEvent::Damage(_) => "syscheck_damage",
        FimEvent::Restored(_) => "firewall_restored",
        FimEvent::SetAside(_) => "line_set_aside",
        FimEvent::Window(window) => match (window.everything, &window.end) {
            (false, None) => "syscheck_window_opened",
            (false, Some(_)) => "syscheck_window_closed",
            (true, None) => "syscheck_maintenance_on",
            (true, Some(_)) => "syscheck_maintenance_off",
        },
    }
}
