//! Loads the BPF object, attaches its programs and reads their counters.

mod fields;
pub(super) mod loading;
pub(super) mod offsets;
pub(super) mod types;

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsFd as _, AsRawFd as _};

use aya::maps::{HashMap, PerCpuArray, RingBuf};
use aya::programs::{Lsm, Program, RawTracePoint};
use aya::{Btf, Ebpf, EbpfLoader};
use hids_common::counter::{DropReason, Hook, drop_slot};
use hids_common::limits::ABSENT;
use hids_common::names::{DROPPED_MAP, EVENTS_MAP, LSM_PROBE, LSM_PROBE_HOOK, PROCESSES_MAP, SEEN_MAP};
use hids_common::user::total;

use super::object::OBJECT;
use super::who::kernel::Maps;
use super::{Degradation, HookReport, probe};
use fields::process_offsets;
use loading::uninterrupted;
use offsets::Offsets;
use types::KernelTypes;

/// The attached programs and their maps; dropping it detaches them.
#[derive(Debug)]
pub(super) struct Programs {
    object: Ebpf,
    cgroups: Option<Degradation>,
}

/// Order in which programs are attached: an end must be seen of everything whose beginning is.
const ATTACHED: [Hook; 3] = [Hook::Exit, Hook::Fork, Hook::Exec];

impl Programs {
    /// Loads the object and attaches one program to every hook.
    pub(super) fn attach() -> Result<Self, Degradation> {
        let types = KernelTypes::of_this_kernel()?;
        let offsets = process_offsets(&types)?;
        drop(types);
        let mut object = load(&offsets)?;
        for hook in ATTACHED {
            attach(&mut object, hook)?;
        }
        // Only adds the paths of control groups that are gone when they are asked for.
        let cgroups = if offsets.number("KERNFS_ID") == Some(ABSENT) {
            Err(Degradation::MissingFields(vec!["kernfs_node.id".to_owned()]))
        } else {
            attach(&mut object, Hook::CgroupMkdir)
        };
        for name in [SEEN_MAP, DROPPED_MAP] {
            object.map(name).ok_or(Degradation::Missing { what: "map", name })?;
        }
        Ok(Self { object, cgroups: cgroups.err() })
    }

    /// Why paths of control groups are not told, if they are not.
    pub(super) fn without_cgroups(&self) -> Option<&Degradation> {
        self.cgroups.as_ref()
    }

    /// Hands over what the programs fill with processes; once.
    pub(super) fn take_processes(&mut self) -> Result<Maps, Degradation> {
        let mut take = |name| self.object.take_map(name).ok_or(Degradation::Missing { what: "map", name });
        let (living, events) = (take(PROCESSES_MAP)?, take(EVENTS_MAP)?);
        let map = |source| Degradation::Object(source);
        let living = HashMap::try_from(living).map_err(|error| map(error.into()))?;
        Ok(Maps::new(living, RingBuf::try_from(events).map_err(|error| map(error.into()))?))
    }

    /// The counters of every hook, summed over all processors.
    pub(super) fn counters(&self) -> Vec<HookReport> {
        let count = |map: &str, slot: u32| self.read(map, slot);
        let report = |hook: &Hook| {
            let drops = DropReason::ALL.iter();
            let mut dropped: BTreeMap<_, _> =
                drops.map(|reason| (reason.name(), count(DROPPED_MAP, drop_slot(*hook, *reason)))).collect();
            dropped.insert("missed", self.missed(*hook));
            HookReport { hook: hook.name(), seen: count(SEEN_MAP, hook.slot()), dropped }
        };
        Hook::ALL.iter().map(report).collect()
    }

    /// Events that the kernel did not give to the program of `hook`, because the program was running on
    /// the same processor; 0 where the kernel does not tell (it does since Linux 5.12).
    fn missed(&self, hook: Hook) -> u64 {
        let program = match self.object.program(hook.name()) {
            Some(Program::RawTracePoint(program)) => program.fd().ok(),
            _ => None,
        };
        let path = program.map(|program| format!("/proc/self/fdinfo/{}", program.as_fd().as_raw_fd()));
        let text = path.and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("recursion_misses:"));
        line.and_then(|number| number.trim().parse().ok()).unwrap_or(0)
    }

    /// One counter; 0 if the kernel does not give it, which it always does for a slot of the array.
    fn read(&self, map: &str, slot: u32) -> u64 {
        let array = self.object.map(map).and_then(|map| PerCpuArray::<_, u64>::try_from(map).ok());
        array.and_then(|array| array.get(&slot, 0).ok()).map_or(0, |values| total(&values))
    }
}

/// A page, also where pages are large.
const SMALLEST_RING_BYTES: u32 = 64 << 10;

/// Asks the kernel whether it accepts an LSM program, by loading one that does nothing and attaching
/// it nowhere.
pub(super) fn probe_lsm() -> Result<(), Degradation> {
    let active = probe::active_security_modules();
    if let Some(active) = active.filter(|list| !list.split(',').any(|module| module == "bpf")) {
        return Err(Degradation::LsmNotActive { active });
    }
    let bytes = OBJECT.ok_or(Degradation::ObjectLeftOut)?;
    let mut loader = EbpfLoader::new();
    // The maps are of no use here, and large.
    loader.btf(None).map_max_entries(PROCESSES_MAP, 1).map_max_entries(EVENTS_MAP, SMALLEST_RING_BYTES);
    let mut object = loader.load(bytes).map_err(Degradation::Object)?;
    let btf = Btf::from_sys_fs().map_err(Degradation::NoBtf)?;
    let program = object.program_mut(LSM_PROBE).ok_or(Degradation::Missing { what: "program", name: LSM_PROBE })?;
    let refused = |source| Degradation::refused("LSM programs", source, probe::lockdown());
    let program: &mut Lsm = program.try_into().map_err(refused)?;
    uninterrupted(|| program.load(LSM_PROBE_HOOK, &btf)).map_err(refused)
}

/// Attaches one program, which is named after its tracepoint.
fn attach(object: &mut Ebpf, hook: Hook) -> Result<(), Degradation> {
    let name = hook.name();
    let program = object.program_mut(name).ok_or(Degradation::Missing { what: "program", name })?;
    let refused = |source| Degradation::refused(name, source, probe::lockdown());
    let program: &mut RawTracePoint = program.try_into().map_err(refused)?;
    uninterrupted(|| program.load()).map_err(refused)?;
    program.attach(name).map_err(refused)?;
    Ok(())
}

/// Makes the object's maps; no program is in the kernel yet.
fn load(offsets: &Offsets) -> Result<Ebpf, Degradation> {
    let bytes = OBJECT.ok_or(Degradation::ObjectLeftOut)?;
    let mut loader = EbpfLoader::new();
    offsets.apply(&mut loader);
    // aya needs no type information of the kernel for these programs, and reading it costs time and memory.
    loader.btf(None).load(bytes).map_err(Degradation::Object)
}
