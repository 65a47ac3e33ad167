//! Loads the guard's programs into the kernel, attaches and pins them.

use std::path::Path;

use aya::maps::Map;
use aya::programs::links::FdLink;
use aya::programs::{BtfTracePoint, Lsm, ProgramError};
use aya::{Btf, Ebpf, EbpfLoader};
use hids_common::guard::{PINNED_MAPS, STATE_MAP};

use super::fields::{FIELDS, tells_subvolumes};
use super::hooks::{self, Chosen, TRACEPOINTS};
use super::pins::{LINK, WHOLE};
use crate::sensors::bpf::loading::uninterrupted;
use crate::sensors::bpf::offsets::Offsets;
use crate::sensors::bpf::types::KernelTypes;
use crate::sensors::object::GUARD_OBJECT;
use crate::sensors::{Degradation, probe};

/// Programs that are in the kernel and not attached yet.
pub(super) struct Loaded {
    object: Ebpf,
    chosen: Vec<Chosen>,
    tells_subvolumes: bool,
}

/// Loads every program. Nothing is refused yet.
pub(super) fn load() -> Result<Loaded, Degradation> {
    let bytes = GUARD_OBJECT.ok_or(Degradation::ObjectLeftOut)?;
    let active = probe::active_security_modules();
    if let Some(active) = active.filter(|list| !list.split(',').any(|module| module == "bpf")) {
        return Err(Degradation::LsmNotActive { active });
    }
    let mut types = KernelTypes::of_this_kernel()?;
    // Where btrfs is a module, its types are with it.
    types.add_module("btrfs")?;
    let chosen = hooks::choose(&types)?;
    let offsets = Offsets::resolve(&types, FIELDS)?;
    drop(types);
    let mut loader = EbpfLoader::new();
    loader.btf(None);
    offsets.apply(&mut loader);
    let mut object = loader.load(bytes).map_err(Degradation::Object)?;
    let btf = Btf::from_sys_fs().map_err(Degradation::NoBtf)?;
    for Chosen { hook, program } in &chosen {
        let program_ref: &mut Lsm = program_of(&mut object, program)?;
        uninterrupted(|| program_ref.load(hook, &btf))
            .map_err(|source| Degradation::refused(program, source, probe::lockdown()))?;
    }
    for (tracepoint, program) in TRACEPOINTS {
        let program_ref: &mut BtfTracePoint = program_of(&mut object, program)?;
        uninterrupted(|| program_ref.load(tracepoint, &btf))
            .map_err(|source| Degradation::refused(program, source, probe::lockdown()))?;
    }
    Ok(Loaded { object, chosen, tells_subvolumes: tells_subvolumes(&offsets) })
}

impl Loaded {
    /// Whether they tell subvolumes of btrfs apart.
    pub(super) const fn tells_subvolumes(&self) -> bool {
        self.tells_subvolumes
    }

    /// Pins the maps, so that they can be filled before a program looks into them.
    pub(super) fn pin_maps(&self, directory: &Path) -> Result<(), Degradation> {
        PINNED_MAPS.iter().try_for_each(|name| self.pin_map(name, &directory.join(name)))
    }

    /// Attaches and pins every program, then marks the directory as whole. From here on they work.
    pub(super) fn attach(mut self, directory: &Path) -> Result<Vec<&'static str>, Degradation> {
        let mut attached = Vec::new();
        // Marks first: a child that is forked between two attachments must not lose what its parent may.
        for (tracepoint, program) in TRACEPOINTS {
            let refused = |source| Degradation::refused(program, source, probe::lockdown());
            let program_ref: &mut BtfTracePoint = program_of(&mut self.object, program)?;
            let link = program_ref.attach().and_then(|id| program_ref.take_link(id)).map_err(refused)?;
            pin(link.into(), directory, tracepoint)?;
        }
        for Chosen { hook, program } in &self.chosen {
            let refused = |source| Degradation::refused(program, source, probe::lockdown());
            let program_ref: &mut Lsm = program_of(&mut self.object, program)?;
            let link = program_ref.attach().and_then(|id| program_ref.take_link(id)).map_err(refused)?;
            pin(link.into(), directory, hook)?;
            attached.push(*hook);
        }
        self.pin_map(STATE_MAP, &directory.join(WHOLE))?;
        Ok(attached)
    }

    fn pin_map(&self, name: &'static str, path: &Path) -> Result<(), Degradation> {
        let map: &Map = self.object.map(name).ok_or(Degradation::Missing { what: "map", name })?;
        map.pin(path).map_err(Degradation::Pin)
    }
}

fn pin(link: FdLink, directory: &Path, hook: &str) -> Result<(), Degradation> {
    // Dropping the handle closes our descriptor; the pin keeps the program attached.
    link.pin(directory.join(format!("{LINK}{hook}"))).map(drop).map_err(Degradation::Pin)
}

fn program_of<'a, P>(object: &'a mut Ebpf, name: &'static str) -> Result<&'a mut P, Degradation>
where
    &'a mut P: TryFrom<&'a mut aya::programs::Program, Error = ProgramError>,
{
    let program = object.program_mut(name).ok_or(Degradation::Missing { what: "program", name })?;
    program.try_into().map_err(|source| Degradation::refused(name, source, probe::lockdown()))
}
