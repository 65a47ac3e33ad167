//! A progress bar on standard error, if that is a terminal.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;

/// Pictures per second.
const REDRAWS: u8 = 10;

/// ASCII, for terminals of every locale.
const CELLS: &str = "##-";

/// How far a long work is. Takes its line back when dropped.
#[derive(Debug)]
pub(super) struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// Of a work whose length is not known yet.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(REDRAWS));
        bar.set_style(style("{wide_msg}"));
        Self { bar }
    }

    /// Shows that `done` of `total` parts are done, and a text; without a total, only the text.
    pub(super) fn show(&self, done: u64, total: u64, text: String) {
        if total > 0 && self.bar.length() != Some(total) {
            self.bar.set_style(style("[{bar:30}] {percent:>3} %  {wide_msg}"));
            self.bar.set_length(total);
        }
        self.bar.set_message(text);
        // A file can grow while it is read, a scan can find more than the last one.
        self.bar.set_position(if total > 0 { done.min(total) } else { done });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are this file's own and are correct, as its tests show.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars(CELLS)
}

/// Progress through bytes that hold lines, with their number, speed and the time left.
#[derive(Debug)]
pub(super) struct LineProgress {
    progress: Progress,
    total_bytes: u64,
    done_bytes: u64,
    started: Instant,
}

impl LineProgress {
    /// Through `total_bytes`; 0 = not known.
    pub(super) fn new(total_bytes: u64) -> Self {
        Self { progress: Progress::new(), total_bytes, done_bytes: 0, started: Instant::now() }
    }

    /// Counts more bytes that are done; so far, they held `lines`.
    pub(super) fn advance(&mut self, bytes: u64, lines: u64) {
        self.done_bytes += bytes;
        let text = speed(self.done_bytes, self.total_bytes, lines, self.started.elapsed());
        self.progress.show(self.done_bytes, self.total_bytes, text);
    }
}

fn speed(done_bytes: u64, total_bytes: u64, lines: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let text = format!("{}, {:.0}/s", output::count(lines, "line"), lines as f64 / seconds);
    if total_bytes == 0 || done_bytes == 0 {
        return text;
    }
    let left = seconds * total_bytes.saturating_sub(done_bytes) as f64 / done_bytes as f64;
    format!("{text}, {} left", output::duration(left.ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_the_bytes_leaves_as_much_time_as_was_used() {
        assert_eq!(speed(500, 1000, 2000, Duration::from_secs(100)), "2000 lines, 20/s, 1m 40s left");
    }

    #[test]
    fn a_grown_file_and_a_pipe_have_no_impossible_figures() {
        assert_eq!(speed(2000, 1000, 1, Duration::from_secs(1)), "1 line, 1/s, 0s left");
        assert_eq!(speed(2000, 0, 10, Duration::from_secs(1)), "10 lines, 10/s");
        let progress = Progress::new();
        progress.show(3000, 2000, String::new());
        assert_eq!((progress.bar.position(), progress.bar.length()), (2000, Some(2000)));
    }

    #[test]
    fn templates_are_correct() {
        for template in ["{wide_msg}", "[{bar:30}] {percent:>3} %  {wide_msg}"] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
