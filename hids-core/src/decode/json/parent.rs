//! Whether what a decoder asks of JSON stands below a decoder that reads it.

use super::super::parse::{DecoderDef, Plugin};
use crate::diag::Diagnostic;

/// Reports what only works below a JSON decoder and stands elsewhere. `parents` are those of the decoder.
pub(in crate::decode) fn check_parent(
    def: &DecoderDef,
    mut parents: impl Iterator<Item = Option<Plugin>>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let is_json = |plugin: Option<Plugin>| plugin == Some(Plugin::Json);
    let own = is_json(def.plugin.map(|(plugin, _)| plugin));
    if !def.json.is_empty() && !own && !parents.any(is_json) {
        let message = "<field>, <map> and field=\"…\" need a parent that is a JSON decoder";
        let help = "<parent>json</parent>, or <plugin_decoder>JSON_Decoder</plugin_decoder> in this decoder's parent";
        diagnostics.push(Diagnostic::error("D029", message).at(def.name.span.clone()).help(help));
    }
}
