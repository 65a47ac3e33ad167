//! Requests of `hidsctl fim` and their answers: plain values for the control socket.

use std::fmt::Write as _;

use hids_core::fim::Window;
use hids_core::model::{FileState, GapCause, WhoSource};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::store::VerifyReport;

/// A path on the control socket: text where it is UTF-8, else its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum PathText {
    /// UTF-8.
    Text(String),
    /// Anything else.
    Bytes(Vec<u8>),
}

impl PathText {
    /// The bytes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }
}

impl From<&[u8]> for PathText {
    fn from(path: &[u8]) -> Self {
        match std::str::from_utf8(path) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Bytes(path.to_vec()),
        }
    }
}

/// One question about file integrity, or one wish.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fim", rename_all = "kebab-case")]
pub(crate) enum FimRequest {
    /// Compare files with the baseline now.
    Scan {
        /// Where; everything that is watched when empty.
        paths: Vec<PathText>,
        /// Whether every file is read, or only those whose attributes say that they changed.
        full: bool,
    },
    /// The baseline, scans that run, gaps.
    Status,
    /// Stop running scans; what they have found stays.
    StopScan,
    /// What the baseline holds.
    List {
        /// Below which path.
        below: PathText,
        /// Continue after this path.
        after: Option<PathText>,
        /// At most so many.
        limit: usize,
        /// Only new, changed and deleted paths that nobody has accepted.
        changed: bool,
    },
    /// The history of a path.
    Why {
        /// Which.
        path: PathText,
        /// At most so many, the newest.
        limit: usize,
    },
    /// Take changes over: they are no longer shown as changes.
    Accept {
        /// Files and subtrees.
        paths: Vec<PathText>,
        /// Only files that are as a package of dpkg or rpm has them.
        packages: bool,
    },
    /// Write a signed copy of the baseline.
    Export {
        /// To which new file.
        file: PathText,
    },
    /// Write the accepted states, signed with a key for this once, for a check without the daemon.
    Snapshot {
        /// To which new file.
        file: PathText,
    },
    /// What differs from an export of this machine.
    Compare {
        /// The export.
        file: PathText,
        /// Below which path.
        below: PathText,
    },
    /// Announce changes.
    WindowOpen(WindowWish),
    /// End announced changes; the answer comes when they are summarised.
    WindowClose {
        /// Which; all of the kind when nothing is said.
        id: Option<u64>,
        /// Maintenance rather than windows.
        everything: bool,
        /// After a scan of everything, whose findings are accepted too; the answer does not wait for it.
        after_scan: bool,
    },
    /// Check the baseline itself.
    Verify,
    /// Switch the refusal of writes under `protect="yes"`.
    Protect {
        /// Whether writes are refused from now on.
        enforce: bool,
    },
}

/// A change window that is to be opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WindowWish {
    /// For how long at most.
    pub seconds: u64,
    /// Why.
    pub reason: String,
    /// Below which paths; empty = everywhere.
    pub paths: Vec<PathText>,
    /// Processes that run these programs.
    pub programs: Vec<PathText>,
    /// Whoever logged in as this user.
    pub login_uid: Option<u32>,
    /// This process and what descends from it.
    pub pid: Option<u32>,
    /// Everyone: maintenance mode.
    pub everything: bool,
    /// Who asks, as the kernel knows it; never taken from the request.
    #[serde(skip)]
    pub peer: Option<u32>,
}

impl FimRequest {
    /// Notes who asks.
    pub(crate) fn came_from(&mut self, pid: Option<u32>) {
        if let Self::WindowOpen(wish) = self {
            wish.peer = pid;
        }
    }

    /// Whether the baseline alone can answer, when no daemon runs.
    pub(crate) fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Status
                | Self::List { .. }
                | Self::Why { .. }
                | Self::Verify
                | Self::Export { .. }
                | Self::Compare { .. }
        )
    }
}

/// What `hidsctl fim status` and the part `fim` of `hidsctl status` show.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FimView {
    /// Whether `<syscheck>` is at work.
    pub enabled: bool,
    /// Whether this is the baseline as a daemon left it that does not run now.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub offline: bool,
    /// Files, directories and links in the baseline.
    pub entries: u64,
    /// Changes found since the start.
    pub changes: u64,
    /// Refused or reported writes to protected paths since the start.
    #[serde(rename = "denials")]
    pub refusals: u64,
    /// Events taken from the sensor since the start.
    pub events: u64,
    /// Paths that wait until they are quiet.
    #[serde(rename = "pending")]
    pub waiting: u64,
    /// Files whose content could not be read when they were looked at last; at most 10,000 are counted.
    pub unreadable: u64,
    /// Some of them.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub unreadable_paths: Vec<PathText>,
    /// Notices that the rules have not taken yet.
    #[serde(rename = "unreported")]
    pub unsent: u64,
    /// What runs now.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub scans: Vec<ScanView>,
    /// Where events may be missing.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub gaps: Vec<GapView>,
    /// Gaps closed since the start.
    #[serde(rename = "rescans_completed")]
    pub gaps_closed: u64,
    /// The scan of everything that ended last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub last_scan: Option<LastScanView>,
    /// When the next one begins, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub next_scan: Option<String>,
    /// Why the baseline cannot be written now.
    #[serde(rename = "error", skip_serializing_if = "Option::is_none", default)]
    pub trouble: Option<String>,
    /// Change windows that are open.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub windows: Vec<WindowView>,
    /// How protection stands: `none`, `monitor`, `enforced`, or why it is not in force.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub protection: Option<String>,
}

