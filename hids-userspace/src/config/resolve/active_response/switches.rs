//! `<disabled>` in active responses.
//!
//! OSSEC reads it twice and differently: its analysis discards the section that holds `yes`, its
//! execution daemon looks at the first `<disabled>` of the file and takes that for everything
//! (`src/os_execd/config.c`). Where both readings are possible, nothing is blocked rather than
//! the wrong one.

use std::collections::HashSet;

use super::Context;
use crate::config::known::SectionKind::ActiveResponse;
use crate::config::value::yes_no;

#[derive(Default)]
pub(super) struct Switches {
    pub all_off: bool,
    /// Numbers of the sections that are off, counted from 0.
    pub section_off: HashSet<usize>,
}

pub(super) fn resolve(context: &mut Context<'_>) -> Switches {
    let raw = context.raw;
    let mut switches = Switches::default();
    let first = raw.all(ActiveResponse, "disabled").next();
    switches.all_off = first.and_then(yes_no) == Some(true);
    let mut others = 0;
    for (index, section) in raw.of(ActiveResponse).enumerate() {
        match section.last("disabled") {
            Some(element) if yes_no(element) == Some(true) => {
                switches.section_off.insert(index);
                if section.last("command").is_none() {
                    switches.all_off = true;
                }
            }
            _ => others += usize::from(section.last("command").is_some()),
        }
    }
    if switches.all_off
        && let Some(element) = first
    {
        let message = match others {
            0 => "active responses are disabled".to_owned(),
            _ => format!(
                "this disables all active responses, including {others} in other sections: OSSEC applies the first \
                 `<disabled>` of the file to all of them"
            ),
        };
        let help = if others > 0 { "to disable a single response, comment out its section" } else { "" };
        if others > 0 {
            context.problems.warning("C090", &element.name.span, message, help);
        } else {
            context.problems.note("C090", &element.name.span, message, help);
        }
    } else if let Some((index, section)) =
        raw.of(ActiveResponse).enumerate().filter(|(index, _)| switches.section_off.contains(index)).last()
        && raw.of(ActiveResponse).count() == index + 1
        && others > 0
    {
        let message = "only this response is disabled; OSSEC would disable all of them, because no enabled one \
                       follows it";
        context.problems.warning("C090", section.name_span(), message, "comment out the section instead");
    }
    switches
}
