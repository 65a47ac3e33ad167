//! Which files are believed to be the log that a path names.
//!
//! hidsd reads as root what a path names, and what it reads ends up in alerts, mail and blocks. Who may put
//! names into a log's directory must not be able to make it read a file of somebody else (a link to a file
//! that only root may read), nor to pass off a file of their own as somebody else's log. So who may write to
//! the directory decides which owners are accepted:
//!
//! | directory | file |
//! | --- | --- |
//! | root's, written by root alone | any owner |
//! | root's, written by a group, or by all with the sticky bit | any owner, no second hard link |
//! | of user U | U's; root's without a second hard link; one of the directory's group, if that may write, likewise |
//! | written by all, without the sticky bit | the directory owner's or root's, no second hard link |
//!
//! A symbolic link is followed if it belongs to whom its target belongs to, or if it and its directory are
//! root's. This holds for each link on the way. A user's own directories below a directory that all may write
//! to are not trusted either: anybody could have replaced them.
//!
//! Ubuntu's `/var/log` is `root:syslog 0775` with files of `syslog:adm`, Tomcat's `tomcat:adm 2770`,
//! PostgreSQL's `root:postgres 1775`: the tests hold what distributions ship.

use std::fmt;
use std::path::PathBuf;

use rustix::fs::{Mode, Stat};

/// What counts about a file, a directory or a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Facts {
    pub uid: u32,
    pub gid: u32,
    /// Permissions, with the sticky bit.
    pub mode: Mode,
    /// Number of hard links.
    pub links: u64,
}

impl Facts {
    pub(super) fn of(stat: &Stat) -> Self {
        #[expect(clippy::allow_attributes, reason = "which of them holds depends on the processor")]
        #[allow(clippy::useless_conversion, clippy::unnecessary_cast, reason = "its width differs between processors")]
        let links = stat.st_nlink as u64;
        Self { uid: stat.st_uid, gid: stat.st_gid, mode: Mode::from_raw_mode(stat.st_mode), links }
    }

    fn group_writes(&self) -> bool {
        self.mode.contains(Mode::WGRP)
    }

    fn all_write(&self) -> bool {
        self.mode.contains(Mode::WOTH)
    }

    fn is_sticky(&self) -> bool {
        self.mode.contains(Mode::SVTX)
    }

    /// Whether anybody may replace what stands in the directory.
    fn is_open_to_all(&self) -> bool {
        self.all_write() && !self.is_sticky()
    }

    /// Whether only root can put names into the directory.
    pub(super) fn is_roots_alone(&self) -> bool {
        self.uid == 0 && !self.group_writes() && !self.all_write()
    }
}

/// Why a file is not read although the kernel would allow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// It is a file by which the kernel is spoken to.
    KernelFile(&'static str),
    /// A link of one owner leads to something of another.
    Link { link: PathBuf, owner: u32, target_owner: u32 },
    /// A link stands where only a file is looked for.
    LinkInsteadOfFile,
    /// Its owner is not one that the directory's owner answers for.
    Owner { owner: u32, directory_owner: u32, open_to_all: bool },
    /// It may be a file from elsewhere.
    HardLinks(u64),
    /// A directory on the way can have been replaced by anybody.
    Directory { directory: PathBuf, owner: u32 },
    /// It is a directory, a device or a socket.
    NotAFile,
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KernelFile(filesystem) => {
                write!(out, "it is on {filesystem}, where files are not logs: remove it from the configuration")
            }
            Self::Link { link, owner, target_owner } => write!(
                out,
                "the symbolic link {} belongs to uid {owner} and its target to uid {target_owner}, so it may lead to a \
                 file that uid {owner} must not read: give both the same owner (chown -h {target_owner}), or name the \
                 target in <location>",
                link.display()
            ),
            Self::LinkInsteadOfFile => write!(out, "it is a symbolic link"),
            Self::Owner { owner, open_to_all: true, .. } => write!(
                out,
                "its directory is world-writable and it belongs to uid {owner}, so any user may have replaced the log: \
                 remove the write permission of others from the directory (chmod o-w)"
            ),
            Self::Owner { owner, directory_owner, .. } => write!(
                out,
                "its directory belongs to uid {directory_owner} and the file to uid {owner}, so it may have been moved \
                 there: give the directory to root, or the file to uid {directory_owner} (chown)"
            ),
            Self::HardLinks(links) => write!(
                out,
                "it has {links} hard links in a directory to which not only root writes, so it may be a file from \
                 elsewhere: remove the other links (find / -xdev -samefile FILE)"
            ),
            Self::Directory { directory, owner } => write!(
                out,
                "the directory {} belongs to uid {owner} and lies in a world-writable one, so any user may have \
                 replaced it: remove the write permission of others from the directory above (chmod o-w)",
                directory.display()
            ),
            Self::NotAFile => write!(out, "not a file or named pipe"),
        }
    }
}

