//! Offsets of the kernel struct fields that BPF programs read.
//!
//! Rust's BPF target has no relocations that the kernel fills in, and layouts differ between kernels.
//! So each program declares a number for every field that it reads,
//!
//! ```text
//! #[unsafe(no_mangle)]
//! static TASK_CRED: u32 = hids_common::limits::ABSENT;
//! ```
//!
//! reads it with `read_volatile`, and a table here tells which field that is. [`Offsets::resolve`]
//! looks the whole table up in the kernel's own description, [`Offsets::apply`] writes the numbers
//! into the object before it is loaded; the verifier then treats them as constants. A field that is
//! needed and not there keeps the object from being loaded at all: a program with a made-up offset
//! would tell lies. One that is only useful stays [`ABSENT`], which the program asks for.
//!
//! The table of a new program is one more `const` list of [`Field`]s beside its loader.

use aya::EbpfLoader;
use hids_common::limits::ABSENT;

use super::types::KernelTypes;
use crate::sensors::Degradation;

/// One number that a BPF program wants to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    /// The program's `static`.
    pub global: &'static str,
    /// The field as `struct.member.member`; several when kernels call it differently, the first that
    /// is there counts.
    pub paths: &'static [&'static str],
    /// Whether the programs can do without it.
    pub need: Need,
}

/// Whether a program can do without a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// No.
    Required,
    /// Yes; the number is then [`ABSENT`].
    Optional,
}

impl Field {
    /// A field without which the programs are of no use.
    pub(crate) const fn required(global: &'static str, paths: &'static [&'static str]) -> Self {
        Self { global, paths, need: Need::Required }
    }

    /// A field that some kernels do not have.
    pub(crate) const fn optional(global: &'static str, paths: &'static [&'static str]) -> Self {
        Self { global, paths, need: Need::Optional }
    }
}

/// The numbers of a table, found.
#[derive(Debug, Default)]
pub(crate) struct Offsets {
    numbers: Vec<(&'static str, u32)>,
}

impl Offsets {
    /// Looks every field of `table` up. Fails with the names of all required fields that `types` lack.
    pub(crate) fn resolve(types: &KernelTypes, table: &[Field]) -> Result<Self, Degradation> {
        let mut numbers = Vec::with_capacity(table.len());
        let mut missing = Vec::new();
        for field in table {
            let offset = field.paths.iter().find_map(|path| types.offset(path));
            match (offset, field.need) {
                (None, Need::Required) => missing.push(field.paths.join(" or ")),
                (offset, _) => numbers.push((field.global, offset.unwrap_or(ABSENT))),
            }
        }
        if missing.is_empty() { Ok(Self { numbers }) } else { Err(Degradation::MissingFields(missing)) }
    }

    /// Adds a number that does not come from a field (an argument's place, a namespace's number).
    pub(crate) fn push(&mut self, global: &'static str, number: u32) {
        self.numbers.push((global, number));
    }

    /// The number of one global.
    pub(crate) fn number(&self, global: &str) -> Option<u32> {
        self.numbers.iter().find(|(name, _)| *name == global).map(|(_, number)| *number)
    }

    /// Has `loader` write the numbers into the object. Loading fails when it lacks one of the globals.
    pub(crate) fn apply<'a>(&'a self, loader: &mut EbpfLoader<'a>) {
        for (global, number) in &self.numbers {
            loader.override_global(global, number, true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types() -> Option<KernelTypes> {
        KernelTypes::of_this_kernel().ok()
    }

    #[test]
    fn first_known_name_of_a_field_counts_and_a_missing_optional_one_is_marked() {
        let Some(types) = types() else { return };
        let table = [
            Field::required("PID", &["task_struct.no_such_name", "task_struct.pid"]),
            Field::optional("NOTHING", &["task_struct.no_such_field"]),
        ];
        let offsets = Offsets::resolve(&types, &table).expect("found");
        assert_eq!(offsets.number("PID"), types.offset("task_struct.pid"));
        assert_eq!(offsets.number("NOTHING"), Some(ABSENT));
    }

    #[test]
    fn every_missing_required_field_is_named() {
        let Some(types) = types() else { return };
        let table = [
            Field::required("A", &["task_struct.gone", "task_struct.gone_too"]),
            Field::required("B", &["task_struct.pid"]),
            Field::required("C", &["no_struct.pid"]),
        ];
        let error = Offsets::resolve(&types, &table).expect_err("two are missing").to_string();
        assert!(error.contains("task_struct.gone or task_struct.gone_too, no_struct.pid"), "{error}");
    }
}
