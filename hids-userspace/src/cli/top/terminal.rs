//! The terminal: entered, left as before, however the program ends.

use std::io::{self, BufWriter, Stdout, Write as _};
use std::panic;

use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::crossterm::{cursor, execute};
use ratatui::layout::Rect;
use ratatui::{Terminal, TerminalOptions, Viewport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::tcgetwinsize;

use super::app::App;
use super::view::{self, Look};

/// Size of a terminal that does not know its own.
const USUAL: (u16, u16) = (80, 24);

/// The terminal while it shows the screen; dropped, it is as before.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
    size: (u16, u16),
    is_entered: bool,
}

impl Screen {
    /// Enters the alternate screen and takes keys one by one.
    pub(super) fn enter(look: Look) -> io::Result<Self> {
        force_color_output(look.is_coloured);
        restore_on_panic();
        let size = size();
        let backend = CrosstermBackend::new(BufWriter::new(io::stdout()));
        // The crate would ask a program for the size where the kernel does not know it.
        let options = TerminalOptions { viewport: Viewport::Fixed(Rect::new(0, 0, size.0, size.1)) };
        let mut screen = Self { terminal: Terminal::with_options(backend, options)?, size, is_entered: false };
        screen.enter_again()?;
        Ok(screen)
    }

    /// Enters after the program was stopped; whatever the shell made of the terminal meanwhile.
    pub(super) fn enter_again(&mut self) -> io::Result<()> {
        disable_raw_mode()?;
        enable_raw_mode()?;
        self.is_entered = true;
        execute!(self.terminal.backend_mut(), EnterAlternateScreen, EnableBracketedPaste, cursor::Hide)?;
        self.draw_anew()
    }

    /// Leaves the terminal as before.
    pub(super) fn leave(&mut self) {
        if self.is_entered {
            self.is_entered = false;
            restore();
        }
    }

    /// Forgets what the terminal is thought to show.
    pub(super) fn draw_anew(&mut self) -> io::Result<()> {
        // `Terminal::clear` would ask the terminal for its cursor and wait for an answer among the keys.
        self.terminal.resize(Rect::new(0, 0, self.size.0, self.size.1))
    }

    /// The size, if it is another one than before.
    pub(super) fn new_size(&mut self) -> io::Result<Option<(u16, u16)>> {
        let size = size();
        if size == self.size {
            return Ok(None);
        }
        self.size = size;
        self.draw_anew()?;
        Ok(Some(size))
    }

    /// Columns and rows.
    pub(super) const fn size(&self) -> (u16, u16) {
        self.size
    }

    /// Draws, unless the terminal belongs to the shell.
    pub(super) fn draw(&mut self, app: &App, look: Look) -> io::Result<()> {
        if self.is_entered {
            self.terminal.draw(|frame| view::draw(frame, app, look))?;
            self.terminal.backend_mut().flush()?;
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Makes the terminal as before. A terminal that is gone needs nothing.
pub(super) fn restore() {
    let _ = disable_raw_mode();
    let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
}

/// A message about a broken invariant is readable only on the ordinary screen.
fn restore_on_panic() {
    let show = panic::take_hook();
    panic::set_hook(Box::new(move |what| {
        restore();
        show(what);
    }));
}

fn size() -> (u16, u16) {
    let size = tcgetwinsize(io::stdout()).map_or((0, 0), |size| (size.ws_col, size.ws_row));
    if size.0 == 0 || size.1 == 0 { USUAL } else { size }
}

/// Whether the terminal was closed, or its connection broke.
pub(super) fn is_gone() -> bool {
    let stdin = io::stdin();
    let mut polled = [PollFd::new(&stdin, PollFlags::empty())];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut polled, Some(&now))
        .is_ok_and(|_| polled[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read as _;
    use std::process::{Command, Stdio};

    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use rustix::termios::{LocalModes, tcgetattr};

    use super::*;

    /// Set for the process that is to panic.
    const PANIC: &str = "HIDS_TEST_PANIC_ON_SCREEN";

    #[test]
    fn a_panic_is_read_on_the_ordinary_screen() {
        if std::env::var_os(PANIC).is_some() {
            let _screen = Screen::enter(Look { is_coloured: false, is_ascii: false }).expect("a terminal");
            panic!("a broken invariant");
        }
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("usable");
        let name = ptsname(&master, Vec::new()).expect("a name").into_string().expect("text");
        let slave = File::options().read(true).write(true).open(name).expect("opened");
        let shared = || Stdio::from(slave.try_clone().expect("shared"));
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "cli::top::terminal::tests::a_panic_is_read_on_the_ordinary_screen", "--nocapture"])
            .env(PANIC, "1")
            .stdin(shared())
            .stdout(shared())
            .stderr(shared())
            .spawn()
            .expect("it can be run");
        assert!(!child.wait().expect("it ends").success());
        let modes = tcgetattr(&slave).expect("a terminal").local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG), "{modes:?}");
        drop(slave);
        let mut bytes = Vec::new();
        // Ends with an error when the last holder of the other end is gone.
        let _ = File::from(master).read_to_end(&mut bytes);
        let text = String::from_utf8_lossy(&bytes);
        let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("{part:?} is missing in {text:?}"));
        assert!(at("\x1b[?1049h") < at("\x1b[?1049l") && at("\x1b[?1049l") < at("a broken invariant"), "{text:?}");
        assert!(at("\x1b[?25h") < at("a broken invariant"), "{text:?}");
    }
}
