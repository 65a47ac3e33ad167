//! Layout of blocks in the file. Block 0 is redb's header and is stored in the superblocks.

/// Bytes of a block; redb's page.
pub(super) const BLOCK: u64 = 4096;
/// Bytes of a block's MAC.
pub(super) const MAC: usize = 16;
/// Blocks whose MACs fill one block.
pub(super) const GROUP: u64 = BLOCK / MAC as u64;
/// Two start slots.
const FIRST_GROUP: u64 = 2 * BLOCK;
const GROUP_BYTES: u64 = (GROUP + 1) * BLOCK;

/// The group of a block.
pub(super) const fn group_of(number: u64) -> u64 {
    (number - 1) / GROUP
}

/// Where a group's MACs lie.
pub(super) const fn group_at(group: u64) -> u64 {
    FIRST_GROUP + group * GROUP_BYTES
}

/// Where a block lies.
pub(super) const fn physical(number: u64) -> u64 {
    group_at(group_of(number)) + (1 + (number - 1) % GROUP) * BLOCK
}

/// Length of the file for `length` bytes of blocks.
pub(super) const fn physical_length(length: u64) -> u64 {
    match (length / BLOCK).saturating_sub(1) {
        0 => FIRST_GROUP,
        last => physical(last) + BLOCK,
    }
}

/// How many bytes of whole blocks a file of `physical` bytes holds.
pub(super) const fn length_of(physical: u64) -> u64 {
    let Some(groups) = physical.checked_sub(FIRST_GROUP) else { return 0 };
    let rest = (groups % GROUP_BYTES) / BLOCK;
    let blocks = groups / GROUP_BYTES * GROUP + rest.saturating_sub(1);
    (1 + blocks) * BLOCK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_told_back_and_blocks_do_not_overlap() {
        let mut last = FIRST_GROUP - BLOCK;
        for number in 1..2000 {
            let at = physical(number);
            assert!(at >= last + BLOCK, "block {number}");
            assert!(at == last + BLOCK || at == last + 2 * BLOCK, "block {number}");
            last = at;
            let length = (number + 1) * BLOCK;
            assert_eq!(length_of(physical_length(length)), length);
        }
    }
}
