//! `<alerts>`.

use hids_core::model::Level;

use super::{Context, level};
use crate::config::known::SectionKind::Alerts;
use crate::config::value::value_span;

/// Highest level that rules are meant to have.
const TOP_LEVEL: u64 = 16;

pub(super) struct Levels {
    pub record: Level,
    pub mail: Level,
}

pub(super) fn resolve(context: &mut Context<'_>) -> Levels {
    for (name, what) in [("log_alert_level", "recorded"), ("email_alert_level", "mailed")] {
        if let Some(element) = context.raw.last(Alerts, name)
            && context.number(Alerts, name).is_some_and(|number| number > TOP_LEVEL)
        {
            let message = format!("the highest rule level is {TOP_LEVEL}, so no alert is {what} because of its level");
            context.problems.warning("C046", &value_span(element), message, "use a level from 0 to 16");
        }
    }
    Levels {
        record: level(context.number(Alerts, "log_alert_level").unwrap_or(1)),
        mail: level(context.number(Alerts, "email_alert_level").unwrap_or(7)),
    }
}
