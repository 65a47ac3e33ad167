//! The decoders that read addresses in place of OSSEC's: those of the shipped ruleset, compiled in,
//! so that they are there whatever is installed.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decode::attributes::Reading;
use crate::decode::compile::DecoderSet;
use crate::decode::parse::{self, DecoderDef};
use crate::diag::SourceFile;
use crate::pattern::{Prefilter, PrefilterBuilder, Subject};

/// Name and text of each file, in load order (`build.rs` lists them).
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/decoders.rs"));

/// The hardened decoders, ready to run.
pub(super) struct Hardened {
    pub decoders: DecoderSet,
    pub prefilter: Prefilter,
}

impl Hardened {
    pub(super) fn new() -> Self {
        let mut prefilter = PrefilterBuilder::default();
        // They load without a problem: tests/ruleset holds them to it.
        let decoders = DecoderSet::compile(&definitions(), Subject::Bytes, &mut prefilter, &mut Vec::new());
        Self { decoders, prefilter: prefilter.build() }
    }
}

fn definitions() -> Vec<DecoderDef> {
    let file = |(name, text): &(&str, &str)| SourceFile::new(format!("hardened {name}"), *text);
    FILES.iter().map(file).flat_map(|file: Arc<SourceFile>| parse::parse(&file, Reading::AsWritten).0).collect()
}

/// The patterns that extract fields in the shipped ruleset: they need no second look.
pub(super) fn patterns() -> BTreeSet<String> {
    definitions().into_iter().filter_map(|def| Some(def.regex?.pattern.text)).collect()
}
