//! Crash record: the line that each thread was processing when a fatal signal occurred.
//!
//! Each thread notes what it has in hand ([`working_on`]: a few stores into memory of its own). The handler
//! of SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGABRT, which runs on the thread that crashed, appends it to a file
//! that was opened before. After SIGKILL or a loss of power there is no such record: nothing ran that could
//! have written it.
//!
//! While the process is careful ([`be_careful`]), one line at a time is on its way through all stages, and the
//! analysis waits for it. So a crash of a later stage is that of the line which the analysis has in hand
//! ([`FLIGHT`]).

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::os::fd::IntoRawFd as _;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU64, AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

/// First bytes of a record.
const MAGIC: [u8; 8] = *b"hidsdie1";
/// Length of what stands before the place and the bytes.
const HEADER_BYTES: usize = 40;
/// Most bytes of a place, and of what was worked on: a line is at most 64 KiB, an event of several lines more.
pub(crate) const MAX_BYTES: usize = 1 << 20;

/// Signals that the kernel or the C library send when a program is broken.
const SIGNALS: [i32; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGABRT];

/// Which part of the program a thread belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u32)]
pub(crate) enum Part {
    /// Decoders and rules.
    Analysis = 1,
    /// Reading log files and forming events of their lines.
    Collector = 2,
    /// Reading entries of the journal and forming lines of them.
    Journal = 3,
    /// Writing alerts.
    Recorder = 4,
    /// Writing the text of alerts that were joined.
    JoinedText = 5,
    /// Deciding what is done about an alert, and doing it.
    Responder = 6,
}

impl Part {
    const ALL: [Self; 6] =
        [Self::Analysis, Self::Collector, Self::Journal, Self::Recorder, Self::JoinedText, Self::Responder];
}

/// What was in hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InHand<'a> {
    /// Whose.
    pub part: Part,
    /// Where it comes from, in a form of the part's own.
    pub place: &'a [u8],
    /// A number that the part knows it by, together with the place.
    pub number: u64,
    /// The bytes worked on.
    pub bytes: &'a [u8],
}

/// A record of a crash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CrashRecord {
    /// The signal.
    pub signal: i32,
    /// [`InHand`], owned.
    pub part: Part,
    /// Where it comes from.
    pub place: Vec<u8>,
    /// See [`InHand::number`].
    pub number: u64,
    /// Whether the process was careful. Place, number and bytes are then the analysis' also where a stage behind
    /// it crashed.
    pub careful: bool,
    /// The bytes worked on.
    pub bytes: Vec<u8>,
}

/// The cells of one thread. Only that thread, and the handler that interrupts it, touch them.
struct Cells {
    part: Cell<u32>,
    number: Cell<u64>,
    place: Cell<(*const u8, usize)>,
    bytes: Cell<(*const u8, usize)>,
}

thread_local! {
    static CELLS: Cells = const {
        Cells {
            part: Cell::new(0),
            number: Cell::new(0),
            place: Cell::new((ptr::null(), 0)),
            bytes: Cell::new((ptr::null(), 0)),
        }
    };
}

/// Where the handler writes; -1 = nowhere.
static RECORD: AtomicI32 = AtomicI32::new(-1);
/// One record for one death.
static WRITTEN: AtomicBool = AtomicBool::new(false);

/// What the analysis has in hand while the process is careful, for crashes of the stages that it waits for.
struct Flight {
    is_there: AtomicBool,
    number: AtomicU64,
    place: (AtomicPtr<u8>, AtomicUsize),
    bytes: (AtomicPtr<u8>, AtomicUsize),
}

static FLIGHT: Flight = Flight {
    is_there: AtomicBool::new(false),
    number: AtomicU64::new(0),
    place: (AtomicPtr::new(ptr::null_mut()), AtomicUsize::new(0)),
    bytes: (AtomicPtr::new(ptr::null_mut()), AtomicUsize::new(0)),
};

/// See [`be_careful`].
static CAREFUL: AtomicBool = AtomicBool::new(false);

/// From now on lines go through the stages one at a time, or no longer: each is committed before the next one is
/// taken.
pub(crate) fn be_careful(careful: bool) {
    CAREFUL.store(careful, Ordering::SeqCst);
}

/// Whether lines go through the stages one at a time.
pub(crate) fn is_careful() -> bool {
    CAREFUL.load(Ordering::Relaxed)
}

/// How many lines are handed on together: `usual`, or one while the process is careful.
pub(crate) fn most_at_once(usual: usize) -> usize {
    if is_careful() { 1 } else { usual }
}

/// What a thread has in hand, as its cells hold it.
#[derive(Clone, Copy)]
struct Noted {
    part: u32,
    number: u64,
    place: (*const u8, usize),
    bytes: (*const u8, usize),
}

