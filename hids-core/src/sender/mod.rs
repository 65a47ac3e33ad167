//! Verifies that a journal entry comes from the service of its identifier.
//!
//! Decides from the fields that journald itself adds (their names begin with `_`, systemd.journal-fields(7)) and from
//! nothing that the sender chose. Owns the table of known services. Never: reads the journal or `/etc/passwd`.
//!
//! What the fields are worth. `_UID` comes with the datagram from the kernel and cannot be forged. `_EXE`, `_COMM` and
//! `_CAP_EFFECTIVE` are read from `/proc` and describe the sender *in its own namespaces*: in a user and mount namespace
//! of their own, which most distributions let anybody make, users show any path and all capabilities; without one they
//! run a genuine program under a debugger or with `LD_PRELOAD`. So the user decides first, and the executable or the
//! unit only tells services of one user apart. For the same reason lines of `sudo` and `su` that carry the user ID of
//! whoever ran them are not confirmed: they alert as ever, and have no remote peer that could be blocked.

mod services;
#[cfg(test)]
mod tests;
mod verify;

pub use services::account_names;
pub use verify::{SenderFacts, TrustedBy, TrustedSender, verify};