/// Whether `file` in `directory` may be read.
pub(super) fn judge_file(directory: &Facts, file: &Facts) -> Result<(), Refusal> {
    let shared = directory.group_writes() || directory.all_write();
    let accepted = if directory.is_open_to_all() {
        file.uid == directory.uid || file.uid == 0
    } else {
        directory.uid == 0
            || file.uid == directory.uid
            || file.uid == 0
            || (directory.group_writes() && file.gid == directory.gid)
    };
    if !accepted {
        let open_to_all = directory.is_open_to_all();
        return Err(Refusal::Owner { owner: file.uid, directory_owner: directory.uid, open_to_all });
    }
    // A second link is how a file of another gets into a directory to which its owner never wrote.
    let put_there_by_others = shared || (directory.uid != 0 && file.uid != directory.uid);
    if put_there_by_others && file.links > 1 {
        return Err(Refusal::HardLinks(file.links));
    }
    Ok(())
}

/// Whether the way may lead on through a directory (at `path`) that stands in `parent`.
pub(super) fn judge_directory(
    parent: &Facts,
    directory: &Facts,
    path: impl FnOnce() -> PathBuf,
) -> Result<(), Refusal> {
    if !parent.is_open_to_all() || directory.uid == 0 || directory.uid == parent.uid {
        return Ok(());
    }
    Err(Refusal::Directory { directory: path(), owner: directory.uid })
}

/// Whether the symbolic link (at `path`) in `directory` may be followed to `target`.
pub(super) fn judge_link(
    directory: &Facts,
    link: &Facts,
    target: &Facts,
    path: impl FnOnce() -> PathBuf,
) -> Result<(), Refusal> {
    if link.uid == target.uid || (link.uid == 0 && directory.uid == 0) {
        return Ok(());
    }
    Err(Refusal::Link { link: path(), owner: link.uid, target_owner: target.uid })
}

/// The kernel's own filesystems, by the magic numbers of include/uapi/linux/magic.h. Reading such a file
/// can change something: `/proc/kmsg` and `trace_pipe` give each message to one reader only.
const KERNEL_FILESYSTEMS: [(u32, &str); 18] = [
    (0x9fa0, "procfs"),
    (0x6265_6572, "sysfs"),
    (0x6462_6720, "debugfs"),
    (0x7472_6163, "tracefs"),
    (0x7363_6673, "securityfs"),
    (0x0027_e0eb, "a cgroup filesystem"),
    (0x6367_7270, "a cgroup filesystem"),
    (0xcafe_4a11, "bpffs"),
    (0x6265_6570, "configfs"),
    (0xf97c_ff8c, "selinuxfs"),
    (0x4341_5d53, "smackfs"),
    (0x4249_4e4d, "binfmt_misc"),
    (0xde5e_81e4, "efivarfs"),
    (0x0000_1cd1, "devpts"),
    (0x6573_5543, "fusectl"),
    (0x6759_6969, "rpc_pipefs"),
    (0x1980_0202, "mqueue"),
    (0x6e73_6673, "nsfs"),
];

