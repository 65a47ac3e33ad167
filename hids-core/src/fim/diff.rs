//! Unified diff of a text: short, printable, and fast for any input.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt::Write as _;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

use crate::escape::visible_string;

/// What stands for the diff of a path under `<nodiff>` (OSSEC's text, `src/syscheckd/seechanges.c`).
pub const NO_DIFF: &str = "<Diff truncated because nodiff option>";
/// What stands for the diff of content that is no text.
pub const NOT_TEXT: &str = "<No diff: the content is not text>";
/// What ends a diff that was cut (OSSEC's text).
pub(super) const TRUNCATED: &str = "... diff was truncated ...";

const NO_NEWLINE: &str = "\\ No newline at end of file";
/// What stands for a diff of texts of too many lines.
const TOO_MANY_LINES: &str = "<No diff: too many lines>";

/// Lines before and after a change.
const CONTEXT: usize = 3;
/// Longest line that is shown whole; of a longer one the beginning.
const LINE_LIMIT_BYTES: usize = 400;
/// Most lines of a text: they are kept as numbers.
const MOST_LINES: usize = 200_000;
/// Lines that are compared at a time. Comparing costs (lines x differences) steps at worst, so that a
/// bound on both bounds the time without a clock: a window with many differences fills the diff.
const WINDOW: usize = 1000;
/// Bytes at the beginning that tell text from other content.
const LOOKED_AT_BYTES: usize = 8192;

/// How long a diff may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiffLimits {
    /// Most lines.
    pub lines: usize,
    /// Most bytes.
    pub bytes: usize,
}

impl DiffLimits {
    /// OSSEC's: 20 lines, 4096 bytes.
    pub const STRICT: Self = Self { lines: 20, bytes: 4096 };
}

impl Default for DiffLimits {
    fn default() -> Self {
        Self { lines: 120, bytes: 16 << 10 }
    }
}

/// A unified diff without file names, [`NOT_TEXT`], or nothing when the two are equal.
///
/// Every line begins with one of ` +-@\`, or is one of the texts above; the lines' own bytes are printable.
/// The same texts give the same diff, in at most some tenths of a second for texts of some MiB.
pub fn diff(old: &[u8], new: &[u8], limits: DiffLimits) -> String {
    if old == new {
        return String::new();
    }
    if !is_text(old) || !is_text(new) {
        return NOT_TEXT.to_owned();
    }
    let (old, new) = (Lines::of(old), Lines::of(new));
    if old.texts.len() > MOST_LINES || new.texts.len() > MOST_LINES {
        return TOO_MANY_LINES.to_owned();
    }
    let (operations, complete) = operations(&old, &new, limits.lines);
    let mut out = Writer { out: String::new(), lines: 0, limits };
    let whole = group_diff_ops(operations, CONTEXT).iter().all(|hunk| out.hunk(hunk, &old, &new));
    if !(whole && complete) {
        out.out.push_str(TRUNCATED);
        out.out.push('\n');
    }
    out.out
}

/// Whether `content` is shown as lines: no NUL byte at its beginning, and few other control bytes.
pub fn is_text(content: &[u8]) -> bool {
    let start = &content[..content.len().min(LOOKED_AT_BYTES)];
    let odd = |byte: &&u8| byte.is_ascii_control() && !matches!(byte, b'\n' | b'\r' | b'\t' | 0x0c | 0x1b);
    !start.contains(&0) && start.iter().filter(odd).count() * 20 <= start.len()
}

/// A text's lines, without their ends.
struct Lines<'a> {
    texts: Vec<&'a [u8]>,
    ends_in_newline: bool,
}

impl<'a> Lines<'a> {
    fn of(text: &'a [u8]) -> Self {
        let body = text.strip_suffix(b"\n");
        let lines = body.unwrap_or(text).split(|byte| *byte == b'\n').take(MOST_LINES + 1);
        Self { texts: if text.is_empty() { Vec::new() } else { lines.collect() }, ends_in_newline: body.is_some() }
    }

