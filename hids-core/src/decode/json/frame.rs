//! Where the reader of an object is.

/// An object or array that is not closed yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub close: u8,
    /// How much of the path is its own name.
    pub path: usize,
    /// Whether what it holds has a name.
    pub is_named: bool,
    pub members: u32,
    /// Of an array: where its scalars are joined, and until when they are.
    pub joined: Joined,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joined {
    /// None came yet.
    Nothing,
    /// To the value with this index, if it is kept.
    To(Option<usize>),
    /// An object or array came: what follows is named by its number.
    Ended,
}
