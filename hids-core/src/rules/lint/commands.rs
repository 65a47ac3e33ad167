//! Rules on the output of commands that no `<localfile>` runs.

use std::sync::Arc;

use crate::decode::Reading;
use crate::diag::{Diagnostic, SourceFile};
use crate::pattern::Dialect;
use crate::rules::def::{RuleDef, TextField};
use crate::rules::parse::parse;

/// How the output of a command begins.
const OUTPUT: &str = "ossec: output: '";
/// Ids of administrators' own rules; those of rule sets are for commands that not every host runs.
const FIRST_OWN: u32 = 100_000;

/// Reports administrators' rules that match the output of a command that is not among `aliases`, the names by
/// which outputs are known.
pub fn commands(files: &[Arc<SourceFile>], aliases: &[&str], reading: Reading) -> Vec<Diagnostic> {
    let rules = files.iter().flat_map(|file| parse(file, reading).0);
    rules.filter(|rule| rule.id.0 >= FIRST_OWN).filter_map(|rule| check(&rule, aliases)).collect()
}

fn check(rule: &RuleDef, aliases: &[&str]) -> Option<Diagnostic> {
    let pattern =
        rule.texts.plain(TextField::Match).filter(|pattern| pattern.dialect == Dialect::OsMatch && !pattern.negated)?;
    // Of several alternatives each is for a command.
    let names: Vec<&str> = pattern.text.split('|').map(name).collect::<Option<_>>()?;
    if names.iter().any(|name| aliases.iter().any(|alias| fits(name, alias))) {
        return None;
    }
    let known = match aliases {
        [] => "no <localfile> section runs a command".to_owned(),
        _ => format!("configured commands: '{}'", aliases.join("', '")),
    };
    let message =
        format!("rule {} never fires: no command produces the output '{}'", rule.id, names[0].trim_end_matches('\''));
    let problem = Diagnostic::warning("R059", message).at(pattern.span.clone());
    Some(problem.help(format!("{known}; add one with this command line or <alias>, or fix the name")))
}

/// What an alternative says of the command, with the closing quote if it is there.
fn name(alternative: &str) -> Option<&str> {
    let rest = alternative.strip_prefix('^').unwrap_or(alternative).strip_prefix(OUTPUT)?;
    Some(rest.find('\'').map_or(rest, |end| &rest[..=end]))
}

fn fits(name: &str, alias: &str) -> bool {
    let alias = format!("{alias}'").to_ascii_lowercase();
    alias.starts_with(&name.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    // C29
    #[test]
    fn a_rule_on_a_command_that_nothing_runs_is_named() {
        let found = |id: u32, text: &str, aliases: &[&str]| {
            let rule = format!("<group name=\"a,\"><rule id=\"{id}\" level=\"3\"><match>{text}</match></rule></group>");
            commands(&[SourceFile::new("r", rule)], aliases, Reading::AsWritten).len()
        };
        assert_eq!(found(100_404, "^ossec: output: 'psocket': ", &[]), 1);
        assert_eq!(found(100_404, "^ossec: output: 'psocket': ", &["df -P", "psock"]), 1);
        assert_eq!(found(100_404, "ossec: output: 'psocket': ", &["df -P", "PSocket"]), 0);
        assert_eq!(found(100_404, "ossec: output: 'df", &["df -P"]), 0);
        assert_eq!(found(100_404, "ossec: output: 'a'|ossec: output: 'df -P'", &["df -P"]), 0);
        assert_eq!(found(100_404, "ossec: output: 'a'|else", &[]), 0);
        assert_eq!(found(531, "ossec: output: 'df -P': /dev/", &[]), 0);
    }
}
