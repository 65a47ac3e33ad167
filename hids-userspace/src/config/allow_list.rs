//! `allow.list` beside the configuration file: addresses and networks that `hidsctl allow` has added to
//! `<white_list>`.
//!
//! One entry a line, `NETWORK # COMMENT`; empty lines and lines of a comment alone are kept. Whoever can write to it
//! decides whom nothing blocks, so it is only used if no user but root can change it.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use hids_core::diag::{Diagnostic, SourceFile, Span};
use ipnet::IpNet;

use super::read_file::{ReadProblem, read_file};
use super::types::AllowedNet;
use super::value::{AddressEntry, Problems, address_entry};
use crate::trust;

/// Its name, in the directory of the configuration file.
const NAME: &str = "allow.list";

/// The file as it is written, line by line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AllowList {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    /// An entry, and the line as it is in the file.
    Entry(AllowedNet, String),
    /// Empty, or a comment.
    Other(String),
    /// Neither: why.
    Bad(String, String),
}

/// Where it is for this configuration file.
pub(crate) fn path_of(config_file: &Path) -> PathBuf {
    config_file.with_file_name(NAME)
}

/// The entries of the file beside `config_file`; what is wrong with it is a problem.
pub(super) fn load(config_file: &Path, files: &mut Vec<PathBuf>, problems: &mut Problems) -> Vec<AllowedNet> {
    let path = path_of(config_file);
    let text = match read_file(&path) {
        Ok(text) => text,
        Err(ReadProblem::Io(error)) if error.kind() == ErrorKind::NotFound => return Vec::new(),
        Err(problem) => {
            let message = format!("cannot read {}: {problem}", path.display());
            problems.0.push(Diagnostic::error("C141", message).help("check its permissions, or remove it"));
            return Vec::new();
        }
    };
    files.push(path.clone());
    if let Err(distrust) = trust::file(&path)
        && distrust.is_of_rights()
    {
        let message = format!("{distrust}: {} is not used, and its addresses may be blocked", path.display());
        problems.0.push(Diagnostic::warning("C142", message).help(distrust.remedy().unwrap_or_default()));
        return Vec::new();
    }
    let file = SourceFile::new(path.display().to_string(), text);
    let list = AllowList::parse(&String::from_utf8_lossy(&file.text));
    let mut start = 0;
    for line in &list.lines {
        if let Line::Bad(text, why) = line {
            // Bytes that are not UTF-8 have grown.
            let end = (start + text.trim_end().len().max(1)).min(file.text.len());
            let span = Span::new(&file, start.min(end), end);
            problems.error(
                "C141",
                &span,
                why.clone(),
                "use an address or a network, for example 192.0.2.0/24 # office",
            );
        }
        start += line.text().len() + 1;
    }
    list.entries().cloned().collect()
}

impl AllowList {
    /// Reads any text.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let lines = if text.is_empty() { Vec::new() } else { text.split('\n').map(Line::parse).collect() };
        Self { lines }
    }

    /// The entries in the order of the file.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &AllowedNet> {
        self.lines.iter().filter_map(|line| match line {
            Line::Entry(entry, _) => Some(entry),
            Line::Other(_) | Line::Bad(..) => None,
        })
    }

    /// Number of the first line that is no entry, from 1, and why.
    pub(crate) fn first_mistake(&self) -> Option<(usize, &str)> {
        self.lines.iter().enumerate().find_map(|(index, line)| match line {
            Line::Bad(_, why) => Some((index + 1, why.as_str())),
            Line::Entry(..) | Line::Other(_) => None,
        })
    }

    /// Appends an entry; false if there is one of this network.
    pub(crate) fn add(&mut self, entry: AllowedNet) -> bool {
        if self.entries().any(|known| known.net == entry.net) {
            return false;
        }
        let mut text = entry.net.to_string();
        if let Some(comment) = &entry.comment {
            let _ = write!(text, " # {comment}");
        }
        self.lines.push(Line::Entry(entry, text));
        true
    }

    /// Removes the entries of exactly this network; false if there is none.
    pub(crate) fn remove(&mut self, net: IpNet) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| !matches!(line, Line::Entry(entry, _) if entry.net == net));
        self.lines.len() < before
    }

    /// The text of the file.
    pub(crate) fn render(&self) -> String {
        self.lines.iter().fold(String::new(), |mut text, line| {
            text.push_str(line.text());
            text.push('\n');
            text
        })
    }
}

impl Line {
    fn parse(text: &str) -> Self {
        let (entry, comment) = match text.split_once('#') {
            Some((entry, comment)) => (entry.trim(), Some(comment.trim())),
            None => (text.trim(), None),
        };
        if entry.is_empty() {
            return Self::Other(text.to_owned());
        }
        match address_entry(entry) {
            AddressEntry::Net(net, _) => {
                let comment = comment.filter(|comment| !comment.is_empty()).map(str::to_owned);
                Self::Entry(AllowedNet { net, comment }, text.to_owned())
            }
            AddressEntry::Bad(why) => Self::Bad(text.to_owned(), why),
            AddressEntry::Any | AddressEntry::Other => {
                Self::Bad(text.to_owned(), format!("\"{entry}\" is not an address or a network"))
            }
        }
    }

    fn text(&self) -> &str {
        match self {
            Self::Entry(_, text) | Self::Other(text) | Self::Bad(text, _) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().expect("a network")
    }

    #[test]
    fn entries_are_added_and_removed_and_other_lines_stay() {
        let text = "# ours\n\n203.0.113.5 # office\n2001:db8::/32\n";
        let mut list = AllowList::parse(text);
        assert_eq!(list.render(), text);
        let comment = Some("office".to_owned());
        assert_eq!(list.entries().next(), Some(&AllowedNet { net: net("203.0.113.5/32"), comment }));
        assert!(!list.add(AllowedNet { net: net("203.0.113.5/32"), comment: None }));
        assert!(list.add(AllowedNet { net: net("192.0.2.0/24"), comment: Some("a".into()) }));
        assert!(list.remove(net("203.0.113.5/32")) && !list.remove(net("203.0.113.5/32")));
        assert_eq!(list.render(), "# ours\n\n2001:db8::/32\n192.0.2.0/24 # a\n");
    }

    #[test]
    fn lines_that_are_no_entry_are_found() {
        for (bad, line) in
            [("203.0.113.5\noffice.example\n", 2), ("203.0.113.0/33", 1), ("any", 1), ("1.2.3.4 5.6.7.8", 1)]
        {
            assert_eq!(AllowList::parse(bad).first_mistake().map(|(line, _)| line), Some(line), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_kept(text in any::<String>()) {
            let list = AllowList::parse(&text);
            let ends = if text.is_empty() || text == "\n" || text.ends_with('\n') { text } else { text + "\n" };
            prop_assert_eq!(list.render(), if ends == "\n" { String::new() } else { ends });
        }
    }
}
