//! Planted faults for the tests of what becomes of a line at which the daemon crashes. Never in a release: the
//! feature is only on for the program `hidsd-faults`.

/// Crashes if `line` asks this part to: `@fault-PART-panic@`, `@fault-PART-overflow@`.
///
/// # Panics
/// That is what it is for.
pub fn strike(part: &str, line: &[u8]) {
    let asks = |how: &str| {
        let word = format!("@fault-{part}-{how}@");
        memchr::memmem::find(line, word.as_bytes()).is_some()
    };
    assert!(!asks("panic"), "a planted fault of {part}");
    if asks("overflow") {
        std::hint::black_box(deeper(1));
    }
}

/// Runs out of stack.
fn deeper(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 64]);
    if room[0] == u64::MAX {
        return depth;
    }
    deeper(depth + 1) + std::hint::black_box(room)[1]
}
