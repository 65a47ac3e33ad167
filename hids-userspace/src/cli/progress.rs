//! A progress bar on standard error, if that is a terminal.

use std::io::{self, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::output;

/// Time between two pictures.
const REDRAW: Duration = Duration::from_millis(100);

const BAR_CELLS: usize = 30;

/// How far a long work is. Takes its line back when dropped.
#[derive(Debug)]
pub(super) struct Progress {
    total_bytes: u64,
    done_bytes: u64,
    started: Instant,
    drawn: Option<Instant>,
    is_terminal: bool,
}

impl Progress {
    /// For a work of `total_bytes`.
    pub(super) fn new(total_bytes: u64) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { total_bytes, done_bytes: 0, started: Instant::now(), drawn: None, is_terminal }
    }

    /// Counts more bytes that are done; `events` is shown.
    pub(super) fn advance(&mut self, bytes: u64, events: u64) {
        self.done_bytes += bytes;
        if !self.is_terminal || self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW) {
            return;
        }
        self.drawn = Some(Instant::now());
        let text = picture(self.done_bytes, self.total_bytes, events, self.started.elapsed());
        // A terminal that is gone does not stop the work.
        let _ = write!(io::stderr(), "\r\x1b[K{text}");
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// One line. A file can grow while it is read: done is then more than the total.
fn picture(done_bytes: u64, total_bytes: u64, events: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let speed = events as f64 / seconds;
    if total_bytes == 0 {
        return format!("{events} lines, {speed:.0}/s");
    }
    let share = (done_bytes as f64 / total_bytes as f64).min(1.0);
    let full = (share * BAR_CELLS as f64) as usize;
    let bar = format!("{}{}", "#".repeat(full), "-".repeat(BAR_CELLS - full));
    let left = match share {
        0.0 => "?".into(),
        _ => output::duration((seconds * (1.0 - share) / share).ceil() as u64),
    };
    format!("[{bar}] {:3.0} %  {events} lines, {speed:.0}/s, {left} left", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_bytes_leaves_as_much_time_as_was_used() {
        let text = picture(500, 1000, 2000, Duration::from_secs(100));
        assert_eq!(text, "[###############---------------]  50 %  2000 lines, 20/s, 1m 40s left");
    }

    #[test]
    fn a_grown_file_and_a_pipe_have_no_impossible_figures() {
        assert!(picture(2000, 1000, 1, Duration::from_secs(1)).contains("100 %"));
        assert_eq!(picture(2000, 0, 10, Duration::from_secs(1)), "10 lines, 10/s");
    }
}