/// Whether a file on a filesystem with this magic number may be a log.
pub(super) fn judge_filesystem(magic: u32) -> Result<(), Refusal> {
    match KERNEL_FILESYSTEMS.iter().find(|(kernels, _)| *kernels == magic) {
        Some((_, name)) => Err(Refusal::KernelFile(name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: u32 = 0;
    /// The service whose log it is, and its group.
    const OWN: u32 = 100;
    /// Somebody else.
    const OTHER: u32 = 1000;
    const ADM: u32 = 4;

    fn facts(uid: u32, gid: u32, mode: u32, links: u64) -> Facts {
        Facts { uid, gid, mode: Mode::from_raw_mode(mode), links }
    }

    // M4: what distributions ship stays readable.
    #[test]
    fn logs_of_stock_layouts_are_read() {
        for (what, directory, file) in [
            ("Debian /var/log, root's", (ROOT, ROOT, 0o755), (ROOT, ADM, 0o640)),
            ("Debian /var/log, exim", (ROOT, ROOT, 0o755), (OWN, ADM, 0o640)),
            ("Ubuntu /var/log, syslog:adm", (ROOT, OWN, 0o775), (OWN, ADM, 0o640)),
            ("Ubuntu /var/log, root's", (ROOT, OWN, 0o775), (ROOT, ROOT, 0o644)),
            ("Ubuntu /var/log, btmp", (ROOT, OWN, 0o775), (ROOT, 43, 0o660)),
            ("Debian nginx of old", (OWN, ADM, 0o755), (OWN, ADM, 0o640)),
            ("Debian nginx", (ROOT, ADM, 0o755), (OWN, ADM, 0o640)),
            ("nginx before its first rotation", (OWN, ADM, 0o755), (ROOT, ROOT, 0o644)),
            ("RHEL nginx", (ROOT, ROOT, 0o711), (OWN, ROOT, 0o640)),
            ("Debian Apache", (ROOT, ADM, 0o750), (ROOT, ADM, 0o640)),
            ("RHEL httpd", (ROOT, ROOT, 0o700), (ROOT, ROOT, 0o644)),
            ("Apache with a log group", (ROOT, OWN, 0o2770), (OTHER, OWN, 0o640)),
            ("Apache in a deployer's directory", (OTHER, OWN, 0o2775), (OWN, OWN, 0o640)),
            ("RHEL php-fpm", (OWN, ROOT, 0o770), (ROOT, ROOT, 0o600)),
            ("Debian PostgreSQL", (ROOT, OWN, 0o1775), (OWN, ADM, 0o640)),
            ("RHEL PostgreSQL", (OWN, OWN, 0o700), (OWN, OWN, 0o600)),
            ("Debian MySQL", (OWN, ADM, 0o2750), (OWN, ADM, 0o640)),
            ("RHEL MariaDB", (OWN, OWN, 0o750), (OWN, OWN, 0o660)),
            ("Debian Tomcat", (OWN, ADM, 0o2770), (OWN, ADM, 0o640)),
            ("RHEL Tomcat", (OWN, ROOT, 0o770), (OWN, OWN, 0o644)),
            ("audit", (ROOT, ROOT, 0o700), (ROOT, ROOT, 0o600)),
            ("GNOME's display manager", (ROOT, OWN, 0o1770), (OWN, OWN, 0o644)),
            ("Mailman", (ROOT, OWN, 0o2775), (OWN, OWN, 0o664)),
            ("a log in /tmp", (ROOT, ROOT, 0o1777), (OTHER, OTHER, 0o644)),
        ] {
            let (directory, file) = (facts(directory.0, directory.1, directory.2, 2), facts(file.0, file.1, file.2, 1));
            assert_eq!(judge_file(&directory, &file), Ok(()), "{what}");
        }
    }

    // M4
    #[test]
    fn a_file_that_the_directorys_writers_cannot_answer_for_is_refused() {
        let owner = |owner, directory_owner, open_to_all| Refusal::Owner { owner, directory_owner, open_to_all };
        for (what, directory, file, why) in [
            ("another's file", (OWN, OWN, 0o755), (OTHER, OTHER, 1), owner(OTHER, OWN, false)),
            ("of another group", (OWN, OWN, 0o775), (OTHER, OTHER, 1), owner(OTHER, OWN, false)),
            ("a link to root's file", (OWN, OWN, 0o755), (ROOT, ROOT, 2), Refusal::HardLinks(2)),
            ("a link in a group's directory", (ROOT, OWN, 0o775), (ROOT, ROOT, 2), Refusal::HardLinks(2)),
            ("a link in /tmp", (ROOT, ROOT, 0o1777), (OTHER, OTHER, 3), Refusal::HardLinks(3)),
            ("replaced by anybody", (ROOT, ROOT, 0o777), (OTHER, OTHER, 1), owner(OTHER, ROOT, true)),
        ] {
            let (directory, file) =
                (facts(directory.0, directory.1, directory.2, 2), facts(file.0, file.1, 0o640, file.2));
            assert_eq!(judge_file(&directory, &file), Err(why), "{what}");
        }
        // Only root can have put it there.
        assert_eq!(judge_file(&facts(ROOT, ROOT, 0o755, 2), &facts(OTHER, OTHER, 0o644, 2)), Ok(()));
    }

    // M4
    #[test]
    fn a_link_is_followed_for_its_owner_or_for_root() {
        let judge = |directory: u32, link: u32, target: u32| {
            let facts = |uid| facts(uid, uid, 0o755, 1);
            judge_link(&facts(directory), &facts(link), &facts(target), PathBuf::new).is_ok()
        };
        assert!(judge(ROOT, ROOT, OTHER), "root's link in root's directory");
        assert!(judge(OWN, OWN, OWN), "a user's own");
        assert!(judge(OWN, ROOT, ROOT), "root's link to root's file");
        assert!(!judge(OWN, OWN, ROOT), "a user's link to root's file");
        assert!(!judge(ROOT, OWN, ROOT), "the same in /tmp");
        assert!(!judge(OWN, ROOT, OTHER), "root's link that a user may have moved");
    }

    // M4
    #[test]
    fn a_directory_that_anybody_may_have_made_is_no_way_to_a_log() {
        let judge = |parent, directory: u32| {
            judge_directory(&parent, &facts(directory, directory, 0o755, 2), PathBuf::new).is_ok()
        };
        assert!(!judge(facts(ROOT, ROOT, 0o777, 2), OTHER));
        assert!(judge(facts(ROOT, ROOT, 0o777, 2), ROOT));
        assert!(judge(facts(ROOT, ROOT, 0o1777, 2), OTHER));
        assert!(judge(facts(OWN, OWN, 0o755, 2), OTHER));
    }

    // M4
    #[test]
    fn the_kernels_filesystems_hold_no_logs() {
        assert_eq!(judge_filesystem(0x9fa0), Err(Refusal::KernelFile("procfs")));
        assert_eq!(judge_filesystem(0x6265_6572), Err(Refusal::KernelFile("sysfs")));
        assert_eq!(judge_filesystem(0xef53), Ok(()), "ext4");
        assert_eq!(judge_filesystem(0x0102_1994), Ok(()), "tmpfs");
    }
}
