//! Paths as bytes.

/// Whether `path` is `subtree` or below it.
pub(in crate::fim) fn holds(subtree: &[u8], path: &[u8]) -> bool {
    path.strip_prefix(subtree).is_some_and(|rest| rest.is_empty() || rest[0] == b'/' || subtree.ends_with(b"/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subtree_holds_itself_and_what_is_below_but_not_its_neighbours() {
        assert!(holds(b"/etc", b"/etc") && holds(b"/etc", b"/etc/passwd") && holds(b"/", b"/etc"));
        assert!(!holds(b"/etc", b"/etc2") && !holds(b"/etc/a", b"/etc"));
    }
}
