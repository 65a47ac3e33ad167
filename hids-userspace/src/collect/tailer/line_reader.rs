//! Reads whole lines of one log file from where it stands and turns them into events.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::batcher::Batcher;
use super::initial_offset::Content;
use super::line_splitter::{Fragment, MAX_LINE_BYTES, next_fragment, without_return};
use super::position::{FileIdentity, FilePosition, Fingerprint, HEAD_BYTES, START_BYTES, TAIL_BYTES};
use crate::collect::batch_sender::Disconnected;
use crate::collect::format::{Assembler, Held};
use crate::collect::options::PieceAt;
use crate::sys::crash::{self, InHand, Part};

/// Bytes read from one file before the next one is read.
pub(super) const READ_QUANTUM_BYTES: usize = 256 * 1024;

/// How reading for a while ended.
#[derive(Debug)]
pub(super) enum ReadOutcome {
    /// There is more to read.
    More,
    /// Everything there is has been read.
    AtEnd,
    /// What stands before the position is not what was read: truncated or rewritten in place.
    Rewritten,
    /// Reading failed.
    Failed(io::Error),
}

/// The content of a log file, as far as it was read.
#[derive(Debug)]
pub(super) struct LineReader {
    /// `None` while it is closed to save descriptors, or when it cannot be opened.
    descriptor: Option<File>,
    /// A named pipe: no positions, what is read is gone.
    is_fifo: bool,
    /// When bytes were last found in it.
    pub last_growth: Instant,
    /// Everything before this has been sent.
    pub position: FilePosition,
    /// What was read of the content that was cut off when the file was truncated: a copy of it may
    /// be found after a restart. Its inode is 0.
    pub cut_off: Option<FilePosition>,
    /// The byte after the last line that the assembler has taken; `>= position.offset`.
    read_to: u64,
    in_cut_line: bool,
    /// Whether it had content of which no line has been taken.
    is_unread: bool,
    /// The last bytes before `read_to`, to notice that the file was rewritten.
    tail: Vec<u8>,
    /// Bytes after `read_to` that do not make a whole line yet.
    unfinished: usize,
    assembler: Assembler,
    /// Named pipes only: the unfinished line.
    carry: Vec<u8>,
}

impl LineReader {
    /// Reads from `position` on; `descriptor` may be missing.
    pub(super) fn new(descriptor: Option<File>, is_fifo: bool, position: FilePosition, assembler: Assembler) -> Self {
        let mut reader = Self {
            descriptor: None,
            is_fifo,
            last_growth: Instant::now(),
            read_to: position.offset,
            in_cut_line: position.in_cut_line,
            is_unread: false,
            position,
            cut_off: None,
            tail: Vec::new(),
            unfinished: 0,
            assembler,
            carry: Vec::new(),
        };
        if let Some(descriptor) = descriptor {
            reader.open(descriptor);
        }
        reader
    }

    /// Takes an open descriptor of this very file.
    pub(super) fn open(&mut self, descriptor: File) {
        if !self.is_fifo && self.tail.is_empty() && self.read_to > 0 {
            self.remember_surroundings(&descriptor);
        }
        self.is_unread = !self.is_fifo && self.read_to == 0 && descriptor.metadata().is_ok_and(|meta| meta.len() > 0);
        self.descriptor = Some(descriptor);
    }

    /// Closes the descriptor; [`open`](Self::open) goes on where it stands.
    pub(super) fn close(&mut self) {
        self.descriptor = None;
    }

    /// The open descriptor.
    pub(super) fn descriptor(&self) -> Option<&File> {
        self.descriptor.as_ref()
    }

    fn remember_surroundings(&mut self, descriptor: &File) {
        let length = self.read_to.min(TAIL_BYTES as u64);
        let mut tail = vec![0; length as usize];
        if descriptor.read_exact_at(&mut tail, self.read_to - length).is_ok() {
            self.position.tail = Fingerprint::of(&tail);
            self.tail = tail;
        }
        self.learn_beginning(descriptor, &[]);
    }