    /// Equal lines get equal numbers, which are quick to compare.
    fn numbered(&self, numbers: &mut HashMap<(&'a [u8], bool), u32>) -> Vec<u32> {
        let mut number = |key| {
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            *numbers.entry(key).or_insert(next)
        };
        (0..self.texts.len()).map(|index| number(self.key(index))).collect()
    }

    /// The last line without a newline is another than the same with one.
    fn key(&self, index: usize) -> (&'a [u8], bool) {
        (self.texts[index], self.ends_in_newline || index + 1 < self.texts.len())
    }
}

/// The operations that make `new` of `old`, window by window, until more than `enough` lines differ; and
/// whether that is all.
fn operations<'a>(old: &Lines<'a>, new: &Lines<'a>, enough: usize) -> (Vec<DiffOp>, bool) {
    let mut numbers = HashMap::new();
    let (old, new) = (old.numbered(&mut numbers), new.numbered(&mut numbers));
    let (mut at_old, mut at_new, mut different) = (0, 0, 0);
    let mut all = Vec::new();
    while at_old < old.len() || at_new < new.len() {
        if different > enough {
            return (all, false);
        }
        let same = old[at_old..].iter().zip(&new[at_new..]).take_while(|(one, other)| one == other).count();
        if same > 0 {
            push(&mut all, DiffOp::Equal { old_index: at_old, new_index: at_new, len: same });
            (at_old, at_new) = (at_old + same, at_new + same);
            continue;
        }
        let old_end = old.len().min(at_old + WINDOW);
        let new_end = new.len().min(at_new + WINDOW);
        let mut found = capture_diff_slices(Algorithm::Myers, &old[at_old..old_end], &new[at_new..new_end]);
        // What differs at the end of a window may have its counterpart behind it.
        let last = old_end == old.len() && new_end == new.len();
        if !last && let Some(equal) = found.iter().rposition(|one| matches!(one, DiffOp::Equal { .. })) {
            found.truncate(equal + 1);
        }
        for one in found {
            let one = placed(one, at_old, at_new);
            if !matches!(one, DiffOp::Equal { .. }) {
                different += one.old_range().len() + one.new_range().len();
            }
            (at_old, at_new) = (one.old_range().end, one.new_range().end);
            push(&mut all, one);
        }
    }
    (all, true)
}

/// Appends, joining equal lines that two windows found.
fn push(all: &mut Vec<DiffOp>, next: DiffOp) {
    if let (Some(DiffOp::Equal { len, .. }), DiffOp::Equal { len: more, .. }) = (all.last_mut(), next) {
        *len += more;
    } else {
        all.push(next);
    }
}

/// The operation at its place in the whole texts. Of `similar` (2.7) only the lengths are right: the place
/// of a deletion in the new text, and of an insertion in the old one, is sometimes that of a moment before.
fn placed(operation: DiffOp, old_index: usize, new_index: usize) -> DiffOp {
    match operation {
        DiffOp::Equal { len, .. } => DiffOp::Equal { old_index, new_index, len },
        DiffOp::Delete { old_len, .. } => DiffOp::Delete { old_index, old_len, new_index },
        DiffOp::Insert { new_len, .. } => DiffOp::Insert { old_index, new_index, new_len },
        DiffOp::Replace { old_len, new_len, .. } => DiffOp::Replace { old_index, old_len, new_index, new_len },
    }
}

struct Writer {
    out: String,
    lines: usize,
    limits: DiffLimits,
}

impl Writer {
    /// Whether there was room for all of it.
    fn hunk(&mut self, hunk: &[DiffOp], old: &Lines<'_>, new: &Lines<'_>) -> bool {
        let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return true };
        let place = |start: usize, end: usize| {
            let length = end - start;
            // An empty side names the line before it.
            let line = if length == 0 { start } else { start + 1 };
            if length == 1 { line.to_string() } else { format!("{line},{length}") }
        };
        let old_place = place(first.old_range().start, last.old_range().end);
        let new_place = place(first.new_range().start, last.new_range().end);
        self.line("@@ ", format!("-{old_place} +{new_place} @@").as_bytes(), true)
            && hunk.iter().all(|operation| {
                let mut side = |mark, lines: &Lines<'_>, range: std::ops::Range<usize>| {
                    range.into_iter().all(|index| self.line(mark, lines.texts[index], lines.key(index).1))
                };
                match operation {
                    DiffOp::Equal { .. } => side(" ", old, operation.old_range()),
                    _ => side("-", old, operation.old_range()) && side("+", new, operation.new_range()),
                }
            })
    }

    fn line(&mut self, mark: &str, text: &[u8], has_newline: bool) -> bool {
        let shown = visible_string(&text[..text.len().min(LINE_LIMIT_BYTES)]);
        let cut = if text.len() > LINE_LIMIT_BYTES { "..." } else { "" };
        let end = if has_newline { String::new() } else { format!("\n{NO_NEWLINE}") };
        let line = format!("{mark}{shown}{cut}{end}");
        if self.lines >= self.limits.lines || self.out.len() + line.len() + 1 > self.limits.bytes {
            return false;
        }
        self.lines += 1;
        let _ = writeln!(self.out, "{line}");
        true
    }
}
