//! What answers make of the screen.

use super::commands;
use super::state::{App, Effect, Link};
use crate::cli::output;
use crate::cli::top::ask::{Act, Answer, Failure, LastChange, Question};
use crate::cli::top::facts::Facts;

/// Takes the answer to a question, or why there is none.
pub(super) fn take_answer(app: &mut App, question: Question, answer: Result<Answer, Failure>) -> Vec<Effect> {
    is_answered(app, &question);
    match (question, answer) {
        (Question::Status, Ok(Answer::Status(status))) => {
            let facts = Facts::of(&status);
            app.daemon.rates.measure(app.now, &facts.sources);
            app.sources.set(facts.sources.clone());
            app.daemon.facts = Some(facts);
            app.daemon.link = Link::Up;
        }
        (Question::Status, Err(failure)) => {
            app.daemon.link = if failure.is_not_running { Link::Down } else { Link::Silent(failure.text) };
            if failure.is_not_running {
                app.daemon.facts = None;
            }
        }
        (_, Ok(Answer::Blocks(blocks, total))) => {
            app.blocks.list.set(blocks);
            app.blocks.total = total;
        }
        (_, Ok(Answer::Changes(files, has_more))) => {
            app.files.list.set(files);
            app.files.has_more = has_more;
        }
        (Question::LastChange(path), answer) => {
            // Of a file without a readable history there is nothing to show, and asking again is of no use.
            let change = match answer {
                Ok(Answer::LastChange(change)) => change,
                _ => LastChange::default(),
            };
            let item = app.files.list.rows().find(|item| item.path == path).map(|item| item.changes);
            app.files.last_changes.insert(path.as_bytes().to_vec(), (item.unwrap_or(0), change));
        }
        (Question::Line(line), answer) => return line_answered(app, &line, answer),
        (Question::Act(act), Ok(Answer::Done(text))) => done(app, &act, &text),
        (_, Ok(Answer::Done(text))) => app.say(text, false),
        (question, Ok(Answer::Text(text))) => app.show_text(title(&question), text),
        (_, Err(failure)) => app.say(failure.text, true),
        (_, Ok(_)) => {}
    }
    Vec::new()
}

fn is_answered(app: &mut App, question: &Question) {
    match question {
        Question::Status => app.waiting.status.answered(),
        Question::Blocks => app.waiting.blocks.answered(),
        Question::Changes => app.waiting.files.answered(),
        Question::LastChange(path) => app.waiting.last_changes.retain(|asked| asked != path.as_bytes()),
        _ => {}
    }
}

fn done(app: &mut App, act: &Act, text: &str) {
    app.say(text.trim_end(), false);
    app.waiting.status.hurry();
    match act {
        Act::Accept(_) => app.waiting.files.hurry(),
        _ => app.waiting.blocks.hurry(),
    }
}

fn line_answered(app: &mut App, line: &str, answer: Result<Answer, Failure>) -> Vec<Effect> {
    app.lines.is_busy = false;
    let text = match answer {
        Ok(Answer::Text(text)) => text,
        Ok(_) => String::new(),
        Err(failure) => failure.text,
    };
    app.lines.say(&format!("> {}\n{}\n \n", output::visible(line.as_bytes()), text.trim()));
    commands::next_line(app)
}

fn title(question: &Question) -> String {
    match question {
        Question::History(path) => format!("History of {}", output::visible(path.as_bytes())),
        Question::Why(address) => format!("Why {address}"),
        Question::Alert { .. } => "Alert".into(),
        Question::Rule(id) => format!("Rule {id}"),
        _ => String::new(),
    }
}
