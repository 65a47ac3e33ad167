//! A busy machine, for tests that have to pass on one: processors, disk and memory that others use.
//!
//! Everything runs in threads of this process, so it ends with it, however that ends.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::exec::say;
use crate::paths;

/// Busy loops for each processor.
const LOOPS: usize = 4;
/// What is written again and again, each time onto the disk.
const FILE_BYTES: usize = 64 << 20;
/// The part of the free memory that is taken.
const MEMORY_SHARE: u64 = 2;
/// Most of it: it has to be touched again and again.
const MOST_MEMORY: u64 = 4 << 30;
const PAGE: usize = 4096;

/// The load; dropping it ends it.
pub(super) struct Load {
    done: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// Makes the machine busy.
    pub(super) fn start() -> Result<Self> {
        let processors = thread::available_parallelism().map_or(1, usize::from);
        let memory = (free_memory()? / MEMORY_SHARE).min(MOST_MEMORY);
        say(&format!(
            "under load: {} busy loops on {processors} processors, a writer of {} MiB, {} MiB of memory",
            LOOPS * processors,
            FILE_BYTES >> 20,
            memory >> 20
        ));
        let file = tempfile_in(&paths::target().join("tmp"))?;
        let done = Arc::new(AtomicBool::new(false));
        let mut load = Self { done: Arc::clone(&done), threads: Vec::new() };
        for _ in 0..LOOPS * processors {
            load.spawn(|done| {
                while !done.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })?;
        }
        load.spawn(move |done| write_again_and_again(file, done))?;
        load.spawn(move |done| touch_again_and_again(usize::try_from(memory).unwrap_or(usize::MAX), done))?;
        Ok(load)
    }

    fn spawn(&mut self, work: impl FnOnce(&AtomicBool) + Send + 'static) -> Result<()> {
        let done = Arc::clone(&self.done);
        let thread = thread::Builder::new().spawn(move || work(&done)).context("cannot start a thread")?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn write_again_and_again(mut file: File, done: &AtomicBool) {
    let piece = vec![0x5a_u8; 1 << 20];
    while !done.load(Ordering::Relaxed) {
        let mut written = file.rewind();
        for _ in 0..FILE_BYTES / piece.len() {
            written = written.and_then(|()| file.write_all(&piece));
        }
        if written.and_then(|()| file.sync_data()).is_err() {
            // A full disk is not what is tested here.
            thread::sleep(Duration::from_secs(1));
        }
    }
}

fn touch_again_and_again(bytes: usize, done: &AtomicBool) {
    let mut memory = vec![0_u8; bytes];
    let mut round = 0_u8;
    while !done.load(Ordering::Relaxed) {
        round = round.wrapping_add(1);
        for page in memory.chunks_mut(PAGE).take_while(|_| !done.load(Ordering::Relaxed)) {
            page[0] = round;
        }
    }
    std::hint::black_box(&memory);
}

/// A file that has no name.
fn tempfile_in(directory: &Path) -> Result<File> {
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let path = directory.join(format!("load-{}", std::process::id()));
    let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
    std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    Ok(file)
}

/// Memory that can be had without swapping, in bytes.
fn free_memory() -> Result<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").context("cannot read /proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
    Ok(kib.context("/proc/meminfo has no MemAvailable")? << 10)
}
