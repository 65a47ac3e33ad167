//! Names the decoders whose addresses a client's words could forge.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::guard::{Trust, trust};
use super::ossec_names::is_ossecs;
use crate::decode::compile::DecoderSet;
use crate::decode::{Reading, parse};
use crate::diag::{Diagnostic, SourceFile, Span};
use crate::pattern::{PrefilterBuilder, Subject};

/// From so many decoders of one file on they are named together.
const TOGETHER: usize = 6;

const HELP: &str = "anchor the pattern: start it with ^ and match only fixed text of the program before the \
                    address, or end it with $ and match only fixed text of the program after it";

/// `hardened`: whether the addresses of OSSEC's decoders are read by hardened ones.
pub fn lint(files: &[Arc<SourceFile>], hardened: bool) -> Vec<Diagnostic> {
    let definitions: Vec<_> = files.iter().flat_map(|file| parse(file, Reading::AsWritten).0).collect();
    let set = DecoderSet::compile(&definitions, Subject::Bytes, &mut PrefilterBuilder::default(), &mut Vec::new());
    let trust = trust(&set, hardened);
    let mut diagnostics = Vec::new();
    for file in files {
        let of_file: Vec<u16> =
            (0..trust.len() as u16).filter(|&index| set.decoder(index).place.file == *file).collect();
        let loose = places(&set, of_file.iter().copied().filter(|&index| trust[usize::from(index)] == Trust::Loose));
        diagnostics.extend(report_loose(&loose));
        let replaced: BTreeSet<&str> = of_file
            .iter()
            .filter(|&&index| trust[usize::from(index)] == Trust::Ossecs)
            .map(|&index| &*set.top(index).own_name)
            .collect();
        diagnostics.extend(report_replaced(&replaced, file));
        let open: BTreeSet<&str> = of_file
            .iter()
            .filter(|&&index| !hardened && trust[usize::from(index)] == Trust::Loose)
            .filter(|&&index| is_ossecs(&set.top(index).own_name, &set.decoder(index).own_name))
            .map(|&index| &*set.top(index).own_name)
            .collect();
        diagnostics.extend(report_open(&open, file));
    }
    diagnostics
}

/// Name and place of each decoder; one that has several parents is named once.
fn places(set: &DecoderSet, indexes: impl Iterator<Item = u16>) -> Vec<(String, Span)> {
    let mut found: Vec<(String, Span)> = Vec::new();
    for index in indexes {
        let decoder = set.decoder(index);
        if !found.iter().any(|(_, place)| *place == decoder.place) {
            found.push((decoder.own_name.to_string(), decoder.place.clone()));
        }
    }
    found
}

fn report_loose(loose: &[(String, Span)]) -> Vec<Diagnostic> {
    let each = |(name, place): &(String, Span)| {
        let message = format!(
            "decoder `{name}` does not anchor its address (srcip) to fixed text of the program: a client that \
             controls part of the line can substitute another address and get it blocked; no address is extracted \
             from a line with two candidates"
        );
        Diagnostic::warning("D035", message).at(place.clone()).help(HELP)
    };
    if loose.len() < TOGETHER {
        return loose.iter().map(each).collect();
    }
    let names: Vec<&str> = loose.iter().map(|(name, _)| name.as_str()).collect();
    let message = format!(
        "{} decoders of this file do not pin their address (srcip) to the program's own words: a client that chooses a word of the line can have another address taken, and blocked; a line with two such addresses gives none. They are: {}",
        names.len(),
        names.join(", ")
    );
    vec![Diagnostic::warning("D035", message).at(loose[0].1.clone()).help(HELP)]
}

fn report_replaced(tops: &BTreeSet<&str>, file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let message = format!(
        "the addresses of OSSEC's decoders for {} are extracted by hardened decoders, which never use \
         client-controlled text as an address; names, other fields and rules are unchanged",
        listed(tops)?
    );
    let help = "to disable this, set <hardened_decoders>no</hardened_decoders> in <rules>";
    Some(Diagnostic::note("D036", message).at(Span::new(file, 0, 0)).help(help))
}

fn report_open(tops: &BTreeSet<&str>, file: &Arc<SourceFile>) -> Option<Diagnostic> {
    let message = format!(
        "hardened decoders are disabled: through OSSEC's decoders for {}, a client can get another address blocked",
        listed(tops)?
    );
    let help = "remove <hardened_decoders>no</hardened_decoders>";
    Some(Diagnostic::warning("D037", message).at(Span::new(file, 0, 0)).help(help))
}

fn listed(names: &BTreeSet<&str>) -> Option<String> {
    let names: Vec<&str> = names.iter().copied().collect();
    (!names.is_empty()).then(|| names.join(", "))
}
