//! Paths as keys: the directory, a NUL, the name.
//!
//! Entries of one directory are contiguous in this order, by name; what is further below it is one
//! more range, since its directory begins with the path and a slash.

use super::StoreError;

/// The key of a whole path. `/` itself has an empty directory and the name `/`.
pub(in crate::fim) fn key_of(path: &[u8]) -> Result<Vec<u8>, StoreError> {
    let wrong = || StoreError::Path { path: path.to_vec() };
    if path == b"/" {
        return Ok(b"\0/".to_vec());
    }
    let slash = memchr::memrchr(b'/', path).ok_or_else(wrong)?;
    let is_whole = path[0] == b'/' && slash + 1 < path.len();
    if !is_whole || memchr::memchr(0, path).is_some() || memchr::memmem::find(path, b"//").is_some() {
        return Err(wrong());
    }
    let directory = if slash == 0 { b"/".as_slice() } else { &path[..slash] };
    let mut key = Vec::with_capacity(path.len() + 1);
    key.extend_from_slice(directory);
    key.push(0);
    key.extend_from_slice(&path[slash + 1..]);
    Ok(key)
}

/// Directory and name of a key; `None` for bytes that are no key.
pub(super) fn split(key: &[u8]) -> Option<(&[u8], &[u8])> {
    let nul = memchr::memchr(0, key)?;
    Some((&key[..nul], &key[nul + 1..]))
}

/// The path of a key; `None` for bytes that are no key.
pub(in crate::fim) fn path_of(key: &[u8]) -> Option<Vec<u8>> {
    let (directory, name) = split(key)?;
    let mut path = Vec::with_capacity(key.len());
    path.extend_from_slice(directory);
    if directory.len() > 1 {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    Some(path)
}

/// Where the children of `directory` begin, and where they have ended.
pub(in crate::fim) fn children(directory: &[u8]) -> (Vec<u8>, Vec<u8>) {
    ([directory, b"\0"].concat(), [directory, b"\x01"].concat())
}

/// The ranges of keys (from, to) that hold everything below `directory`, in this order: children,
/// then what is further below.
pub(super) fn below(directory: &[u8]) -> [(Vec<u8>, Vec<u8>); 2] {
    let deeper = match directory {
        b"/" => (b"/\x01".to_vec(), b"0".to_vec()),
        _ => ([directory, b"/"].concat(), [directory, b"0"].concat()),
    };
    [children(directory), deeper]
}
