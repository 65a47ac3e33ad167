//! The look at one entry of a directory.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use hids_core::fim::Checks;
use hids_core::model::{Digests, FileKind, FileState};
use rustix::fs::{Mode, OFlags, openat, readlinkat};
use rustix::io::Errno;

use super::content::{Pace, Reader, Reading};
use super::place::is_gone;
use super::stat::stat_of;
use super::sums::Sums;
use super::tree::{LastLink, Tree, reopen};
use super::{ExamineOptions, Examined, Stat, Unread, attributes, stat_at};
use crate::platform::clock::now;

/// What is known of an entry before it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// Nothing.
    Unknown,
    /// The directory lists it as a file with content: it may be opened at once.
    Regular,
}

/// What a look gave.
#[derive(Debug)]
pub(crate) enum Look {
    /// Nothing is there.
    Nothing,
    /// The pace stopped it.
    Stopped,
    /// This is there.
    Seen(Box<Examined>),
}

/// How often a file that changes meanwhile is read.
const ATTEMPTS: u32 = 3;

/// Looks at one entry after the other, with one buffer.
pub(crate) struct Examiner<'a> {
    options: &'a ExamineOptions,
    reader: Reader<'a>,
}

/// What one look has gathered.
struct Partial {
    state: FileState,
    unread: Option<Unread>,
}

impl<'a> Examiner<'a> {
    /// With the means of one thread.
    pub(crate) fn new(options: &'a ExamineOptions, pace: &'a dyn Pace) -> Self {
        Self { options, reader: Reader::new(options.page_cache, pace) }
    }

    /// Looks at the entry `name` of `directory`, whose whole path is `path` (for the prefilter command only).
    ///
    /// An error means that it is not known whether something is there.
    pub(crate) fn examine(
        &mut self,
        directory: BorrowedFd<'_>,
        name: &CStr,
        path: &[u8],
        hint: Hint,
        checks: Checks,
    ) -> io::Result<Look> {
        let began = now();
        let place = Place { directory, name, path };
        let mut hint = hint;
        // Another round when the entry became something else between two calls.
        for _ in 0..ATTEMPTS {
            let opened = if hint == Hint::Regular && checks.reads_content() {
                self.regular(&place, checks)?
            } else {
                let Some(stat) = stat_at(directory, name)? else { return Ok(Look::Nothing) };
                match stat.0.kind {
                    FileKind::Regular if checks.reads_content() => self.regular(&place, checks)?,
                    FileKind::Symlink => self.link(&place, checks)?,
                    _ => Opened::Seen(place.unopened(stat, checks)),
                }
            };
            match opened {
                Opened::Seen(Partial { state, unread }) => {
                    return Ok(Look::Seen(Box::new(Examined { state, began, unread })));
                }
                Opened::Nothing => return Ok(Look::Nothing),
                Opened::Stopped => return Ok(Look::Stopped),
                Opened::SomethingElse => hint = Hint::Unknown,
            }
        }
        Err(io::Error::new(io::ErrorKind::ResourceBusy, "file is replaced continuously"))
    }

