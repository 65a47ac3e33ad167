//! The `<localfile>`s with a path: what each names now, and how many files it has.

use std::collections::BTreeMap;

use tracing::warn;

use super::ids::SourceId;
use super::names::expand_time;
use super::routes::RouteId;
use crate::config::{LogFormat, LogInput, LogSourceConfig};

/// One `<localfile>` with a path.
#[derive(Debug)]
pub(super) struct FileSource {
    pub format: LogFormat,
    /// The path as written.
    pub pattern: String,
    /// The path with its strftime parts replaced.
    pub expanded: String,
    /// Whether an earlier run followed it, so that a file without a position is new.
    pub is_known: bool,
    route: Option<RouteId>,
    /// Number of its entries.
    files: usize,
    /// Whether it was logged that it names more files than are tailed.
    limit_logged: bool,
}

/// A location whose time part has changed, or that is new.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ChangedLocation {
    pub source: SourceId,
    /// The path that it names from now on.
    pub path: String,
    /// The route of the path before, if there was one.
    pub old_route: Option<RouteId>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Sources {
    sources: BTreeMap<SourceId, FileSource>,
    next: usize,
    /// Most files of one source.
    max_files: usize,
}

impl Sources {
    pub(super) fn new(max_files: usize) -> Self {
        Self { sources: BTreeMap::new(), next: 0, max_files }
    }

    /// Adds a source, if it is a file; [`renew`](Self::renew) says what it names. `is_known` says whether an earlier
    /// run followed its pattern.
    pub(super) fn add(&mut self, config: &LogSourceConfig, is_known: impl FnOnce(&str) -> bool) {
        let LogInput::File { pattern } = &config.input else { return };
        let source = FileSource {
            format: config.format,
            pattern: pattern.clone(),
            expanded: String::new(),
            is_known: is_known(pattern),
            route: None,
            files: 0,
            limit_logged: false,
        };
        self.sources.insert(SourceId(self.next), source);
        self.next += 1;
    }

    /// Removes all of them and returns their patterns.
    pub(super) fn take_patterns(&mut self) -> Vec<String> {
        std::mem::take(&mut self.sources).into_values().map(|source| source.pattern).collect()
    }

    pub(super) fn get(&self, id: SourceId) -> Option<&FileSource> {
        self.sources.get(&id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (SourceId, &FileSource)> {
        self.sources.iter().map(|(id, source)| (*id, source))
    }

    pub(super) fn len(&self) -> usize {
        self.sources.len()
    }

    /// Whether some path changes with the time.
    pub(super) fn have_time_parts(&self) -> bool {
        self.sources.values().any(|source| source.pattern.contains('%'))
    }

    /// From now on, a file without a position has appeared while its source was followed.
    pub(super) fn mark_known(&mut self) {
        self.sources.values_mut().for_each(|source| source.is_known = true);
    }

    /// Computes strftime parts for the moment `now`; returns the locations that have changed.
    pub(super) fn renew(&mut self, now: &jiff::Zoned) -> Vec<ChangedLocation> {
        let mut changed = Vec::new();
        for (&id, source) in &mut self.sources {
            let path = match expand_time(&source.pattern, now) {
                Ok(path) => path,
                Err(error) => {
                    if source.expanded.is_empty() {
                        warn!(location = %source.pattern, error = %error, consequence = "it is used as written",
                            "unknown time part in location");
                    }
                    source.pattern.clone()
                }
            };
            if path != source.expanded {
                source.expanded.clone_from(&path);
                changed.push(ChangedLocation { source: id, path, old_route: source.route.take() });
            }
        }
        changed
    }

    /// Notes the route of what the source names now.
    pub(super) fn set_route(&mut self, id: SourceId, route: Option<RouteId>) {
        if let Some(source) = self.sources.get_mut(&id) {
            source.route = route;
        }
    }

    /// Whether the source has as many files as it may.
    pub(super) fn is_full(&self, id: SourceId) -> bool {
        self.sources.get(&id).is_some_and(|source| source.files >= self.max_files)
    }

    /// Logs, once, that the source names more files than are tailed.
    pub(super) fn log_limit(&mut self, id: SourceId) {
        let limit = self.max_files;
        let Some(source) = self.sources.get_mut(&id).filter(|source| !source.limit_logged) else { return };
        source.limit_logged = true;
        warn!(location = %source.pattern, limit, consequence = "lines of the files found last",
            help = "name fewer files in <location>, or remove files that are not logs; hidsctl status counts those that are not monitored",
            "wildcard matches more files than the limit");
    }

    /// Notes that an entry now belongs to the source `to` and no longer to `from`.
    pub(super) fn count_entry(&mut self, from: Option<SourceId>, to: Option<SourceId>) {
        if let Some(source) = from.and_then(|from| self.sources.get_mut(&from)) {
            source.files = source.files.saturating_sub(1);
            source.limit_logged &= source.files > 0;
        }
        if let Some(source) = to.and_then(|to| self.sources.get_mut(&to)) {
            source.files += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(pattern: &str) -> Sources {
        let mut sources = Sources::new(2);
        let config = LogSourceConfig { input: LogInput::File { pattern: pattern.to_owned() }, format: LogFormat::Line };
        sources.add(&config, |_| false);
        sources
    }

    #[test]
    fn a_location_changes_only_when_its_time_part_does() {
        let mut sources = sources("/l/a-%Y-%m-%d.log");
        let at = |time: &str| time.parse::<jiff::Zoned>().expect("valid");
        let changed = sources.renew(&at("2026-11-25T01:02:03[UTC]"));
        assert_eq!(changed.iter().map(|location| location.path.as_str()).collect::<Vec<_>>(), ["/l/a-2026-11-25.log"]);
        assert_eq!(sources.renew(&at("2026-11-25T23:59:59[UTC]")), []);
        assert_eq!(sources.renew(&at("2026-11-26T00:00:00[UTC]")).len(), 1);
    }

    #[test]
    fn a_source_is_full_until_one_of_its_files_goes() {
        let mut sources = sources("/l/*.log");
        let id = SourceId(0);
        sources.count_entry(None, Some(id));
        assert!(!sources.is_full(id));
        sources.count_entry(None, Some(id));
        assert!(sources.is_full(id));
        sources.count_entry(Some(id), None);
        assert!(!sources.is_full(id));
    }
}
