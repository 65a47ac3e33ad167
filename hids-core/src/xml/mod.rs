//! OSSEC's lenient XML dialect, with positions.
//!
//! Same-length masking turns the dialect's own forms (escaped `<`, `<!` comments, raw `&`) into
//! bytes that quick-xml passes through, so that every position stays exact; the masked bytes are
//! put back into names, attributes and text. It reads; it gives no element a meaning.

mod tree;

pub use tree::{Attribute, Element, Text};