    /// Fingerprints the beginning of the file, as far as it was read; `read` are its first bytes, if at hand.
    fn learn_beginning(&mut self, descriptor: &File, read: &[u8]) {
        let seen = usize::try_from(self.read_to).unwrap_or(usize::MAX);
        let print = |length: usize| {
            if let Some(bytes) = read.get(..length) {
                return Some(Fingerprint::of(bytes));
            }
            let mut bytes = vec![0; length];
            descriptor.read_exact_at(&mut bytes, 0).ok().map(|()| Fingerprint::of(&bytes))
        };
        let head = seen.min(HEAD_BYTES);
        if usize::from(self.position.head.length) < head {
            self.position.head = print(head).unwrap_or(self.position.head);
        }
        // Powers of two, so that a growing file is looked at some times only.
        let start = if seen < 2 * HEAD_BYTES { 0 } else { 1 << seen.min(START_BYTES).ilog2() };
        if usize::from(self.position.start.length) < start {
            self.position.start = print(start).unwrap_or(self.position.start);
        }
    }

    /// Reads up to [`READ_QUANTUM_BYTES`] and sends the events.
    pub(super) fn read_quantum(
        &mut self,
        buffer: &mut [u8],
        batcher: &mut Batcher<'_>,
    ) -> Result<ReadOutcome, Disconnected> {
        let Some(descriptor) = self.descriptor.take() else { return Ok(ReadOutcome::AtEnd) };
        let end = if self.is_fifo {
            self.read_pipe(&descriptor, buffer, batcher)
        } else {
            self.read_file(&descriptor, buffer, batcher)
        };
        self.descriptor = Some(descriptor);
        end
    }

    fn read_file(
        &mut self,
        descriptor: &File,
        buffer: &mut [u8],
        batcher: &mut Batcher<'_>,
    ) -> Result<ReadOutcome, Disconnected> {
        let kept = self.tail.len();
        let base = self.read_to - kept as u64;
        let filled = match read_at(descriptor, buffer, base) {
            Ok(filled) => filled,
            Err(error) => return Ok(ReadOutcome::Failed(error)),
        };
        let had = self.read_to.max(u64::from(self.is_unread));
        let shorter = filled == 0 && had > 0 && descriptor.metadata().is_ok_and(|meta| meta.len() < had);
        if shorter || buffer[..filled.min(kept)] != self.tail[..] {
            return Ok(ReadOutcome::Rewritten);
        }
        self.note_growth(filled - kept);
        let mut at = kept;
        let place = batcher.place(self.position.identity);
        loop {
            let used = match batcher.left_out(&place, self.read_to) {
                Some(piece) => self.leave_out(&piece, descriptor, &buffer[..filled], (base, at), batcher)?,
                None => self.take_fragment(&buffer[at..filled], &place, batcher),
            };
            if used == 0 {
                break;
            }
            at += used;
            if batcher.is_full() {
                self.settle(descriptor, &buffer[..at], base, batcher)?;
            }
        }
        self.tail.clear();
        self.tail.extend_from_slice(&buffer[at.saturating_sub(TAIL_BYTES)..at]);
        if at > kept {
            self.settle(descriptor, &buffer[..at], base, batcher)?;
        }
        self.unfinished = filled - at;
        self.is_unread = self.read_to == 0 && (filled > 0 || self.is_unread);
        Ok(if filled == buffer.len() { ReadOutcome::More } else { ReadOutcome::AtEnd })
    }

    /// Gives the next line to the assembler; returns how many bytes that took.
    /// Should that end the program, the place is known afterwards.
    fn take_fragment(&mut self, data: &[u8], place: &str, batcher: &mut Batcher<'_>) -> usize {
        let (part, place, number) = (Part::Collector, place.as_bytes(), self.read_to);
        let hand = InHand { part, place, number, bytes: data };
        crash::working_on(hand, || self.take_next(data, batcher))
    }

    fn take_next(&mut self, data: &[u8], batcher: &mut Batcher<'_>) -> usize {
        let (length, held) = match next_fragment(data, self.in_cut_line) {
            Fragment::Unfinished => return 0,
            Fragment::Line { line, length } => (length, self.assemble(line, batcher)),
            Fragment::Cut { line } => {
                batcher.stats().cut_lines.fetch_add(1, Ordering::Relaxed);
                batcher.counters().cut_lines.fetch_add(1, Ordering::Relaxed);
                self.in_cut_line = true;
                (MAX_LINE_BYTES, self.assemble(line, batcher))
            }
            Fragment::Rest { length, ends } => {
                self.in_cut_line = !ends;
                (length, if self.assembler.is_holding() { Held::FromEarlier } else { Held::Nothing })
            }
        };
        let start = self.read_to;
        self.read_to += length as u64;
        match held {
            Held::Nothing => {
                self.position.offset = self.read_to;
                self.position.in_cut_line = self.in_cut_line;
            }
            Held::FromThisLine => {
                self.position.offset = start;
                self.position.in_cut_line = false;
            }
            Held::FromEarlier => {}
        }
        length
    }

