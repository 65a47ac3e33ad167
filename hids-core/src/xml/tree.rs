//! Elements as written.

use crate::diag::Span;

/// Some text of a file and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The text with comments taken out; never trimmed; the backslash of `\<` is kept, as in OSSEC.
    /// Bytes that are not UTF-8 stand as U+FFFD and have been reported.
    pub value: String,
    /// Where it stands.
    pub span: Span,
}

impl Text {
    /// Whether there is nothing but white space.
    pub fn is_blank(&self) -> bool {
        self.value.trim().is_empty()
    }
}

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: Text,
    /// Its value without the quotes.
    pub value: Text,
}

/// An element with everything in it, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its name, as written (case kept).
    pub name: Text,
    /// Its attributes in order.
    pub attributes: Vec<Attribute>,
    /// Its children in order.
    pub children: Vec<Element>,
    /// Its own text; for an element with children, the text after the last child.
    pub text: Text,
    /// From the first `<` to the last `>`.
    pub span: Span,
}

impl Element {
    /// The attribute of that exact name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.value == name)
    }

    /// Whether this is its name, in any case (as in rules and decoder files).
    pub fn is_named_ignoring_case(&self, name: &str) -> bool {
        self.name.value.eq_ignore_ascii_case(name)
    }

    /// The attribute of that name in any case (as in rules and decoder files).
    pub fn attribute_ignoring_case(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name.value.eq_ignore_ascii_case(name))
    }

    /// The first child of that exact name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name.value == name)
    }
}
