//! Random cases: from a small vocabulary, so that things match often, and shrinkable.
//!
//! Each part is first drawn as plain numbers and then fitted to what stands before it, so that
//! every case loads (a rule's parents exist, a child's decoder has a parent).

mod decoders;
mod lines;
mod patterns;
mod rules;

use proptest::prelude::*;

use crate::model::Case;

/// A whole case.
pub(crate) fn case() -> impl Strategy<Value = Case> {
    (decoders::decoders(), lines::lines()).prop_flat_map(move |(decoders, lines)| {
        // Other children are known by their parent's name only.
        let named = decoders.iter().filter(|decoder| decoder.parent.is_none() || decoder.use_own_name);
        let names: Vec<String> = named.map(|decoder| decoder.name.clone()).collect();
        rules::rules(names).prop_map(move |rules| Case { decoders: decoders.clone(), rules, lines: lines.clone() })
    })
}
