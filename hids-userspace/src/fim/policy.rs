//! The configuration's directories as the core's policy wants them: wildcards expanded, links resolved.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use hids_core::fim::{PolicyDef, Watch};

use crate::config::{Paths, SyscheckConfig};
use crate::wildcard;

/// The directories in `paths` that the daemon writes to are left out below the roots that hold them.
///
/// Reads the file system: what a wildcard (`*`, `?`, `[`) fits now, and where a root that is a link leads.
///
/// `known` are roots watched before: one that still fits a wildcard stays, although it may be gone, as its removal is
/// to be reported.
///
/// The kernel tells paths without links, so a root like `/bin` that is a link to `/usr/bin` is watched, and
/// its files are told, as `/usr/bin`. Two entries that lead to one root are one with everything that either
/// asks for. A root that does not exist (yet) stays as it is written.
pub(crate) fn policy_def(config: &SyscheckConfig, paths: &Paths, strict: bool, known: &[Vec<u8>]) -> PolicyDef {
    policy_def_in(&Here, config, paths, strict, known)
}

/// Where paths of a configuration are looked up.
pub(crate) trait Lookup {
    /// Whether something, if only a link, has this very name.
    fn has(&self, path: &Path) -> bool;
    /// What fits a pattern.
    fn matches(&self, pattern: &str) -> Vec<PathBuf>;
    /// Where the path leads without links; a link that is no directory is watched itself.
    fn resolved(&self, path: &Path) -> PathBuf;
}

/// The same for a file system that is looked up in another way.
pub(crate) fn policy_def_in(
    lookup: &dyn Lookup,
    config: &SyscheckConfig,
    paths: &Paths,
    strict: bool,
    known: &[Vec<u8>],
) -> PolicyDef {
    let mut watches: Vec<Watch> = Vec::new();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut wildcards = Vec::new();
    for directory in &config.directories {
        let written = Path::new(OsStr::from_bytes(&directory.root));
        let pattern = as_pattern(lookup, written);
        wildcards.extend(pattern.map(|pattern| pattern.as_bytes().to_vec()));
        for root in roots(lookup, written, known) {
            let watch = Watch {
                root: root.as_os_str().as_bytes().to_vec(),
                wildcard: pattern.map(|pattern| pattern.as_bytes().to_vec()),
                ..directory.clone()
            };
            match places.get(&watch.root).and_then(|&place| watches.get_mut(place)) {
                Some(known) => merge(known, watch),
                None => {
                    places.insert(watch.root.clone(), watches.len());
                    watches.push(watch);
                }
            }
        }
    }
    PolicyDef {
        watches,
        wildcards,
        ignore: config.ignore.clone(),
        own: [&paths.state, &paths.logs, &paths.run]
            .map(|own| lookup.resolved(own).as_os_str().as_bytes().to_vec())
            .into_iter()
            // Nowhere = no daemon.
            .filter(|own| own.len() > 1)
            .collect(),
        no_diff: config.no_diff.clone(),
        alert_new_files: config.alert_new_files,
        auto_ignore: config.auto_ignore,
        skip_nfs: config.skip_nfs,
        strict,
    }
}

/// The path as a pattern, unless something is there that has the very name.
fn as_pattern<'a>(lookup: &dyn Lookup, written: &'a Path) -> Option<&'a str> {
    written.to_str().filter(|_| wildcard::has_wildcard(written) && !lookup.has(written))
}

fn roots(lookup: &dyn Lookup, written: &Path, known: &[Vec<u8>]) -> Vec<PathBuf> {
    let Some(pattern) = as_pattern(lookup, written) else { return vec![lookup.resolved(written)] };
    let mut found: Vec<PathBuf> = lookup.matches(pattern).iter().map(|path| lookup.resolved(path)).collect();
    found.extend(gone(lookup, pattern, known).filter(|root| !found.contains(root)).collect::<Vec<_>>());
    found
}

/// Those of `known` that fit `pattern` and are not there any more.
fn gone<'a>(lookup: &'a dyn Lookup, pattern: &str, known: &'a [Vec<u8>]) -> impl Iterator<Item = PathBuf> + 'a {
    let pattern = resolved_pattern(lookup, pattern).and_then(|pattern| glob::Pattern::new(&pattern).ok());
    let options = glob::MatchOptions { require_literal_separator: true, ..glob::MatchOptions::default() };
    let known = known.iter().map(|root| Path::new(OsStr::from_bytes(root)));
    let fits = move |root: &&Path| pattern.as_ref().is_some_and(|pattern| pattern.matches_path_with(root, options));
    known.filter(fits).filter(|root| !lookup.has(root)).map(Path::to_path_buf)
}