    /// Forms events of a line.
    fn assemble(&mut self, line: &[u8], batcher: &mut Batcher<'_>) -> Held {
        #[cfg(feature = "faults")]
        assert!(memchr::memmem::find(line, b"@fault-collector-panic@").is_none(), "a planted fault");
        self.assembler.line(line, &mut |event| batcher.push(event))
    }

    /// Passes over the line that begins at `at` in `read`, which begins at `base` in the file; returns how many
    /// bytes it takes. What came before is sent first, so that the notice and the position after it are one batch.
    fn leave_out(
        &mut self,
        piece: &PieceAt,
        descriptor: &File,
        read: &[u8],
        (base, at): (u64, usize),
        batcher: &mut Batcher<'_>,
    ) -> Result<usize, Disconnected> {
        let (line, length) = match next_fragment(&read[at..], self.in_cut_line) {
            Fragment::Line { line, length } => (line, length),
            Fragment::Cut { line } => (line, MAX_LINE_BYTES),
            Fragment::Rest { .. } | Fragment::Unfinished => return Ok(0),
        };
        self.assembler.flush(&mut |event| batcher.push(event));
        self.position.offset = self.read_to;
        self.settle(descriptor, &read[..at], base, batcher)?;
        self.in_cut_line = length == MAX_LINE_BYTES && line.len() == MAX_LINE_BYTES;
        self.read_to += length as u64;
        self.position.offset = self.read_to;
        self.position.in_cut_line = self.in_cut_line;
        self.complete_position(descriptor, &read[..at + length], base);
        batcher.send_left_out(piece, line, &self.position)?;
        Ok(length)
    }

    /// Completes the position from the bytes just read (which begin at `base`) and sends the batch.
    fn settle(
        &mut self,
        descriptor: &File,
        read: &[u8],
        base: u64,
        batcher: &mut Batcher<'_>,
    ) -> Result<(), Disconnected> {
        self.complete_position(descriptor, read, base);
        batcher.send(Some(&self.position))
    }

    fn complete_position(&mut self, descriptor: &File, read: &[u8], base: u64) {
        if self.position.offset > base
            && let Some(before) = read.get(..(self.position.offset - base) as usize)
            && (before.len() >= TAIL_BYTES || base == 0)
        {
            self.position.tail = Fingerprint::of(&before[before.len().saturating_sub(TAIL_BYTES)..]);
        }
        self.learn_beginning(descriptor, if base == 0 { read } else { &[] });
    }

