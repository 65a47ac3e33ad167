//! The names in a directory, sorted, in little memory: a directory may have millions.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::fs::{FileType, RawDir};
use rustix::io::Errno;

/// An open directory and its names.
pub(super) struct Listing {
    directory: OwnedFd,
    /// All names, each with its final NUL.
    names: Vec<u8>,
    items: Vec<Item>,
}

/// One name; 8 bytes.
#[derive(Clone, Copy)]
struct Item {
    start: u32,
    length: u16,
    kind: Listed,
}

/// What a directory says an entry is. Some filesystems do not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// A file with content.
    Regular,
    /// A directory.
    Directory,
    /// A link, pipe, socket or device.
    Other,
    /// It does not say.
    Unknown,
}

impl Listing {
    /// Reads all names of `directory`. `buffer` is for the kernel's answers.
    pub(super) fn read(directory: OwnedFd, buffer: &mut [MaybeUninit<u8>]) -> io::Result<Self> {
        let (mut names, mut items) = (Vec::new(), Vec::new());
        let mut entries = RawDir::new(&directory, buffer);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            if matches!(name.to_bytes(), b"." | b"..") {
                continue;
            }
            let start = u32::try_from(names.len()).map_err(|_| io::Error::from(Errno::OVERFLOW))?;
            let length = u16::try_from(name.count_bytes()).map_err(|_| io::Error::from(Errno::NAMETOOLONG))?;
            names.extend_from_slice(name.to_bytes_with_nul());
            items.push(Item { start, length, kind: Listed::from(entry.file_type()) });
        }
        let name = |item: &Item| &names[item.start as usize..item.start as usize + usize::from(item.length)];
        items.sort_unstable_by(|one, other| name(one).cmp(name(other)));
        // A name may be listed twice while others come and go.
        items.dedup_by(|one, other| name(one) == name(other));
        names.shrink_to_fit();
        items.shrink_to_fit();
        Ok(Self { directory, names, items })
    }

    /// How many names.
    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    /// The `index`-th name and what it is; `None` behind the last.
    pub(super) fn item(&self, index: usize) -> Option<(&CStr, Listed)> {
        let item = self.items.get(index)?;
        let start = item.start as usize;
        let bytes = self.names.get(start..=start + usize::from(item.length))?;
        Some((CStr::from_bytes_with_nul(bytes).ok()?, item.kind))
    }

    /// The directory.
    pub(super) fn directory(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}

impl From<FileType> for Listed {
    fn from(kind: FileType) -> Self {
        match kind {
            FileType::RegularFile => Self::Regular,
            FileType::Directory => Self::Directory,
            FileType::Unknown => Self::Unknown,
            _ => Self::Other,
        }
    }
}
