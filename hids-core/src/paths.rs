//! Absolute paths as bytes, without a slash at their end: what is below what, directory and name.

/// What of `path` stands below `directory`, without the slash between them; empty for itself.
pub fn below<'a>(directory: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    let rest = path.strip_prefix(directory.strip_suffix(b"/").unwrap_or(directory))?;
    match rest.split_first() {
        None => Some(rest),
        Some((b'/', rest)) => Some(rest),
        Some(_) => None,
    }
}

/// Whether `path` is `directory` or lies below it.
pub fn holds(directory: &[u8], path: &[u8]) -> bool {
    below(directory, path).is_some()
}

/// Whether `path` lies below `directory` and is not it.
pub fn is_inside(directory: &[u8], path: &[u8]) -> bool {
    below(directory, path).is_some_and(|rest| !rest.is_empty())
}

/// `name` in `directory`; the directory itself for no name and for `.`.
pub fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    join_into(directory, name, &mut path);
    path
}

/// The same in the place of what `path` holds.
pub fn join_into(directory: &[u8], name: &[u8], path: &mut Vec<u8>) {
    path.clear();
    path.extend_from_slice(directory);
    if name.is_empty() || name == b"." {
        return;
    }
    if path.last() != Some(&b'/') {
        path.push(b'/');
    }
    path.extend_from_slice(name);
}

/// Directory and name; `None` for `/` and for what is not absolute.
pub fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let slash = path.iter().rposition(|&byte| byte == b'/')?;
    let (directory, name) = (path.get(..slash.max(1))?, path.get(slash + 1..)?);
    (!name.is_empty()).then_some((directory, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_directory_is_no_special_case_for_callers() {
        assert_eq!(join(b"/", b"etc"), b"/etc");
        assert_eq!(join(b"/etc", b"."), b"/etc");
        assert_eq!(below(b"/", b"/etc/passwd"), Some(&b"etc/passwd"[..]));
        assert_eq!(below(b"/etc", b"/etc"), Some(&b""[..]));
        assert_eq!(below(b"/etc", b"/etcetera"), None);
        assert!(holds(b"/etc", b"/etc") && holds(b"/", b"/etc") && !holds(b"/etc/a", b"/etc"));
        assert!(is_inside(b"/", b"/etc") && !is_inside(b"/etc", b"/etc") && !is_inside(b"/etc", b"/etc2"));
        assert_eq!(split(b"/etc"), Some((&b"/"[..], &b"etc"[..])));
        assert_eq!(split(b"/a/b"), Some((&b"/a"[..], &b"b"[..])));
        assert_eq!(split(b"/"), None);
    }
}
