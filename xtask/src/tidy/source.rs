//! The files that are checked: what git tracks or would track.

use anyhow::{Context as _, Result};

use crate::exec::{command, output};
use crate::paths;

/// A text file of the repository.
pub(super) struct Source {
    /// Its path from the root of the workspace.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Source {
    /// Whether this is Rust.
    pub(super) fn is_rust(&self) -> bool {
        self.name.ends_with(".rs")
    }

    /// Whether this holds the tests of the module beside it; its name says all there is to say.
    pub(super) fn is_unit_test(&self) -> bool {
        self.name.ends_with("/tests.rs") || self.name.contains("/tests/")
    }

    /// The lines that belong to the product: all but items of the file's top level behind `#[cfg(test)]`.
    pub(super) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        let mut place = if self.is_unit_test() { Place::TestFile } else { Place::Product };
        let mut in_product = move |line: &str| {
            let (next, is_product) = place.after(line);
            place = next;
            is_product
        };
        self.text.lines().enumerate().filter(move |(_, line)| in_product(line)).map(|(index, line)| (index + 1, line))
    }
}

/// Where a reader of the lines of a file is. `rustfmt` puts the end of an item of the top level into the first column.
#[derive(Clone, Copy)]
enum Place {
    Product,
    /// A whole file of tests.
    TestFile,
    /// Behind `#[cfg(test)]`: the item's first line is expected, or more attributes.
    TestAttribute,
    /// In an item that only tests have.
    TestItem,
}

impl Place {
    /// The place behind `line`, and whether `line` belongs to the product.
    fn after(self, line: &str) -> (Self, bool) {
        match self {
            Self::Product if line.starts_with("#[cfg(test)]") => (Self::TestAttribute, false),
            Self::Product => (Self::Product, true),
            Self::TestFile => (Self::TestFile, false),
            Self::TestAttribute if line.starts_with("#[") => (Self::TestAttribute, false),
            Self::TestAttribute | Self::TestItem if ends_item(line) => (Self::Product, false),
            Self::TestAttribute | Self::TestItem => (Self::TestItem, false),
        }
    }
}

/// Whether `line` is the last one of an item of the top level.
fn ends_item(line: &str) -> bool {
    let first_column = !line.starts_with([' ', '\t']);
    line.starts_with('}') || first_column && (line.ends_with(';') || line.ends_with('}'))
}

/// Reads every text file; others (no UTF-8) are not checked.
pub(super) fn all() -> Result<Vec<Source>> {
    let mut list = command("git");
    list.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let names = output(&mut list).context("cannot list the files of the repository")?;
    let mut sources = Vec::new();
    for name in names.split('\0').filter(|name| !name.is_empty()) {
        let path = paths::root().join(name);
        // Deleted but not yet committed, or a link to a directory.
        if !path.is_file() {
            continue;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {name}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { name: name.to_owned(), text });
        }
    }
    Ok(sources)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(text: &str) -> Vec<usize> {
        let source = Source { name: "a/src/b.rs".to_owned(), text: text.to_owned() };
        source.product_lines().map(|(line, _)| line).collect()
    }

    #[test]
    fn only_items_of_tests_are_left_out() {
        let text = "//! A.\n#[cfg(test)]\nmod tests;\nuse b;\n#[cfg(test)]\n#[path = \"x.rs\"]\nmod more;\n\
                    fn c() {}\n#[cfg(test)]\nimpl D {\n    fn e() {\n    }\n}\nfn f() {}\n\
                    #[cfg(test)]\nmod tests {\n    fn g() {}\n}\nfn h() {}\n";
        assert_eq!(product(text), [1, 4, 8, 14, 19]);
    }

    #[test]
    fn a_file_of_tests_has_no_product() {
        let source = Source { name: "a/src/b/tests.rs".to_owned(), text: "fn a() {}\n".to_owned() };
        assert_eq!(source.product_lines().count(), 0);
    }
}
