//! What the audience sees: scenes, quoted output, and claims that hold or not.

use std::io::IsTerminal as _;

use anyhow::{Result, bail};

/// Collects the claims that did not hold.
#[derive(Default)]
pub(super) struct Stage {
    failed: Vec<String>,
}

impl Stage {
    /// A heading.
    pub(super) fn scene(&self, title: &str) {
        println!(
            "\n{}",
            paint("1;36", &format!("── {title} {}", "─".repeat(72usize.saturating_sub(title.chars().count()))))
        );
    }

    /// A sentence about what happens.
    pub(super) fn tell(&self, text: &str) {
        println!("   {text}");
    }

    /// Output of a program, with the command that gave it; at most `most` lines of it.
    pub(super) fn quote(&self, command: &str, output: &str, most: usize) {
        println!("   {}", paint("2", &format!("$ {command}")));
        let lines: Vec<&str> = output.lines().collect();
        for line in lines.iter().take(most) {
            println!("     {line}");
        }
        if lines.len() > most {
            println!("     {}", paint("2", &format!("… {} more lines", lines.len() - most)));
        }
    }

    /// A claim and whether it holds.
    pub(super) fn claim(&mut self, text: &str, holds: bool) {
        if holds {
            println!("   {} {text}", paint("1;32", "✓"));
        } else {
            println!("   {} {text}", paint("1;31", "✗ NOT:"));
            self.failed.push(text.to_owned());
        }
    }

    /// The end.
    ///
    /// # Errors
    /// When a claim did not hold.
    pub(super) fn close(self) -> Result<()> {
        if !self.failed.is_empty() {
            bail!("{} of the claims did not hold: {}", self.failed.len(), self.failed.join("; "));
        }
        println!("\n{}", paint("1;32", "Everything happened as claimed."));
        Ok(())
    }
}

fn paint(code: &str, text: &str) -> String {
    if std::io::stdout().is_terminal() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
}
