//! `<global>` apart from mail and white_list.

use super::Context;
use crate::config::known::SectionKind::Global;
use crate::config::value::value_span;
use crate::config::{DiskReserve, RecordConfig};

/// Fewest events kept for correlation (OSSEC `src/config/global-config.c`).
const LEAST_MEMORY: u64 = 2048;
const DEFAULT_MEMORY: u64 = 8192;

pub(super) fn memory_size(context: &mut Context<'_>) -> usize {
    let number = context.number(Global, "memory_size").unwrap_or(DEFAULT_MEMORY);
    if number < LEAST_MEMORY
        && let Some(element) = context.raw.last(Global, "memory_size")
    {
        let message = format!("`<memory_size>` {number} is raised to {LEAST_MEMORY}, as in OSSEC");
        context.problems.warning("C031", &value_span(element), message, "");
    }
    // At most a million, see the table of options.
    usize::try_from(number.max(LEAST_MEMORY)).unwrap_or(usize::MAX)
}

/// Equal alerts a minute that are written one by one: what a person may still read.
const FOLD_ABOVE: u64 = 60;

pub(super) fn record(context: &Context<'_>, strict_ossec: bool) -> RecordConfig {
    let json = context.yes_no(Global, "jsonout_output", true);
    let fold_above = context.number(Global, "alert_fold_above").unwrap_or(FOLD_ABOVE);
    let reserve = context.number(Global, "disk_reserve_mb");
    let layout = context.raw.last(Global, "custom_alert_output").map(|element| element.text.value.clone());
    RecordConfig {
        json,
        archive: context.yes_no(Global, "logall", false),
        archive_json: context.yes_no(Global, "logall_json", false),
        custom_layout: layout.filter(|layout| !layout.is_empty()),
        // What is joined is whole in alerts.json alone.
        join: json && !strict_ossec && context.yes_no(Global, "alert_grouping", true),
        fold_above: if strict_ossec { 0 } else { u32::try_from(fold_above).unwrap_or(u32::MAX) },
        reserve: reserve.map_or(DiskReserve::Usual, |megabytes| DiskReserve::Bytes(megabytes << 20)),
        compress: context.internal.compress,
        checksums: context.internal.checksums,
    }
}
