//! OSSEC's lenient XML dialect, with positions.
//!
//! Same-length masking turns the dialect's own forms (escaped `<`, `<!` comments, raw `&`) into
//! bytes that quick-xml passes through, so that every position stays exact; the masked bytes are
//! put back into names, attributes and text. It reads; it gives no element a meaning.
//!
//! | Code | Problem |
//! | --- | --- |
//! | X001 | bytes that are not text (warning, shown as U+FFFD) |
//! | X002 | comment not closed, or a declaration that hides what follows (warning) |
//! | X003 | XML declaration not closed, or not at the very start |
//! | X004 | a `<` that opens nothing |
//! | X005 | tag without its `>` |
//! | X006 | attribute value without its closing quote |
//! | X007 | malformed attribute |
//! | X008 | attribute given twice |
//! | X009 | element not closed |
//! | X010 | closing tag that closes nothing, or not exactly |
//! | X011 | text where none is read (warning) |
//! | X012 | name, value or text longer than 8192 bytes |
//! | X013 | elements nested deeper than 1024 |
//! | X014 | something else that is not XML |
//! | X015 | too many problems to show all |

mod attributes;
mod mask;
mod parse;
mod problems;
mod tree;

#[cfg(test)]
mod tests;

pub use parse::parse;
pub use tree::{Attribute, Element, Text};

/// Longest name, attribute value or text in bytes (OSSEC `src/os_xml/os_xml.h`, `XML_MAXSIZE`).
pub const TEXT_LIMIT_BYTES: usize = 8192;

/// Deepest nesting of elements (OSSEC `src/os_xml/os_xml.c`).
pub const DEPTH_LIMIT: usize = 1024;
