//! The decoder for JSON: `<plugin_decoder>JSON_Decoder</plugin_decoder>`.
//!
//! `scan` reads one object without recursion into a reused `Document`, `def` reads
//! the elements that only decoders of JSON have, `child` applies them, `address` says which text is an address.
//! Owns: the names of fields (`a.b`, `a.0.b`), what a bound does, which value may become an address. Never: takes an
//! address from anything but a `<map>` or `<pcre2 field>` that names it.
//!
//! What is read is what servers write, which is more than RFC 8259 allows: Apache writes a quote in a string as `\"`
//! but other bytes as `\x1b`, nginx without `escape=json` writes a quote as `\x22`, and either passes bytes on that are
//! no UTF-8. A client chooses such bytes, so a line must not become another one by them. The structure is read
//! strictly: whatever is no single whole object is an ordinary line.

mod address;
mod child;
mod def;
mod document;
mod frame;
mod parent;
mod scan;
#[cfg(test)]
mod tests;

pub(super) use child::{JsonChild, refused_by};
pub use def::JsonDef;
pub(super) use document::Document;
pub(super) use parent::check_parent;
pub(super) use scan::{may_begin, read};
