//! Lookup lists (`<list>`): keys and values that administrators keep in text files.

use std::collections::HashMap;
use std::sync::Arc;

use super::list_key::{self as key, Split};
use super::networks::Networks;
use super::options::RuleOptions;
use crate::decode::FieldId;
use crate::diag::{Diagnostic, SourceFile, Span};
use crate::pattern::Pattern;

/// A list of the configuration.
#[derive(Clone, Debug)]
pub struct ListSource {
    /// As written in `<list>`.
    pub name: String,
    /// Its text, `key:value` lines; `None` when the file is missing.
    pub text: Option<Arc<SourceFile>>,
}

/// All lists by name.
#[derive(Debug, Default)]
pub struct ListTables(HashMap<String, Arc<ListTable>>);

/// One list; `None` when its file is missing.
#[derive(Debug)]
pub(super) struct ListTable(Option<Entries>);

#[derive(Debug, Default)]
struct Entries {
    /// Values by key.
    keys: HashMap<Box<[u8]>, Box<[u8]>>,
    /// Keys that are networks (`10.1.0.0/16`); none in the strict mode.
    networks: Networks,
    /// Whether keys may be IPv6 addresses; not in the strict mode.
    reads_ipv6: bool,
}

impl ListTables {
    /// Reads the lists; a missing file is reported and every look-up in it fails.
    pub fn read(sources: &[ListSource], options: &RuleOptions, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut tables = HashMap::new();
        for source in sources {
            if source.text.is_none() {
                diagnostics.push(
                    Diagnostic::warning(
                        "L001",
                        format!("list {} does not exist: rules with a lookup in it never match", source.name),
                    )
                    .help("create the file, or remove the <list> from the configuration"),
                );
            }
            let table = ListTable(source.text.as_ref().map(|file| Entries::read(file, options, diagnostics)));
            tables.insert(normal(&source.name, options, Origin::Configuration), Arc::new(table));
        }
        Self(tables)
    }

    pub(super) fn table(&self, name: &str, options: &RuleOptions) -> Option<Arc<ListTable>> {
        self.0.get(&normal(name, options, Origin::Rule)).cloned()
    }
}

#[derive(PartialEq, Eq)]
enum Origin {
    Configuration,
    Rule,
}

/// The name under which a list is found. OSSEC puts `rules/` before a bare name in the configuration
/// but not in a rule, so that the two never meet.
fn normal(name: &str, options: &RuleOptions, origin: Origin) -> String {
    let name = name.trim().strip_suffix(".cdb").unwrap_or(name.trim());
    if name.contains('/') || (options.strict_ossec && origin == Origin::Rule) {
        return name.to_owned();
    }
    format!("rules/{name}")
}

impl Entries {
    fn read(file: &Arc<SourceFile>, options: &RuleOptions, diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut entries = Self { reads_ipv6: !options.strict_ossec, ..Self::default() };
        let mut at = 0;
        for line in file.text.split(|&byte| byte == b'\n') {
            let place = Span::new(file, at, at + line.len());
            at += line.len() + 1;
            let line = match memchr::memmem::find(line, b"###") {
                Some(comment) => line[..comment].trim_ascii_end(),
                None => line,
            };
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let (key, value) = match key::split(line, options.strict_ossec) {
                Split::Pair(key, value) => (key, value),
                Split::Nothing => continue,
                Split::Ambiguous(key, value) => {
                    let message = "the last part of this line is interpreted as the value, but could also be the \
                                   end of an IPv6 address";
                    let problem = Diagnostic::warning("L003", message).at(place.clone());
                    diagnostics
                        .push(problem.help("use \"ADDRESS\":VALUE with the quotes, or ADDRESS: without a value"));
                    (key, value)
                }
            };
            if options.strict_ossec {
                diagnostics.extend(key::lost(line, place));
            } else {
                entries.networks.add(key, value);
                if let Some(address) = key::address(key) {
                    entries.keys.entry(address).or_insert_with(|| value.into());
                }
            }
            // A constant database answers with the first of equal keys.
            entries.keys.entry(key.into()).or_insert_with(|| value.into());
        }
        entries
    }

    /// The value of an address: its own, that of a prefix ending in a dot, or that of its network.
    fn of_address(&self, address: &[u8]) -> Option<&[u8]> {
        let dots = (1..=address.len()).rev().filter(|&end| address[end - 1] == b'.');
        self.of_text(address)
            .or_else(|| dots.map(|end| &address[..end]).find_map(|prefix| self.of_key(prefix)))
            .or_else(|| self.networks.of(address))
    }

    /// The value of a key, which may be an IPv6 address in any of the ways to write it.
    fn of_text(&self, text: &[u8]) -> Option<&[u8]> {
        self.of_key(text).or_else(|| self.of_key(&key::address(text).filter(|_| self.reads_ipv6)?))
    }

    fn of_key(&self, key: &[u8]) -> Option<&[u8]> {
        self.keys.get(key).map(AsRef::as_ref)
    }
}

/// How a list is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lookup {
    MatchKey,
    NotMatchKey,
    MatchKeyValue,
    AddressMatchKey,
    NotAddressMatchKey,
    AddressMatchKeyValue,
}

impl Lookup {
    pub(super) const NAMES: [&'static str; 6] = [
        "match_key",
        "not_match_key",
        "match_key_value",
        "address_match_key",
        "not_address_match_key",
        "address_match_key_value",
    ];

    pub(super) fn parse(text: &str) -> Option<Self> {
        let index = Self::NAMES.iter().position(|name| *name == text)?;
        let all = [
            Self::MatchKey,
            Self::NotMatchKey,
            Self::MatchKeyValue,
            Self::AddressMatchKey,
            Self::NotAddressMatchKey,
            Self::AddressMatchKeyValue,
        ];
        Some(all[index])
    }

    pub(super) fn needs_value(self) -> bool {
        matches!(self, Self::MatchKeyValue | Self::AddressMatchKeyValue)
    }
}

/// Which part of an event is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListField {
    Field(FieldId),
    /// The user who acted, or else the one acted upon.
    User,
    Hostname,
    ProgramName,
}

/// A look-up of a rule.
#[derive(Debug)]
pub(super) struct ListTest {
    pub table: Arc<ListTable>,
    pub field: ListField,
    pub lookup: Lookup,
    pub value: Option<Pattern>,
    pub strict_ossec: bool,
}

impl ListTest {
    /// Whether `key`, the part of the event, passes.
    pub(super) fn passes(&self, key: &[u8]) -> bool {
        let Some(table) = &self.table.0 else {
            return self.strict_ossec && matches!(self.lookup, Lookup::NotMatchKey | Lookup::AddressMatchKey);
        };
        let exact = || table.of_text(key);
        let address = || table.of_address(key);
        let fits = |value: &[u8]| self.value.as_ref().is_some_and(|pattern| pattern.is_match(value));
        match self.lookup {
            Lookup::MatchKey => exact().is_some(),
            Lookup::NotMatchKey => exact().is_none(),
            Lookup::MatchKeyValue => exact().is_some_and(&fits),
            Lookup::AddressMatchKey => address().is_some(),
            Lookup::NotAddressMatchKey => address().is_none(),
            // OSSEC has this one the wrong way round.
            Lookup::AddressMatchKeyValue => address().is_some_and(&fits) != self.strict_ossec,
        }
    }
}
