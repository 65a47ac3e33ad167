//! Fuzz target: see `sensed.rs`.
#![no_main]

#[path = "../sensed.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod sensed;

libfuzzer_sys::fuzz_target!(|data: &[u8]| sensed::journal(data));
