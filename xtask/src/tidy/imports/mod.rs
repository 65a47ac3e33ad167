//! The import graph of the workspace: which file uses what another one defines.
//!
//! Every name of the product's code is followed to its definition, through re-exports: those in
//! `use` declarations as well as paths in expressions, types and macros. `mod` declarations are
//! no imports, and tests are left out. The head of a folder composes its parts: what it re-exports
//! from them and calls as `part::name` is no import either. Names that macros make up are not seen.

mod read;
mod resolve;
mod tree;

pub(super) use resolve::Resolver;
pub(super) use tree::Workspace;

/// One use of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// The file that uses it.
    pub from: String,
    /// The line of the use.
    pub line: usize,
    /// The file that defines it.
    pub to: String,
    /// The top-level modules of the crate, other than its own, through which the path leads.
    pub through: Vec<String>,
}

/// An inherent `impl` block.
#[derive(Debug)]
pub(super) struct Methods {
    /// The type's name.
    pub name: String,
    /// The file that defines the type.
    pub defined_in: String,
    /// The file of the block.
    pub file: String,
    /// Whether some function of it takes `self`.
    pub take_self: bool,
}