impl Noted {
    fn of(hand: &InHand<'_>) -> Self {
        Self {
            part: hand.part as u32,
            number: hand.number,
            place: (hand.place.as_ptr(), hand.place.len().min(MAX_BYTES)),
            bytes: (hand.bytes.as_ptr(), hand.bytes.len().min(MAX_BYTES)),
        }
    }
}

impl Cells {
    fn noted(&self) -> Noted {
        Noted { part: self.part.get(), number: self.number.get(), place: self.place.get(), bytes: self.bytes.get() }
    }

    /// The part comes last, and goes first: the handler believes the rest only while there is one.
    fn note(&self, noted: Noted) {
        self.part.set(0);
        self.number.set(noted.number);
        self.place.set(noted.place);
        self.bytes.set(noted.bytes);
        self.part.set(noted.part);
    }
}

impl Flight {
    fn begin(&self, noted: Noted) {
        self.number.store(noted.number, Ordering::Relaxed);
        for (there, (start, length)) in [(&self.place, noted.place), (&self.bytes, noted.bytes)] {
            there.0.store(start.cast_mut(), Ordering::Relaxed);
            there.1.store(length, Ordering::Relaxed);
        }
        self.is_there.store(true, Ordering::Release);
    }

    fn end(&self) {
        self.is_there.store(false, Ordering::Release);
    }

    fn noted(&self, part: u32) -> Option<Noted> {
        let slice = |of: &(AtomicPtr<u8>, AtomicUsize)| {
            (of.0.load(Ordering::Relaxed).cast_const(), of.1.load(Ordering::Relaxed))
        };
        self.is_there.load(Ordering::Acquire).then(|| Noted {
            part,
            number: self.number.load(Ordering::Relaxed),
            place: slice(&self.place),
            bytes: slice(&self.bytes),
        })
    }
}

/// Does `work`; should the process crash in it on this thread, what was in hand is recorded. What was in hand
/// before is in hand again afterwards.
pub(crate) fn working_on<T>(hand: InHand<'_>, work: impl FnOnce() -> T) -> T {
    // The slices outlive the call, and a panic ends the process: no cell is left with a pointer that dangles.
    let is_flight = hand.part == Part::Analysis && is_careful();
    let before = CELLS.with(|cells| {
        let before = cells.noted();
        cells.note(Noted::of(&hand));
        before
    });
    if is_flight {
        FLIGHT.begin(Noted::of(&hand));
    }
    let done = work();
    if is_flight {
        FLIGHT.end();
    }
    CELLS.with(|cells| cells.note(before));
    done
}

/// From now on a crash is recorded in `file`, which stays open until the process ends.
///
/// The handlers that were installed before run afterwards: the standard library's, which names a stack
/// overflow.
pub(crate) fn record_to(file: File) -> io::Result<()> {
    let old = RECORD.swap(file.into_raw_fd(), Ordering::SeqCst);
    if old >= 0 {
        // SAFETY: a descriptor that an earlier call took out of its `File`; nobody else owns it.
        unsafe { libc::close(old) };
        return Ok(());
    }
    SIGNALS.iter().try_for_each(|&signal| install(signal))
}

/// What each handled signal did before, by the place of the signal in [`SIGNALS`].
static EARLIER: [Earlier; SIGNALS.len()] = [const { Earlier(std::cell::UnsafeCell::new(None)) }; SIGNALS.len()];

struct Earlier(std::cell::UnsafeCell<Option<libc::sigaction>>);

// SAFETY: each is written once by `install`, before the handler that reads it is in force.
unsafe impl Sync for Earlier {}

