//! The name of this machine.

/// As it knows itself, with its domain if that is part of it.
#[expect(clippy::disallowed_methods, reason = "the one place")]
pub(crate) fn full() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Up to the first dot, as OSSEC shows it; `localhost` if there is none.
pub(crate) fn short() -> String {
    let full = full();
    full.split('.').next().filter(|short| !short.is_empty()).unwrap_or("localhost").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_short_name_has_no_domain() {
        let (full, short) = (full(), short());
        assert!(!short.is_empty() && !short.contains('.'));
        assert!(full.starts_with(&short) || short == "localhost", "{full} {short}");
    }
}
