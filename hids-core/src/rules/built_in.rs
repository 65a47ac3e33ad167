//! Rules that every rule set has: news of file integrity that OSSEC does not tell is never without one.

use std::collections::HashSet;
use std::sync::Arc;

use super::def::RuleDef;
use super::parse::parse;
use crate::decode::{EventKind, Reading};
use crate::diag::{Diagnostic, SourceFile};
use crate::model::RuleId;

/// A file of the shipped rule set.
const INTEGRITY: &str = include_str!("../../../config/ruleset/rules/0055-integrity.xml");
const INTEGRITY_NAME: &str = "built-in 0055-integrity.xml";
/// The rule that takes any line with a word such as `error` in it, by its number in OSSEC.
const ANY_BAD_WORD: RuleId = RuleId(1002);
/// Its exception for this program, whose messages tell of errors elsewhere and quote lines of attackers.
const OWN_MESSAGES: &str = r#"<group name="syslog,"><rule id="99115" level="0"><if_sid>1002</if_sid>
<program_name>^hidsd$</program_name><description>A message of hidsd, which has been acted upon already.</description>
</rule></group>"#;
/// Ids of roots are those up to this one.
const LAST_ROOT: u32 = 9;

/// The rules in `files`, in their order. Behind the root of OSSEC's own events those built-in ones are put
/// whose ids they do not define: rules that come later may refer to them, and change them by `overwrite`.
///
/// A rule set without such a root has no rules for any event of ours, and gets none.
pub fn definitions(files: &[Arc<SourceFile>], reading: Reading, diagnostics: &mut Vec<Diagnostic>) -> Vec<RuleDef> {
    let mut definitions = Vec::new();
    for file in files {
        let (found, problems) = parse(file, reading);
        definitions.extend(found);
        diagnostics.extend(problems);
    }
    add(&mut definitions);
    definitions
}

/// Adds the built-in rules to those of all files; the ids of those that were missing.
pub(super) fn add(definitions: &mut Vec<RuleDef>) -> Vec<RuleId> {
    let is_root = |rule: &RuleDef| {
        (1..=LAST_ROOT).contains(&rule.id.0)
            && rule.category.as_ref().is_some_and(|(kind, _)| *kind == EventKind::Ossec)
    };
    let Some(root) = definitions.iter().position(is_root) else { return Vec::new() };
    let defined: HashSet<RuleId> = definitions.iter().filter(|rule| !rule.overwrite).map(|rule| rule.id).collect();
    // The shipped file has no problems: the tests load it.
    let (mut own, _) = parse(&integrity(), Reading::AsWritten);
    own.retain(|rule| !defined.contains(&rule.id));
    own.iter_mut().for_each(|rule| rule.built_in = true);
    let ids = own.iter().map(|rule| rule.id).collect();
    definitions.splice(root + 1..root + 1, own);
    ids
}

/// Adds the rule that keeps this program's own messages in syslog files from alerting (K47). It hides a line from the
/// rule for bad words alone: whoever calls himself `hidsd` escapes no other one. Of the journal such entries are not
/// taken at all, by what cannot be forged.
pub fn add_own_messages(definitions: &mut Vec<RuleDef>) {
    let (own, _) = parse(&SourceFile::new("built-in own messages", OWN_MESSAGES), Reading::AsWritten);
    let is_defined = |id: RuleId| definitions.iter().any(|rule| rule.id == id);
    if is_defined(ANY_BAD_WORD) && !own.iter().any(|rule| is_defined(rule.id)) {
        definitions.extend(own.into_iter().map(|rule| RuleDef { built_in: true, ..rule }));
    }
}

/// The built-in rules as written.
pub(super) fn integrity() -> Arc<SourceFile> {
    SourceFile::new(INTEGRITY_NAME, INTEGRITY)
}
