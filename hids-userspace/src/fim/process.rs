//! What tells a process from a later one with its number.

/// When a process began, in clock ticks since the boot (field 22 of proc_pid_stat(5)); `None` when there is none.
pub(crate) fn started_at(pid: u32) -> Option<u64> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name before the last bracket may hold anything.
    let rest = &stat[memchr::memrchr(b')', &stat)? + 1..];
    let mut fields = rest.split(|byte| byte.is_ascii_whitespace()).filter(|field| !field.is_empty());
    let state = fields.next()?;
    if matches!(state, b"Z" | b"X") {
        return None;
    }
    std::str::from_utf8(fields.nth(18)?).ok()?.parse().ok()
}

/// The parent of a process, and the name of its command.
pub(crate) fn parent_of(pid: u32) -> Option<(u32, Vec<u8>)> {
    let stat = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let (open, close) = (memchr::memchr(b'(', &stat)?, memchr::memrchr(b')', &stat)?);
    let name = stat.get(open + 1..close)?.to_vec();
    let parent = stat[close + 1..].split(|byte| byte.is_ascii_whitespace()).filter(|field| !field.is_empty()).nth(1)?;
    Some((std::str::from_utf8(parent).ok()?.parse().ok()?, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_beginning_and_its_parent() {
        let own = std::process::id();
        assert!(started_at(own).is_some() && started_at(own) == started_at(own));
        assert!(parent_of(own).is_some_and(|(parent, name)| parent > 0 && !name.is_empty()));
        assert_eq!(started_at(0), None);
    }
}