    fn read_pipe(
        &mut self,
        mut descriptor: &File,
        buffer: &mut [u8],
        batcher: &mut Batcher<'_>,
    ) -> Result<ReadOutcome, Disconnected> {
        let kept = self.carry.len();
        buffer[..kept].copy_from_slice(&self.carry);
        let filled = match descriptor.read(&mut buffer[kept..]) {
            Ok(0) => return Ok(ReadOutcome::AtEnd),
            Ok(read) => kept + read,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                return Ok(ReadOutcome::AtEnd);
            }
            Err(error) => return Ok(ReadOutcome::Failed(error)),
        };
        self.note_growth(filled - kept);
        let mut at = 0;
        let place = batcher.place(self.position.identity);
        loop {
            let used = self.take_fragment(&buffer[at..filled], &place, batcher);
            if used == 0 {
                break;
            }
            at += used;
            if batcher.is_full() {
                batcher.send(None)?;
            }
        }
        self.carry.clear();
        self.carry.extend_from_slice(&buffer[at..filled]);
        self.unfinished = self.carry.len();
        batcher.send(None)?;
        // That a pipe is empty is known only when it is read again.
        Ok(ReadOutcome::More)
    }

    fn note_growth(&mut self, bytes: usize) {
        if bytes > self.unfinished {
            self.last_growth = Instant::now();
        }
    }

    /// Sends the event that the assembler holds, complete or not.
    pub(super) fn flush(&mut self, batcher: &mut Batcher<'_>) -> Result<(), Disconnected> {
        if !self.assembler.is_holding() {
            return Ok(());
        }
        self.assembler.flush(&mut |event| batcher.push(event));
        self.position.offset = self.read_to;
        self.position.in_cut_line = self.in_cut_line;
        self.position.tail = Fingerprint::of(&self.tail);
        let resumable = !self.is_fifo;
        batcher.send(resumable.then_some(&self.position))
    }

    /// Sends the last line although its end is missing, because no more is expected.
    pub(super) fn finish(&mut self, buffer: &mut [u8], batcher: &mut Batcher<'_>) -> Result<(), Disconnected> {
        let rest = self.unfinished_line(buffer);
        let place = batcher.place(self.position.identity);
        let left_out = batcher.left_out(&place, self.read_to).filter(|_| rest > 0 && !self.in_cut_line);
        if rest > 0 && !self.in_cut_line && left_out.is_none() {
            let (part, number, bytes) = (Part::Collector, self.read_to, &buffer[..rest]);
            let hand = InHand { part, place: place.as_bytes(), number, bytes };
            crash::working_on(hand, || self.assemble(without_return(bytes), batcher));
        }
        if rest > 0 {
            self.read_to += rest as u64;
            self.carry.clear();
            self.unfinished = 0;
            let mut tail = std::mem::take(&mut self.tail);
            tail.extend_from_slice(&buffer[..rest]);
            tail.drain(..tail.len().saturating_sub(TAIL_BYTES));
            self.tail = tail;
        }
        self.assembler.flush(&mut |event| batcher.push(event));
        self.position.offset = self.read_to;
        // Should its end still come, it is not a line of its own.
        self.in_cut_line = self.in_cut_line && rest == 0;
        self.position.in_cut_line = self.in_cut_line;
        self.position.tail = Fingerprint::of(&self.tail);
        if let Some(piece) = left_out {
            batcher.send(None)?;
            return batcher.send_left_out(&piece, &buffer[..rest], &self.position);
        }
        let resumable = !self.is_fifo;
        batcher.send(resumable.then_some(&self.position))
    }

    fn unfinished_line(&self, buffer: &mut [u8]) -> usize {
        if self.is_fifo {
            buffer[..self.carry.len()].copy_from_slice(&self.carry);
            return self.carry.len();
        }
        let Some(descriptor) = &self.descriptor else { return 0 };
        read_at(descriptor, &mut buffer[..MAX_LINE_BYTES], self.read_to).unwrap_or(0)
    }

    /// Whether it had content of which no line has been taken.
    pub(super) fn is_unread(&self) -> bool {
        self.is_unread
    }

    /// Whether the file ends with a line that is not finished.
    pub(super) fn has_unfinished_line(&self) -> bool {
        self.unfinished > 0
    }

    /// Whether lines were read that belong to an event that is not complete.
    pub(super) fn holds_lines(&self) -> bool {
        self.assembler.is_holding()
    }

    /// How long to wait for more lines of the event that the assembler holds.
    pub(super) fn flush_after(&self) -> Option<std::time::Duration> {
        self.assembler.is_holding().then(|| self.assembler.flush_after()).flatten()
    }

    /// What survives a restart.
    pub(super) fn positions(&self) -> impl Iterator<Item = &FilePosition> {
        let all = self.cut_off.iter().chain(std::iter::once(&self.position));
        all.filter(|_| !self.is_fifo)
    }

    /// The bytes before the place up to which it was read.
    pub(super) fn tail(&self) -> &[u8] {
        &self.tail
    }

    /// Goes on from `offset` because the content has changed; what was held has been sent.
    pub(super) fn restart_at(&mut self, offset: u64, content: Content) {
        if content == Content::New {
            self.cut_off = Some(FilePosition { identity: FileIdentity { dev: 0, inode: 0 }, ..self.position.clone() });
        }
        self.read_to = offset;
        self.in_cut_line = false;
        self.unfinished = 0;
        self.tail.clear();
        self.position = FilePosition {
            offset,
            in_cut_line: false,
            finished: false,
            head: Fingerprint::default(),
            start: Fingerprint::default(),
            tail: Fingerprint::default(),
            ..self.position.clone()
        };
        if let Some(descriptor) = self.descriptor.take() {
            self.open(descriptor);
        }
    }
}

/// Reads once; a short read is nearly always the end of the file.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
