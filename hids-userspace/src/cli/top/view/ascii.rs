//! The last look at what goes to the terminal.

use hids_core::escape::is_dangerous;
use ratatui::buffer::Buffer;

/// Replaces what could act on a terminal, and with `is_ascii` everything that such a terminal cannot show.
pub(super) fn protect(buffer: &mut Buffer, is_ascii: bool) {
    for cell in &mut buffer.content {
        let symbol = cell.symbol();
        if symbol.chars().any(|char| char.is_control() || is_dangerous(char)) {
            cell.set_symbol("?");
        } else if is_ascii && !symbol.is_ascii() {
            let plain = plain(symbol);
            cell.set_symbol(plain);
        }
    }
}

fn plain(symbol: &str) -> &'static str {
    match symbol {
        "─" => "-",
        "│" => "|",
        "…" => "~",
        "▁" | "▂" | "▃" | "▄" => ".",
        "▅" | "▆" | "▇" | "█" => "#",
        _ => "?",
    }
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    use super::*;

    #[test]
    fn nothing_that_acts_on_a_terminal_passes() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 6, 1));
        buffer.set_string(0, 0, "aé─█…", Style::new());
        buffer[(5, 0)].set_symbol("b\u{202e}");
        protect(&mut buffer, false);
        assert_eq!(buffer.content.iter().map(|cell| cell.symbol()).collect::<String>(), "aé─█…?");
        protect(&mut buffer, true);
        assert_eq!(buffer.content.iter().map(|cell| cell.symbol()).collect::<String>(), "a?-#~?");
    }
}