fn install(signal: i32) -> io::Result<()> {
    let Some(slot) = SIGNALS.iter().position(|known| *known == signal) else { return Ok(()) };
    // SAFETY: all zeroes is a valid `sigaction` (no flags, empty mask, default action).
    let (mut action, mut earlier): (libc::sigaction, libc::sigaction) = unsafe { std::mem::zeroed() };
    // SAFETY: asks only; `earlier` is valid for writes.
    if unsafe { libc::sigaction(signal, ptr::null(), &raw mut earlier) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: our handler is not in force yet, so nobody reads the slot.
    unsafe { *EARLIER[slot].0.get() = Some(earlier) };
    let handler: extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void) = crashed;
    action.sa_sigaction = handler as usize;
    // On the alternate stack that the standard library gives each thread: the usual one may be full.
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `action` is whole, and `crashed` does only what a signal handler may.
    match unsafe { libc::sigaction(signal, &raw const action, ptr::null_mut()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Runs on the thread that crashed. Calls only async-signal-safe functions (signal-safety(7)), allocates nothing.
extern "C" fn crashed(signal: i32, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // Sent by a process, this one's `abort` apart, it says nothing about what was in hand.
    // SAFETY: the kernel passes a valid pointer with SA_SIGINFO.
    let sent = unsafe { (*info).si_code } <= 0;
    let is_abort = signal == libc::SIGABRT && is_from_here(info);
    if (!sent || is_abort) && !WRITTEN.swap(true, Ordering::SeqCst) {
        write_record(signal);
    }
    let Some(slot) = SIGNALS.iter().position(|known| *known == signal) else { return };
    // SAFETY: written before this handler was in force, never after.
    if let Some(earlier) = unsafe { &*EARLIER[slot].0.get() } {
        // SAFETY: `earlier` is what the kernel itself gave.
        unsafe { libc::sigaction(signal, ptr::from_ref(earlier), ptr::null_mut()) };
    }
    // A fault comes again when the instruction is tried again, and abort(3) raises its signal twice; a signal
    // that was sent does not come back by itself. Its default action ends the process: the standard library's
    // handler would take the second one for a fault that comes again, and return.
    if sent && !is_abort {
        // SAFETY: signal(2) and raise(3) may be called in a handler; neither takes a pointer.
        unsafe {
            libc::signal(signal, libc::SIG_DFL);
            libc::raise(signal);
        }
    }
}

/// Whether the signal comes from this process.
fn is_from_here(info: *mut libc::siginfo_t) -> bool {
    // SAFETY: the kernel fills the field for signals that a process sent; both calls are async-signal-safe.
    unsafe { (*info).si_pid() == libc::getpid() }
}

fn write_record(signal: i32) {
    let file = RECORD.load(Ordering::SeqCst);
    if file < 0 {
        return;
    }
    CELLS.with(|cells| {
        let mut noted = cells.noted();
        if noted.part == 0 {
            return;
        }
        let mut careful = is_careful();
        if [Part::Recorder, Part::Responder].map(|part| part as u32).contains(&noted.part) {
            // The analysis waits for this thread, so what it has in hand stays as it is.
            match FLIGHT.noted(noted.part) {
                Some(flight) => noted = flight,
                None => careful = false,
            }
        }
        let mut header = [0_u8; HEADER_BYTES];
        header[..8].copy_from_slice(&MAGIC);
        header[8..12].copy_from_slice(&signal.to_le_bytes());
        header[12..16].copy_from_slice(&noted.part.to_le_bytes());
        header[16..24].copy_from_slice(&noted.number.to_le_bytes());
        header[24..28].copy_from_slice(&u32::from(careful).to_le_bytes());
        // At most `MAX_BYTES` each.
        header[28..32].copy_from_slice(&(noted.place.1 as u32).to_le_bytes());
        header[32..36].copy_from_slice(&(noted.bytes.1 as u32).to_le_bytes());
        for (start, length) in [(header.as_ptr(), HEADER_BYTES), noted.place, noted.bytes] {
            // SAFETY: `working_on` has not returned on the thread whose cells these are, so what it borrows is
            // alive. A failure leaves a short record, which `parse` refuses.
            unsafe { libc::write(file, start.cast(), length) };
        }
    });
}

impl CrashRecord {
    /// The record in `bytes`; `None` when there is none or it is not whole.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
        if bytes.get(..8)? != MAGIC {
            return None;
        }
        let code = number(12)?;
        let part = Part::ALL.into_iter().find(|part| *part as u32 == code)?;
        let place_end = HEADER_BYTES.checked_add(number(28)? as usize)?;
        let end = place_end.checked_add(number(32)? as usize)?;
        Some(Self {
            signal: number(8)?.cast_signed(),
            part,
            place: bytes.get(HEADER_BYTES..place_end)?.to_vec(),
            number: u64::from_le_bytes(bytes.get(16..24)?.try_into().ok()?),
            careful: number(24)? != 0,
            bytes: bytes.get(place_end..end)?.to_vec(),
        })
    }
}

/// The name of a signal of [`SIGNALS`].
pub(crate) fn signal_name(signal: i32) -> &'static str {
    match signal {
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGBUS => "SIGBUS",
        libc::SIGILL => "SIGILL",
        libc::SIGFPE => "SIGFPE",
        libc::SIGABRT => "SIGABRT",
        _ => "another signal",
    }
}

/// Reads an address that no process has, as broken C code does. For the test build with planted faults.
#[cfg(feature = "faults")]
pub(crate) fn fault() {
    let nowhere = std::hint::black_box(8 as *const u8);
    // SAFETY: it is not sound, and meant so: the kernel answers with SIGSEGV.
    let _ = std::hint::black_box(unsafe { ptr::read_volatile(nowhere) });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_are_read_without_panic(bytes in any::<Vec<u8>>()) {
            let _ = CrashRecord::parse(&bytes);
            let _ = CrashRecord::parse(&[&MAGIC[..], &bytes].concat());
        }
    }
}
