//! The kernel's memory of processes: the map and the ring that the BPF programs fill.

use std::os::fd::{AsFd as _, OwnedFd};

use aya::maps::{HashMap, MapData, RingBuf};
use hids_common::record::Process;

/// What [`Processes`](super::Processes) asks of the kernel.
pub(crate) trait Kernel: Send {
    /// The living process with this number.
    fn living(&self, pid: u32) -> Option<Process>;

    /// Every living process.
    fn all(&self) -> Vec<Process>;

    /// Remembers a process that was there before the programs; not if the kernel already knows it.
    fn insert(&mut self, process: &Process);

    /// Takes it back.
    fn remove(&mut self, pid: u32);

    /// Hands the next record to `take`; `false` when there is none.
    fn next(&mut self, take: &mut dyn FnMut(&[u8])) -> bool;
}

/// Map and ring of the loaded object.
pub struct Maps {
    living: HashMap<MapData, u32, Process>,
    events: RingBuf<MapData>,
}

impl Maps {
    /// Takes both over.
    pub fn new(living: HashMap<MapData, u32, Process>, events: RingBuf<MapData>) -> Self {
        Self { living, events }
    }

    /// A descriptor that becomes readable when records wait.
    pub fn waiting(&self) -> std::io::Result<OwnedFd> {
        self.events.as_fd().try_clone_to_owned()
    }
}

impl Kernel for Maps {
    fn living(&self, pid: u32) -> Option<Process> {
        self.living.get(&pid, 0).ok()
    }

    fn all(&self) -> Vec<Process> {
        // An entry that is removed meanwhile ends the iteration early or shows one twice; whoever asks
        // only wants to know what can be forgotten, and asks again later.
        self.living.iter().filter_map(|entry| entry.ok().map(|(_, process)| process)).collect()
    }

    fn insert(&mut self, process: &Process) {
        // Refused when the kernel knows it or the map is full: then /proc is asked.
        let _ = self.living.insert(process.pid, process, BPF_NOEXIST);
    }

    fn remove(&mut self, pid: u32) {
        // Refused when the kernel was faster.
        let _ = self.living.remove(&pid);
    }

    fn next(&mut self, take: &mut dyn FnMut(&[u8])) -> bool {
        self.events.next().map(|record| take(&record)).is_some()
    }
}

/// `include/uapi/linux/bpf.h`: an element that is there stays as it is.
const BPF_NOEXIST: u64 = 1;