/// The pattern with the links before its first wildcard resolved, as roots have them.
fn resolved_pattern(lookup: &dyn Lookup, pattern: &str) -> Option<String> {
    let first = pattern.find(['*', '?', '['])?;
    let slash = pattern[..first].rfind('/')?;
    let fixed = lookup.resolved(Path::new(&pattern[..slash.max(1)]));
    Some(format!("{}/{}", glob::Pattern::escape(fixed.to_str()?).trim_end_matches('/'), &pattern[slash + 1..]))
}

/// The file system of this machine.
struct Here;

impl Lookup for Here {
    fn has(&self, path: &Path) -> bool {
        path.symlink_metadata().is_ok()
    }

    fn matches(&self, pattern: &str) -> Vec<PathBuf> {
        wildcard::matches(pattern)
    }

    fn resolved(&self, path: &Path) -> PathBuf {
        let target = if path.is_dir() {
            path.canonicalize().ok()
        } else {
            // A file: links on the way to it, not the last one.
            path.parent().and_then(|parent| Some(parent.canonicalize().ok()?.join(path.file_name()?)))
        };
        target.unwrap_or_else(|| path.to_path_buf())
    }
}

/// Two entries that lead to the same place: nothing that either asks for is lost.
fn merge(known: &mut Watch, other: Watch) {
    known.checks = known.checks.union(other.checks);
    known.realtime |= other.realtime;
    known.who |= other.who;
    known.protect |= other.protect;
    known.report_changes |= other.report_changes;
    known.no_recurse &= other.no_recurse;
    known.recursion_level = known.recursion_level.zip(other.recursion_level).map(|(one, two)| one.max(two));
    // Named by itself: it was watched from the start.
    known.wildcard = known.wildcard.take().filter(|_| other.wildcard.is_some());
    if known.restrict != other.restrict {
        // os_match has alternatives; a directory without a restriction is watched whole.
        known.restrict = known.restrict.take().zip(other.restrict).map(|(one, two)| format!("{one}|{two}"));
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use hids_core::fim::Checks;

    use super::*;

    fn entry(path: PathBuf) -> Watch {
        Watch { root: path.into_os_string().into_encoded_bytes(), checks: Checks::all(true), ..Watch::default() }
    }

    #[test]
    fn wildcards_are_expanded_and_links_resolved() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        for name in ["home/a/bin", "home/b/bin", "real"] {
            std::fs::create_dir_all(top.join(name)).unwrap();
        }
        symlink("real", top.join("link")).unwrap();
        std::fs::write(top.join("real/file"), "x").unwrap();
        let config = SyscheckConfig {
            directories: vec![
                entry(top.join("home/*/bin")),
                entry(top.join("link")),
                Watch { realtime: true, restrict: Some(".conf$".into()), ..entry(top.join("real")) },
                entry(top.join("link/file")),
                entry(top.join("missing")),
            ],
            ..SyscheckConfig::default()
        };
        let def = policy_def(&config, &Paths::default(), false, &[]);
        let roots: Vec<&str> = def
            .watches
            .iter()
            .map(|watch| std::str::from_utf8(&watch.root[top.as_os_str().len()..]).unwrap())
            .collect();
        assert_eq!(roots, ["/home/a/bin", "/home/b/bin", "/real", "/real/file", "/missing"]);
        assert!(def.watches[2].realtime && def.watches[2].restrict.is_none());
    }

    // C70
    #[test]
    fn a_root_of_a_wildcard_stays_when_it_is_gone_and_what_is_named_is_no_wildcard() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("real/a/www")).unwrap();
        symlink("real", top.join("home")).unwrap();
        let config = SyscheckConfig { directories: vec![entry(top.join("home/*/www"))], ..SyscheckConfig::default() };
        let bytes = |name: &str| top.join(name).into_os_string().into_encoded_bytes();
        let known = ["real/gone/www", "real/gone/deeper/www", "real/a/www", "other/a/www"].map(bytes);
        let def = policy_def(&config, &Paths::default(), false, &known);
        let roots: Vec<_> = def.watches.iter().map(|watch| watch.root.clone()).collect();
        assert_eq!(roots, ["real/a/www", "real/gone/www"].map(bytes));
        assert!(def.watches.iter().all(|watch| watch.wildcard.as_deref() == Some(&*bytes("home/*/www"))));
        let named = SyscheckConfig {
            directories: vec![entry(top.join("home/*/www")), entry(top.join("real/a/www"))],
            ..SyscheckConfig::default()
        };
        assert_eq!(policy_def(&named, &Paths::default(), false, &[]).watches[0].wildcard, None);
    }

    #[test]
    fn a_directory_whose_name_looks_like_a_pattern_is_taken_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(top.join("[x]")).unwrap();
        let config = SyscheckConfig { directories: vec![entry(top.join("[x]"))], ..SyscheckConfig::default() };
        assert_eq!(
            policy_def(&config, &Paths::default(), false, &[]).watches[0].root,
            top.join("[x]").as_os_str().as_bytes()
        );
    }
}