/// A change window.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WindowView {
    /// Its number.
    pub id: u64,
    /// Whether every change is accepted: maintenance mode.
    pub everything: bool,
    /// When it was opened, RFC 3339.
    pub opened: String,
    /// When it ends by itself, RFC 3339.
    pub ends: String,
    /// Why, in the words of who opened it.
    pub reason: String,
    /// Whose changes, in words.
    pub members: Vec<String>,
    /// Below which paths; empty = everywhere.
    pub paths: Vec<PathText>,
    /// Changes accepted so far.
    pub changes: u64,
    /// Whether it is being closed.
    pub closing: bool,
    /// Whether the kernel tells who changes files: without that, only maintenance accepts anything.
    pub knows_who: bool,
}

impl WindowView {
    pub(crate) fn of(window: &Window, zone: &TimeZone) -> Self {
        Self {
            id: window.id,
            everything: window.members.everyone,
            opened: window.opened.wall.rfc3339(zone),
            ends: window.ends().rfc3339(zone),
            reason: window.reason.clone(),
            members: window.describe(),
            paths: window.paths.iter().map(|path| PathText::from(path.as_slice())).collect(),
            changes: window.changes,
            closing: window.closing.is_some(),
            knows_who: window.opener.source >= WhoSource::Tracepoint,
        }
    }
}

/// A scan of everything that has ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct LastScanView {
    /// When it ended, RFC 3339.
    pub ended: String,
    /// Why it was made, as in [`ScanView`]; nothing if it was made before this start of the daemon.
    pub cause: Option<String>,
    /// Whether it came to its end; else it was stopped.
    pub complete: bool,
    /// Files looked at.
    pub files: u64,
    /// Bytes of content read.
    pub bytes: u64,
    /// Differences found; nothing if it was made before this start.
    pub found: Option<u64>,
    /// How long it took; nothing if it was made before this start.
    pub seconds: Option<f64>,
}

/// A scan that runs, or waits until another one has ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct ScanView {
    /// Its number since the start of the daemon.
    pub number: u64,
    /// Why: `first`, `start`, `scheduled`, `gap`, `asked`, `directory`.
    pub cause: String,
    /// Whether it has not begun.
    pub waiting: bool,
    /// Looked at so far.
    pub files: u64,
    /// Read so far.
    pub bytes: u64,
    /// About how many there are, from the scan before; 0 when not known.
    pub files_expected: u64,
    /// Differences so far.
    pub found: u64,
    /// For how long it has run.
    pub seconds: u64,
    /// How long it may still take; nothing when not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub seconds_left: Option<u64>,
}

/// An open gap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GapView {
    /// Where.
    pub subtree: PathText,
    /// Why.
    pub cause: GapCause,
    /// Since when, RFC 3339.
    pub since: String,
}

/// One line of `hidsctl fim list`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListItem {
    /// Which.
    pub path: PathText,
    /// As it was last seen; nothing = it is gone.
    pub state: Option<StateView>,
    /// Changes since it was first seen or accepted.
    pub changes: u32,
    /// Whether it was not in the baseline before, and nobody has accepted it.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub new: bool,
    /// What has become of it; only in a list of changes.
    #[serde(flatten, skip_serializing_if = "Option::is_none", default)]
    pub change: Option<ChangeView>,
}

/// What has become of a path since it was accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ChangeView {
    /// `new`, `modified` or `deleted`.
    pub change: String,
    /// As it was accepted; nothing when it is new or that is no longer in the history.
    pub accepted: Option<StateView>,
    /// What is not as it was: `size`, `content`, `owner` …
    pub differences: Vec<String>,
    /// When the last change was found, RFC 3339.
    pub last_changed: Option<String>,
    /// Executable, or else the command, of the last process that changed it, if one was seen.
    pub program: Option<PathText>,
    /// Who had logged in as that process's user, or else whose the process was.
    pub user_id: Option<u32>,
}

/// The answer to [`FimRequest::List`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListView {
    /// In ascending order of the paths' bytes within each directory.
    pub items: Vec<ListItem>,
    /// Whether there are more after the last.
    pub more: bool,
}

/// The answer to [`FimRequest::Why`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryView {
    /// Which.
    pub path: PathText,
    /// Whether a `<directories>` holds it and nothing leaves it out.
    pub watched: bool,
    /// As the baseline has it.
    pub item: Option<ListItem>,
    /// What became of it, newest first.
    pub history: Vec<HistoryItem>,
}

