//! Writes the archive that a kernel unpacks as its first file system: cpio, format "newc"
//! (`Documentation/driver-api/early-userspace/buffer-format.rst`).

use std::collections::BTreeSet;
use std::io::{self, Write};

/// An archive being written.
pub(super) struct Archive<W: Write> {
    out: W,
    written: usize,
    next_inode: u32,
    directories: BTreeSet<String>,
}

impl<W: Write> Archive<W> {
    /// An empty archive.
    pub(super) fn new(out: W) -> Self {
        Self { out, written: 0, next_inode: 1, directories: BTreeSet::new() }
    }

    /// Adds a directory and those above it, unless they are there. `path` has no leading slash.
    pub(super) fn directory(&mut self, path: &str) -> io::Result<()> {
        if path.is_empty() || self.directories.contains(path) {
            return Ok(());
        }
        self.directory(parent(path))?;
        self.directories.insert(path.to_owned());
        self.entry(path, 0o040_755, &[])
    }

    /// Adds a file with the given permissions, and the directories above it.
    pub(super) fn file(&mut self, path: &str, permissions: u32, content: &[u8]) -> io::Result<()> {
        self.directory(parent(path))?;
        self.entry(path, 0o100_000 | permissions, content)
    }

    /// Adds a symbolic link.
    pub(super) fn symlink(&mut self, path: &str, target: &str) -> io::Result<()> {
        self.directory(parent(path))?;
        self.entry(path, 0o120_777, target.as_bytes())
    }

    /// Writes the end of the archive.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.entry("TRAILER!!!", 0, &[])?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn entry(&mut self, path: &str, mode: u32, content: &[u8]) -> io::Result<()> {
        let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
        let size = u32::try_from(content.len()).map_err(too_large)?;
        let name_size = u32::try_from(path.len() + 1).map_err(too_large)?;
        // ino, mode, uid, gid, nlink, mtime, filesize, dev (2), rdev (2), namesize, check
        let fields = [self.next_inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0];
        self.next_inode += 1;
        self.put(b"070701")?;
        for field in fields {
            self.put(format!("{field:08x}").as_bytes())?;
        }
        self.put(path.as_bytes())?;
        self.put(&[0])?;
        self.pad()?;
        self.put(content)?;
        self.pad()
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len();
        self.out.write_all(bytes)
    }

    /// Headers and contents start at multiples of four.
    fn pad(&mut self) -> io::Result<()> {
        self.put(&[0; 3][..self.written.next_multiple_of(4) - self.written])
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_aligned_and_directories_come_once_before_their_files() {
        let mut archive = Archive::new(Vec::new());
        archive.file("bin/a", 0o755, b"12345").expect("a file");
        archive.file("bin/b", 0o644, b"").expect("a file");
        let bytes = archive.finish().expect("an archive");
        assert_eq!(bytes.len() % 4, 0);
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("070701").count(), 4, "bin, bin/a, bin/b and the trailer");
        assert!(text.find("bin\0") < text.find("bin/a\0"));
        let at = text.find("12345").expect("the content");
        assert_eq!(at % 4, 0);
    }
}
