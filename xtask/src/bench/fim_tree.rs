//! The files that file integrity is measured on.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::exec::say;

/// A tree and what is in it.
pub(super) struct Tree {
    /// The directory.
    pub root: PathBuf,
    /// All files.
    pub files: Vec<PathBuf>,
    /// Directories, the root included.
    pub directories: usize,
    /// Bytes in all files.
    pub bytes: u64,
}

/// Files in one directory, and directories in one above.
const WIDTH: u32 = 20;

/// Makes the tree below `within`, unless it is there. The same arguments make the same tree.
pub(super) fn make(within: &Path, small: u32, mean_kib: u32, large: u32) -> Result<Tree> {
    let root = within.join(format!("fim-{small}-{mean_kib}-{large}"));
    let complete = root.with_extension("complete");
    if !complete.exists() {
        say(&format!("making {small} small and {large} large files in {}", root.display()));
        fill(&root, small, mean_kib, large)?;
        fs::write(&complete, "").context("cannot write")?;
    }
    let mut tree = Tree { root: root.clone(), files: Vec::new(), directories: 0, bytes: 0 };
    collect(&root, &mut tree)?;
    Ok(tree)
}

fn fill(root: &Path, small: u32, mean_kib: u32, large: u32) -> Result<()> {
    let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
    let mut block = vec![0; 64 << 20];
    noise.fill(&mut block);
    for number in 0..small {
        let (directory, above) = (number / WIDTH, number / WIDTH / WIDTH);
        let path = root.join(format!("{above:04}/{directory:05}"));
        if number % WIDTH == 0 {
            fs::create_dir_all(&path).with_context(|| format!("cannot make {}", path.display()))?;
        }
        // From nothing to twice the mean, evenly; each with its own content.
        let length = if mean_kib == 0 { 0 } else { (noise.next() % (2048 * u64::from(mean_kib))) as usize };
        let start = (noise.next() % (32 << 20)) as usize;
        let path = path.join(format!("file-{number:07}"));
        fs::write(&path, &block[start..start + length]).with_context(|| format!("cannot write {}", path.display()))?;
    }
    for number in 0..large {
        let path = root.join(format!("large-{number}"));
        fs::create_dir_all(root)?;
        let mut file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        block[0] = number as u8;
        file.write_all(&block).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn collect(directory: &Path, tree: &mut Tree) -> Result<()> {
    tree.directories += 1;
    for entry in fs::read_dir(directory).with_context(|| format!("cannot list {}", directory.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), tree)?;
        } else {
            tree.bytes += entry.metadata()?.len();
            tree.files.push(entry.path());
        }
    }
    Ok(())
}

/// Bytes that no filesystem stores in less space (xorshift64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn fill(&mut self, block: &mut [u8]) {
        for word in block.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            word.copy_from_slice(&bytes[..word.len()]);
        }
    }
}
