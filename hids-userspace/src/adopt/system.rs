//! The files of a system, looked at below its root directory: `/`, or an image.
//!
//! Below another root, links are followed as that system would follow them: none leads out of it. Whatever is read is
//! bounded, and what is no regular file is not opened for reading at all.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::{AsFd as _, AsRawFd as _, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// Largest file that is read.
const MOST_BYTES: u64 = 4 << 20;
/// Most names of one directory, and most files that a pattern stands for.
const MOST_NAMES: usize = 4096;

/// A system below a root directory.
pub(crate) struct System {
    root: OwnedFd,
    /// Without links; what the kernel puts before names that it resolves.
    prefix: PathBuf,
}

impl System {
    /// Opens the root directory.
    ///
    /// # Errors
    /// When it is no directory or may not be opened.
    pub(crate) fn new(root: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self { root: rustix::fs::openat(CWD, root, flags, Mode::empty())?, prefix: root.canonicalize()? })
    }

    /// The bytes of a regular file; `None` if it is missing, unreadable or too large.
    pub(crate) fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.read_up_to(path, MOST_BYTES)
    }

    /// As [`System::read`], with a limit of its own.
    pub(crate) fn read_up_to(&self, path: &str, most_bytes: u64) -> Option<Vec<u8>> {
        let file = self.open(path, OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY)?;
        if FileType::from_raw_mode(rustix::fs::fstat(&file).ok()?.st_mode) != FileType::RegularFile {
            return None;
        }
        let mut bytes = Vec::new();
        File::from(file).take(most_bytes.saturating_add(1)).read_to_end(&mut bytes).ok()?;
        (bytes.len() as u64 <= most_bytes).then_some(bytes)
    }

    /// As [`System::read`], for people's files; what is not UTF-8 is replaced.
    pub(crate) fn read_text(&self, path: &str) -> Option<String> {
        self.read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether there is a regular file of that name.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        self.kind(path) == Some(FileType::RegularFile)
    }

    /// Whether there is a directory of that name.
    pub(crate) fn has_directory(&self, path: &str) -> bool {
        self.kind(path) == Some(FileType::Directory)
    }

    /// Names in a directory in order; none if it cannot be read.
    pub(crate) fn names(&self, directory: &str) -> Vec<String> {
        let Some(opened) = self.open(directory, OFlags::RDONLY | OFlags::DIRECTORY) else { return Vec::new() };
        let Ok(entries) = rustix::fs::Dir::read_from(&opened) else { return Vec::new() };
        let names = entries.flatten().filter_map(|entry| entry.file_name().to_str().ok().map(str::to_owned));
        let mut names: Vec<String> = names.filter(|name| name != "." && name != "..").take(MOST_NAMES).collect();
        names.sort();
        names
    }

    /// The paths that a pattern with wildcards stands for, in order.
    pub(crate) fn glob(&self, pattern: &str) -> Vec<String> {
        let mut found = vec![String::new()];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            let mut next = Vec::new();
            for base in found {
                if !part.contains(['*', '?', '[']) {
                    next.push(format!("{base}/{part}"));
                } else if let Ok(wanted) = glob::Pattern::new(part) {
                    let hidden = part.starts_with('.');
                    let names = self.names(if base.is_empty() { "/" } else { &base });
                    let fits = names.into_iter().filter(|name| wanted.matches(name) && name.starts_with('.') == hidden);
                    next.extend(fits.map(|name| format!("{base}/{name}")));
                }
                next.truncate(MOST_NAMES);
            }
            found = next;
        }
        found.retain(|path| self.kind(path).is_some());
        found
    }

    /// `path` with the links of its directory resolved, as the system itself would name it; unchanged if it leads
    /// nowhere.
    pub(crate) fn resolved(&self, path: &str) -> String {
        let Some((directory, name)) = path.rsplit_once('/').filter(|(directory, _)| !directory.is_empty()) else {
            return path.to_owned();
        };
        let real = self.open(directory, OFlags::PATH | OFlags::DIRECTORY).and_then(|opened| {
            let link = std::fs::read_link(format!("/proc/self/fd/{}", opened.as_fd().as_raw_fd())).ok()?;
            let below = link.strip_prefix(&self.prefix).ok()?.to_str()?.to_owned();
            Some(if below.is_empty() { format!("/{name}") } else { format!("/{below}/{name}") })
        });
        real.unwrap_or_else(|| path.to_owned())
    }

    fn kind(&self, path: &str) -> Option<FileType> {
        let opened = self.open(path, OFlags::PATH)?;
        Some(FileType::from_raw_mode(rustix::fs::fstat(&opened).ok()?.st_mode))
    }

    fn open(&self, path: &str, flags: OFlags) -> Option<OwnedFd> {
        let flags = flags | OFlags::CLOEXEC;
        match rustix::fs::openat2(&self.root, path, flags, Mode::empty(), ResolveFlags::IN_ROOT) {
            // Before Linux 5.6, and where a filter of system calls does not know it: the same for this system.
            Err(Errno::NOSYS | Errno::PERM) if self.prefix == Path::new("/") => {
                rustix::fs::openat(CWD, path, flags, Mode::empty()).ok()
            }
            result => result.ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn image() -> (tempfile::TempDir, System) {
        let root = tempfile::tempdir().expect("a directory");
        fs::create_dir_all(root.path().join("etc/httpd")).expect("directories");
        fs::create_dir_all(root.path().join("var/log/httpd")).expect("directories");
        let system = System::new(root.path()).expect("a system");
        (root, system)
    }

    #[test]
    fn links_lead_where_the_image_itself_would_follow_them() {
        let (root, system) = image();
        symlink("../../var/log/httpd", root.path().join("etc/httpd/logs")).expect("a link");
        symlink("/etc/passwd", root.path().join("etc/secret")).expect("a link");
        symlink("../../../../../../../../etc/hostname", root.path().join("etc/out")).expect("a link");
        assert_eq!(system.resolved("/etc/httpd/logs/access_log"), "/var/log/httpd/access_log");
        assert_eq!(system.resolved("/nowhere/access_log"), "/nowhere/access_log");
        assert_eq!((system.read("/etc/secret"), system.read("/etc/out")), (None, None), "not the machine's own files");
        fs::write(root.path().join("etc/passwd"), "image").expect("a file");
        assert_eq!(system.read_text("/etc/secret").as_deref(), Some("image"));
    }

    #[test]
    fn what_is_no_regular_file_is_not_read_and_large_ones_are_refused() {
        let (root, system) = image();
        let pipe = root.path().join("etc/pipe");
        rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
        let large = File::create(root.path().join("etc/large")).expect("a file");
        large.set_len(MOST_BYTES + 1).expect("sparse");
        assert_eq!((system.read("/etc/pipe"), system.read("/etc/large"), system.read("/etc")), (None, None, None));
    }

    #[test]
    fn patterns_stand_for_names_of_each_directory() {
        let (root, system) = image();
        for name in ["a.conf", "b.conf", ".hidden.conf", "c.txt"] {
            fs::write(root.path().join("etc/httpd").join(name), "").expect("a file");
        }
        assert_eq!(system.glob("/etc/h*/*.conf"), ["/etc/httpd/a.conf", "/etc/httpd/b.conf"]);
        assert_eq!(system.glob("/etc/httpd/a.conf"), ["/etc/httpd/a.conf"]);
        assert!(system.glob("/etc/[/*.conf").is_empty() && system.glob("/nowhere").is_empty());
    }
}
