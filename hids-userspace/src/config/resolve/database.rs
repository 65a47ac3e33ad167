//! `<database_output>` and `<agentless>`: checked only.

use super::Context;
use crate::config::known::SectionKind::{Agentless, DatabaseOutput};
use crate::config::value::{number, word};

pub(super) fn check(context: &mut Context<'_>) {
    let raw = context.raw;
    for (kind, needed) in [
        (DatabaseOutput, &["hostname", "username", "password", "database", "type"][..]),
        (Agentless, &["host", "state", "type"]),
    ] {
        for section in raw.of(kind) {
            let missing: Vec<_> =
                needed.iter().filter(|name| section.last(name).is_none()).map(|name| format!("`<{name}>`")).collect();
            if !missing.is_empty() && !section.element.children.is_empty() {
                let message = format!("`<{}>` lacks {}", section.spec.name, missing.join(", "));
                context.problems.error(
                    "C099",
                    section.name_span(),
                    message,
                    "OSSEC requires them; add them, or remove the section",
                );
            }
        }
    }
    for section in raw.of(Agentless) {
        let periodic = section.last("state").and_then(word).is_some_and(|state| state.starts_with("periodic"));
        if let Some(element) = section.last("frequency").filter(|element| periodic && number(element) == Some(0)) {
            context.problems.error(
                "C099",
                &element.text.span,
                "a periodic check requires a `<frequency>` above 0",
                "86400 is once a day",
            );
        }
    }
}
