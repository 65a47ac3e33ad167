//! Whether decisions are carried out.

/// What becomes of decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Act,
    /// `--dry-run`: they are recorded only; neither nftables nor programs are touched.
    DryRun,
}
