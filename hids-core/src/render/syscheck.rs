//! Alerts of file integrity in JSON: what was before and after, and who did it.

use super::json::Object;
use crate::escape::visible_string;
use crate::model::{ChangeKind, FileNotice, FileState, FimEvent, Timestamp, Who};

/// Longest diff in JSON; its maker has bounded it already.
const DIFF_LIMIT_BYTES: usize = 64 << 10;
/// Most processes besides the last one.
const MOST_EARLIER: usize = 8;

/// A notice as one JSON object, with the keys that it has in alerts.json.
pub fn file_notice_json(out: &mut Vec<u8>, notice: &FileNotice) {
    let mut object = Object::start(out);
    syscheck_file(&mut object, crate::fim::subject(&notice.news), Some(notice));
    object.end();
}

/// `SyscheckFile` of alerts.json: OSSEC's keys with OSSEC's meaning (`path`, `…_before` and `…_after` where
/// they differ, `…_after` alone for a new file; `perm_…` is the whole mode as a number, owners are texts),
/// then keys of our own.
pub(super) fn syscheck_file(object: &mut Object<'_>, path: Option<&[u8]>, notice: Option<&FileNotice>) {
    if let Some(path) = path {
        object.text("path", path);
    }
    let Some(notice) = notice else { return };
    before_and_after(object, notice);
    object.text("event", event(&notice.news).as_bytes());
    object.number("sequence", number(notice.sequence));
    match &notice.news {
        FimEvent::Change(change) => {
            object.number("changes", change.count.into());
            object.texts("operations", change.operations.iter().map(|operation| operation.name().as_bytes()));
            if let Some(diff) = &change.diff {
                object.text("diff", &diff.as_bytes()[..diff.len().min(DIFF_LIMIT_BYTES)]);
            }
            if let Some((last, earlier)) = change.who.split_last() {
                object.object("who", |object| who_object(object, last));
                let earlier = earlier.iter().rev().take(MOST_EARLIER);
                object.objects("who_earlier", earlier, |object, who| who_object(object, who));
            }
        }
        FimEvent::Gap(gap) => {
            object.text("cause", gap.cause.name().as_bytes());
            object.plain("opened", |out| push_time(out, gap.opened));
            if let Some(closed) = gap.closed {
                object.plain("closed", |out| push_time(out, closed));
                object.number("found", number(gap.found));
            }
        }
        FimEvent::Refusal(refusal) => {
            object.texts("operations", std::iter::once(refusal.operation.name().as_bytes()));
            object.number("times", refusal.count.into());
            object.object("who", |object| who_object(object, &refusal.who));
        }
        FimEvent::Acceptance(acceptance) => {
            object.number("files", number(acceptance.files));
            object.texts("reasons", acceptance.reasons.iter().map(String::as_bytes));
            object.texts("paths", acceptance.examples.iter().map(Vec::as_slice));
        }
        FimEvent::Protection(protection) => {
            object.text("enforced", if protection.enforced { b"yes" } else { b"no" });
            object.texts("reasons", std::iter::once(protection.reason.as_bytes()));
            if let Some(uid) = protection.uid {
                object.number("uid", uid.into());
            }
        }
        FimEvent::Restored(restored) => {
            object.texts("reasons", std::iter::once(restored.reason.as_bytes()));
            object.number("times", number(restored.times));
            object.number("blocked", number(restored.blocked));
        }
        FimEvent::Damage(damage) => {
            object.texts("reasons", std::iter::once(damage.what.as_bytes()));
            object.texts("paths", damage.paths.iter().map(Vec::as_slice));
        }
        FimEvent::SetAside(aside) => {
            object.text("source", aside.location.as_bytes());
            object.text("position", aside.position.as_bytes());
            object.text("part", aside.part.as_bytes());
            object.text("cause", aside.cause.as_bytes());
            object.number("length", number(aside.line.len() as u64));
        }
        FimEvent::Window(window) => {
            object.number("window", number(window.id));
            object.texts("reasons", std::iter::once(window.reason.as_bytes()));
            object.texts("members", window.members.iter().map(String::as_bytes));
            object.plain("opened", |out| push_time(out, window.opened));
            object.plain("ends", |out| push_time(out, window.ends));
            if let Some(end) = &window.end {
                object.plain("closed", |out| push_time(out, end.time));
                object.text("cause", end.cause.name().as_bytes());
                object.number("files", number(end.changes));
                object.texts("paths", end.examples.iter().map(Vec::as_slice));
            }
            object.object("who", |object| who_object(object, &window.opener));
        }
    }
}

