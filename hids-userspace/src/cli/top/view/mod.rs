//! Draws the screen: a header with the panes, a headline, the pane, a notice, the keys that work now.
//!
//! Whatever comes from logs is escaped before it gets here, and [`ascii::protect`] looks once more.

mod alerts;
mod ascii;
mod blocks;
mod files;
mod frame;
mod list;
mod look;
mod overview;
mod rules;
#[cfg(test)]
mod sample;
mod sources;
#[cfg(test)]
mod tests;
mod try_lines;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

pub(super) use self::look::Look;
use super::app::App;
use super::keys::Pane;

/// Draws everything.
pub(super) fn draw(frame: &mut Frame<'_>, app: &App, look: Look) {
    let areas = frame::Areas::of(frame.area());
    frame.render_widget(frame::header(app, look, areas.header.width), areas.header);
    frame.render_widget(frame::headline(app, look), areas.headline);
    if app.text.is_some() {
        text(frame, app, areas.body);
    } else {
        pane(frame, app, look, areas.body);
    }
    frame.render_widget(frame::notice(app, look), areas.notice);
    frame::status(frame, app, look, areas.status);
    ascii::protect(frame.buffer_mut(), look.is_ascii);
}

fn pane(frame: &mut Frame<'_>, app: &App, look: Look, area: Rect) {
    match app.pane {
        Pane::Overview => overview::draw(frame, app, look, area),
        Pane::Alerts => alerts::draw(frame, app, look, area),
        Pane::Blocks => blocks::draw(frame, app, look, area),
        Pane::Files => files::draw(frame, app, look, area),
        Pane::Sources => sources::draw(frame, app, look, area),
        Pane::Rules => rules::draw(frame, app, look, area),
        Pane::Lines => try_lines::draw(frame, app, look, area),
    }
}

fn text(frame: &mut Frame<'_>, app: &App, area: Rect) {
    let Some(text) = &app.text else { return };
    let lines = app.text_lines();
    let first = text.first.min(lines.len().saturating_sub(area.height.into()));
    list::lines(frame, area, lines.into_iter().skip(first).map(Line::from));
}