    fn regular(&mut self, place: &Place<'_>, checks: Checks) -> io::Result<Opened> {
        let file = match place.open(OFlags::RDONLY) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Opened::Nothing),
            // A link or a socket by now.
            Err(Errno::LOOP | Errno::NXIO | Errno::NOTDIR) => return Ok(Opened::SomethingElse),
            Err(error) => return place.closed(error, checks),
        };
        let stat = stat_of(file.as_fd())?;
        if stat.0.kind != FileKind::Regular {
            return Ok(Opened::SomethingElse);
        }
        let content = self.content(file.as_fd(), stat, place.path, checks);
        let (stat, digests, mut unread) = match content {
            Content::Stopped => return Ok(Opened::Stopped),
            Content::Read(stat, digests) => (stat, digests, None),
            Content::Unread(stat, digests, why) => (stat, digests, Some(why)),
        };
        let mut state = FileState { digests, ..stat.0 };
        if checks.extended {
            match attributes::of_file(file.as_fd()) {
                Ok(found) => state.xattrs = found,
                Err(error) => unread = unread.or(Some(Unread::Attributes(error))),
            }
        }
        Ok(Opened::Seen(Partial { state, unread }))
    }

    /// Sums of an open regular file, taken again while it changes under them. The state is the one from
    /// before the reading, so a change that was missed has a later time than the baseline's entry.
    fn content(&mut self, file: BorrowedFd<'_>, first: Stat, path: &[u8], checks: Checks) -> Content {
        let mut stat = first;
        let mut attempts = 1;
        loop {
            let mut sums = Sums::new(self.taken_from_file(checks));
            let digests = match self.reader.read_into(&mut sums, file, stat.0.device, stat.0.size_bytes) {
                Ok(Reading::Whole) => sums.finish(),
                Ok(Reading::Stopped) => return Content::Stopped,
                Err(error) => return Content::Unread(stat, Digests::default(), Unread::Read(error)),
            };
            let after = match stat_of(file) {
                Ok(after) => after,
                Err(error) => return Content::Unread(stat, Digests::default(), Unread::Read(error)),
            };
            if !after.content_moved_since(&stat) {
                return self.filtered(after, digests, path, checks);
            }
            if attempts == ATTEMPTS {
                // Not `after`: a later scan has to see a later time than the entry's, and read again.
                return Content::Unread(stat, digests, Unread::Unsteady { attempts });
            }
            attempts += 1;
            stat = after;
        }
    }

    /// What is taken from the file itself, when a prefilter command gives the rest.
    fn taken_from_file(&self, checks: Checks) -> Checks {
        match self.options.prefilter {
            Some(_) => Checks { md5: false, sha1: false, ..checks },
            None => checks,
        }
    }

    fn filtered(&self, stat: Stat, mut digests: Digests, path: &[u8], checks: Checks) -> Content {
        let Some(prefilter) = self.options.prefilter.as_ref().filter(|_| checks.md5 || checks.sha1) else {
            return Content::Read(stat, digests);
        };
        let wanted = Checks { md5: checks.md5, sha1: checks.sha1, ..Checks::default() };
        let mut sums = Sums::new(wanted);
        match prefilter.run(path, |part| sums.update(part)) {
            Ok(()) => {
                let filtered = sums.finish();
                (digests.md5, digests.sha1) = (filtered.md5, filtered.sha1);
                Content::Read(stat, digests)
            }
            Err(error) => Content::Unread(stat, digests, Unread::Prefilter(error)),
        }
    }

    /// A link: its own state and target, and the sums of the regular file that it leads to.
    fn link(&mut self, place: &Place<'_>, checks: Checks) -> io::Result<Opened> {
        let link = match place.open(OFlags::PATH) {
            Ok(link) => link,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Opened::Nothing),
            Err(error) => return Err(error.into()),
        };
        let stat = stat_of(link.as_fd())?;
        if stat.0.kind != FileKind::Symlink {
            return Ok(Opened::SomethingElse);
        }
        let target = readlinkat(&link, c"", Vec::new())?.into_bytes();
        let Partial { mut state, mut unread } = place.unopened(stat, checks);
        state.link_target = Some(target);
        if checks.reads_content() {
            match target_file(place, self.options.tree.as_deref()) {
                Ok(Some((file, stat))) => match self.content(file.as_fd(), stat, place.path, checks) {
                    Content::Stopped => return Ok(Opened::Stopped),
                    Content::Read(_, digests) => state.digests = digests,
                    Content::Unread(_, digests, why) => {
                        state.digests = digests;
                        unread = unread.or(Some(why));
                    }
                },
                // A link to nothing, to a directory or to a device: there are no sums.
                Ok(None) => {}
                Err(error) => unread = unread.or(Some(Unread::Open(error))),
            }
        }
        Ok(Opened::Seen(Partial { state, unread }))
    }
}

#[expect(clippy::large_enum_variant, reason = "lives for a moment, on the stack")]
enum Opened {
    Seen(Partial),
    Nothing,
    Stopped,
    /// Another kind than it had a moment ago.
    SomethingElse,
}

enum Content {
    Read(Stat, Digests),
    Unread(Stat, Digests, Unread),
    Stopped,
}

struct Place<'a> {
    directory: BorrowedFd<'a>,
    name: &'a CStr,
    path: &'a [u8],
}

impl Place<'_> {
    /// Opens the entry itself: a link is refused, a pipe does not make the daemon wait, and no device becomes
    /// its terminal.
    fn open(&self, access: OFlags) -> rustix::io::Result<OwnedFd> {
        let flags = access | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        if access.contains(OFlags::PATH) {
            return openat(self.directory, self.name, flags, Mode::empty());
        }
        let flags = flags | OFlags::NONBLOCK | OFlags::NOCTTY;
        match openat(self.directory, self.name, flags | OFlags::NOATIME, Mode::empty()) {
            // Only its owner and CAP_FOWNER may leave the access time as it is.
            Err(Errno::PERM) => openat(self.directory, self.name, flags, Mode::empty()),
            other => other,
        }
    }

    /// The state of what is not opened.
    fn unopened(&self, stat: Stat, checks: Checks) -> Partial {
        let mut state = stat.0;
        let mut unread = None;
        if checks.extended {
            match attributes::of_entry(self.directory, self.name) {
                Ok(found) => state.xattrs = found,
                Err(error) => unread = Some(Unread::Attributes(error)),
            }
        }
        Partial { state, unread }
    }

    /// The state of a file that the system does not let the daemon open.
    fn closed(&self, why: Errno, checks: Checks) -> io::Result<Opened> {
        let Some(stat) = stat_at(self.directory, self.name)? else { return Ok(Opened::Nothing) };
        if stat.0.kind != FileKind::Regular {
            return Ok(Opened::SomethingElse);
        }
        let Partial { state, .. } = self.unopened(stat, checks);
        Ok(Opened::Seen(Partial { state, unread: Some(Unread::Open(why.into())) }))
    }
}

/// The regular file that a link leads to. It is opened only once it is known to be one: a link may lead to a
/// pipe or to a device that acts when it is opened.
fn target_file(place: &Place<'_>, tree: Option<&Tree>) -> io::Result<Option<(OwnedFd, Stat)>> {
    let found = match tree {
        Some(tree) => tree.resolve(place.path, LastLink::Follow).map(|resolved| resolved.found),
        None => openat(place.directory, place.name, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(Into::into),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) if is_gone(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    if stat_of(found.as_fd())?.0.kind != FileKind::Regular {
        return Ok(None);
    }
    let file = reopen(found.as_fd())?;
    let stat = stat_of(file.as_fd())?;
    Ok(Some((file, stat)))
}