/// What happened, in a word.
fn event(news: &FimEvent) -> &'static str {
    match news {
        FimEvent::Change(change) => change.kind.name(),
        FimEvent::Gap(gap) if gap.closed.is_some() => "gap-closed",
        FimEvent::Gap(_) => "gap",
        FimEvent::Refusal(refusal) if refusal.refused => "refused",
        FimEvent::Refusal(_) => "would-refuse",
        FimEvent::Acceptance(_) => "accepted",
        FimEvent::Protection(_) => "protection",
        FimEvent::Damage(_) => "damage",
        FimEvent::Restored(_) => "firewall-restored",
        FimEvent::SetAside(_) => "line-set-aside",
        FimEvent::Window(window) => match (window.everything, &window.end) {
            (false, None) => "window-opened",
            (false, Some(_)) => "window-closed",
            (true, None) => "maintenance-on",
            (true, Some(_)) => "maintenance-off",
        },
    }
}

/// The two sides of a change, and the names of their keys.
struct Sides<'o, 'a, 'c> {
    object: &'o mut Object<'a>,
    old: Option<&'c FileState>,
    new: Option<&'c FileState>,
}

impl Sides<'_, '_, '_> {
    /// A value of each side as text, unless they are equal.
    fn text(&mut self, keys: [&'static str; 2], value: impl Fn(&FileState) -> Option<Vec<u8>>) {
        let (old, new) = (self.old.and_then(&value), self.new.and_then(&value));
        if old == new {
            return;
        }
        for (key, value) in keys.into_iter().zip([old, new]) {
            if let Some(value) = value {
                self.object.text(key, &value);
            }
        }
    }

    /// The same as number.
    fn number(&mut self, keys: [&'static str; 2], value: impl Fn(&FileState) -> i64) {
        let (old, new) = (self.old.map(&value), self.new.map(&value));
        if old == new {
            return;
        }
        for (key, value) in keys.into_iter().zip([old, new]) {
            if let Some(value) = value {
                self.object.number(key, value);
            }
        }
    }
}

/// What was and what is, of a change, where they differ.
pub(super) fn before_and_after(object: &mut Object<'_>, notice: &FileNotice) {
    let FimEvent::Change(change) = &notice.news else { return };
    let (old, new) = (change.old.as_deref(), change.new.as_deref());
    // Of a file that is gone OSSEC shows nothing; what it was helps.
    let old = if matches!(change.kind, ChangeKind::Added) { None } else { old };
    let mut sides = Sides { object, old, new };
    let text = |value: u32| Some(value.to_string().into_bytes());
    sides.text(["md5_before", "md5_after"], |state| state.digests.md5.map(hex));
    sides.text(["sha1_before", "sha1_after"], |state| state.digests.sha1.map(hex));
    sides.text(["sha256_before", "sha256_after"], |state| state.digests.sha256.map(hex));
    sides.text(["blake3_before", "blake3_after"], |state| state.digests.blake3.map(hex));
    sides.text(["owner_before", "owner_after"], |state| text(state.uid));
    sides.text(["gowner_before", "gowner_after"], |state| text(state.gid));
    sides.number(["perm_before", "perm_after"], |state| state.mode.into());
    sides.number(["size_before", "size_after"], |state| number(state.size_bytes));
    sides.number(["inode_before", "inode_after"], |state| number(state.inode));
    sides.text(["mtime_before", "mtime_after"], |state| {
        let mut out = Vec::new();
        push_time(&mut out, state.modified);
        Some(out)
    });
    sides.text(["kind_before", "kind_after"], |state| Some(state.kind.name().into()));
    sides.text(["link_before", "link_after"], |state| state.link_target.clone());
    sides.text(["xattrs_before", "xattrs_after"], |state| {
        let one = |(name, value): (&Vec<u8>, &Vec<u8>)| format!("{}={}", visible_string(name), visible_string(value));
        (!state.xattrs.is_empty()).then(|| state.xattrs.iter().map(one).collect::<Vec<_>>().join(" ").into_bytes())
    });
}

fn who_object(object: &mut Object<'_>, who: &Who) {
    object.number("pid", who.pid.into());
    object.some("executable", Some(&who.executable));
    object.texts("executable_notes", who.executable_notes.iter().map(|note| note.name().as_bytes()));
    object.some("command", Some(&who.command));
    for (key, id) in
        [("uid", who.uid), ("euid", who.euid), ("gid", who.gid), ("login_uid", who.login_uid), ("session", who.session)]
    {
        if let Some(id) = id {
            object.number(key, id.into());
        }
    }
    object.some("cgroup", Some(&who.cgroup));
    object.some("container", who.container.as_deref().map(str::as_bytes));
    object.objects("parents", who.parents.iter(), |object, parent| {
        object.number("pid", parent.pid.into());
        object.some("executable", Some(&parent.executable));
        object.some("command", Some(&parent.command));
    });
    object.text("source", who.source.name().as_bytes());
}

fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// Lower-case hexadecimal digits.
pub(super) fn hex<const N: usize>(bytes: [u8; N]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

/// UTC to the second, as in RFC 3339.
fn push_time(out: &mut Vec<u8>, time: Timestamp) {
    out.extend_from_slice(time.civil_in(&jiff::tz::TimeZone::UTC).to_string().as_bytes());
    out.push(b'Z');
}
