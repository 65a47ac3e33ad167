//! Takes what has happened.

use super::state::{App, Effect, Message};
use super::{answers, commands, questions};
use crate::cli::top::alert_list::Held;
use crate::cli::top::keys::{self, Pane};

/// Takes what has happened; returns what is to be done.
pub(in crate::cli::top) fn update(app: &mut App, message: Message) -> Vec<Effect> {
    let mut effects = match message {
        Message::Key(key) => match keys::command(key, app.mode(), app.pane) {
            Some(command) => commands::obey(app, command),
            None => Vec::new(),
        },
        Message::Paste(text) => commands::paste(app, &text),
        Message::Size(columns, rows) => {
            app.size = (columns, rows);
            Vec::new()
        }
        Message::Tick(now) => {
            app.now = now;
            Vec::new()
        }
        Message::Answer(question, answer) => answers::take_answer(app, question, answer),
        Message::History { tally, alerts, is_cut } => {
            app.records.tally = *tally;
            app.records.alerts.replace(alerts, is_cut);
            app.records.has_history = true;
            Vec::new()
        }
        Message::Alert(alert) => {
            app.records.tally.add(&alert);
            app.records.alerts.push(Held::of(*alert));
            Vec::new()
        }
        Message::AlertTrouble(trouble) => {
            app.records.trouble = trouble;
            Vec::new()
        }
    };
    if app.pane == Pane::Rules {
        app.rules.list.set(app.records.tally.rules(app.now, app.rules.span));
    }
    app.settle();
    effects.extend(questions::due(app).into_iter().map(Effect::Ask));
    effects
}