/// The answer to [`FimRequest::Verify`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VerifyView {
    /// Whether nothing that is in use was altered.
    #[serde(rename = "valid")]
    pub sound: bool,
    /// Entries looked at.
    pub entries: u64,
    /// Pieces of history looked at.
    #[serde(rename = "history_records")]
    pub notices: u64,
    /// Number of the commit that was looked at.
    pub commit: u64,
    /// Code of its head in hexadecimal digits: equal for equal baselines under one key.
    pub head: String,
    /// What is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub problems: Vec<String>,
    /// Some of the paths whose entries are altered.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub paths: Vec<PathText>,
}

impl From<&VerifyReport> for VerifyView {
    fn from(report: &VerifyReport) -> Self {
        Self {
            sound: report.is_sound(),
            entries: report.entries,
            notices: report.notices,
            commit: report.commit,
            head: report.head.clone(),
            problems: report.problems.clone(),
            paths: report.paths.iter().map(|path| PathText::from(path.as_slice())).collect(),
        }
    }
}

/// The answer to [`FimRequest::Export`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExportView {
    /// Entries written.
    pub entries: u64,
    /// Number of the commit that it shows.
    pub commit: u64,
    /// The key to check it with, 64 hexadecimal digits.
    pub public_key: String,
    /// Whether that key was made just now.
    #[serde(rename = "key_created")]
    pub key_is_new: bool,
}

/// The answer to [`FimRequest::Compare`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CompareView {
    /// In the order of the baseline.
    pub differences: Vec<CompareItem>,
    /// Whether there are more.
    pub more: bool,
}

/// A path that is not the same in an export and in the baseline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CompareItem {
    /// Which.
    pub path: PathText,
    /// In the export.
    pub exported: Option<StateView>,
    /// In the baseline.
    #[serde(rename = "current")]
    pub now: Option<StateView>,
}

/// One piece of the history of a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct HistoryItem {
    /// Its number in the store.
    pub sequence: u64,
    /// When it was found, RFC 3339.
    pub time: String,
    /// Whether it was alerted.
    pub alerted: bool,
    /// The lines of the alert, with hostile bytes made visible.
    pub text: String,
    /// The same as values, as in alerts.json.
    pub notice: serde_json::Value,
}

/// A [`FileState`] as values that people and programs read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StateView {
    /// `file`, `directory`, `symbolic link` …
    pub kind: String,
    /// Size.
    pub size_bytes: u64,
    /// Permissions in octal digits, `0644`.
    pub mode: String,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Number on the filesystem.
    pub inode: u64,
    /// Last change of the content, RFC 3339.
    pub modified: String,
    /// Last change of content or attributes, RFC 3339.
    pub changed: String,
    /// Sums, in hexadecimal digits.
    #[serde(skip_serializing_if = "DigestsView::is_empty", default)]
    pub digests: DigestsView,
    /// Where a link leads.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link_target: Option<PathText>,
    /// Names of extended attributes.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub xattrs: Vec<PathText>,
}

/// Sums over the content of a file, in hexadecimal digits; those that are not configured are absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DigestsView {
    /// MD5.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub md5: Option<String>,
    /// SHA-1.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha1: Option<String>,
    /// SHA-256.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sha256: Option<String>,
    /// BLAKE3.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub blake3: Option<String>,
}

impl DigestsView {
    fn is_empty(&self) -> bool {
        self.strongest().is_none()
    }

    /// The sum that says most.
    pub(crate) fn strongest(&self) -> Option<&str> {
        [&self.blake3, &self.sha256, &self.sha1, &self.md5].into_iter().find_map(Option::as_deref)
    }
}

impl From<&FileState> for StateView {
    fn from(state: &FileState) -> Self {
        let sums = &state.digests;
        let digests = DigestsView {
            md5: sums.md5.as_ref().map(|sum| hex(sum)),
            sha1: sums.sha1.as_ref().map(|sum| hex(sum)),
            sha256: sums.sha256.as_ref().map(|sum| hex(sum)),
            blake3: sums.blake3.as_ref().map(|sum| hex(sum)),
        };
        Self {
            kind: state.kind.name().to_owned(),
            size_bytes: state.size_bytes,
            mode: format!("{:04o}", state.mode & 0o7777),
            uid: state.uid,
            gid: state.gid,
            inode: state.inode,
            modified: state.modified.rfc3339(&TimeZone::UTC),
            changed: state.changed.rfc3339(&TimeZone::UTC),
            digests,
            link_target: state.link_target.as_deref().map(PathText::from),
            xattrs: state.xattrs.keys().map(|name| PathText::from(name.as_slice())).collect(),
        }
    }
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

/// The answer to [`FimRequest::Accept`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AcceptView {
    /// Paths whose changes were taken over.
    pub accepted: u64,
    /// Paths with changes that stay, because no package has them as they are.
    #[serde(rename = "not_accepted")]
    pub refused: u64,
    /// Some of those.
    #[serde(rename = "not_accepted_examples")]
    pub refused_examples: Vec<PathText>,
    /// Packages that were recognised.
    pub packages: Vec<String>,
}
