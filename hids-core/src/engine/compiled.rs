//! Immutable compiled rules and decoders, shared by all analysis threads.

use super::options::EngineOptions;
use crate::decode::{DecoderSet, PeerGuard};
use crate::pattern::{Prefilter, Seen};
use crate::rules::RuleSet;

/// Decoders and rules, ready to run.
pub(super) struct Compiled {
    pub decoders: DecoderSet,
    /// In the default mode.
    pub peers: Option<PeerGuard>,
    pub rules: RuleSet,
    pub prefilter: Prefilter,
    /// For messages whose literals were not sought: any may be there.
    pub all_literals: Seen,
    pub options: EngineOptions,
}
