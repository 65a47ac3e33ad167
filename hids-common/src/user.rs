//! The user-space side: reading what the programs wrote.
//!
//! Owns no map; it takes the per-CPU values that were read from one.

use aya::maps::PerCpuValues;

/// The sum over all processors of one counter slot.
pub fn total(values: &PerCpuValues<u64>) -> u64 {
    values.iter().fold(0, |sum, value| sum.wrapping_add(*value))
}
