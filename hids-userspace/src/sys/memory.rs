//! Memory that was freed goes back to the kernel.

/// Gives back what is free, which the allocator keeps otherwise: reading rules or scanning a tree takes
/// several times what is held afterwards. Takes some milliseconds, in which other threads may wait for
/// memory. Does nothing with a C library other than glibc.
pub(crate) fn give_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: takes no pointer and may be called by any thread at any time (malloc_trim(3)).
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(all(test, target_env = "gnu"))]
mod tests {
    use super::*;

    fn resident_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a size");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    #[test]
    fn what_was_freed_between_pieces_that_are_kept_is_given_back() {
        // What other tests hold meanwhile would count as well.
        let name = "sys::memory::tests::what_was_freed_between_pieces_that_are_kept_is_given_back";
        if !hids_tests::alone::in_own_process(name, &[]) {
            return;
        }
        // Small pieces, so that none is a mapping of its own, and the last one kept, so that the rest is not
        // at the end of the heap.
        let mut pieces: Vec<Vec<u8>> = (0..40_000).map(|_| vec![1; 2048]).collect();
        let kept = pieces.pop();
        drop(pieces);
        let before = resident_kib();
        give_back();
        let after = resident_kib();
        assert!(after + 40_000 < before, "{before} KiB before, {after} KiB after");
        assert!(kept.is_some());
    }
}
