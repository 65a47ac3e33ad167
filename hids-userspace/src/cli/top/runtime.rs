//! The loop around the screen: keys, signals, answers and the time go in, drawing and questions come out.
//!
//! Threads wait for keys, signals, alerts and answers, and send what they have over one bounded channel; the loop
//! sleeps until there is something or a second is over. Nothing is dropped: who finds the channel full waits.

use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use ratatui::crossterm::event::{self, Event as Input};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::app::{App, Effect, Message, update};
use super::ask::{Failure, Question};
use super::carry_out::{Tester, World};
use super::records;
use super::terminal::{self, Screen};
use super::view::Look;
use crate::cli::exit::Exit;
use crate::platform::clock::now;

/// Events that wait; then whoever sends them waits.
const MOST_EVENTS: usize = 1024;
/// Questions that wait in each lane; more are refused, which the screen shows.
const MOST_QUESTIONS: usize = 64;
/// Time between two looks at the clock.
const TICK: Duration = Duration::from_secs(1);
/// How long the loop may take to end after a signal, if the terminal takes no output.
const END: Duration = Duration::from_secs(2);

enum Event {
    Input(Input),
    Signal(i32),
    Message(Message),
}

/// What ended the loop.
enum End {
    Quit,
    Signal(i32),
    /// The terminal is gone.
    Gone,
}

/// Shows the screen until it is quit.
pub(super) fn run(app: App, look: Look, world: &World) -> anyhow::Result<Exit> {
    let (events, received) = bounded(MOST_EVENTS);
    watch_signals(&events).context("cannot handle signals")?;
    let lanes = Lanes::start(world, &events)?;
    let screen = Screen::enter(look).context("cannot use the terminal")?;
    read_keys(&events)?;
    read_alerts(world, events)?;
    let mut running = Running { app, look, screen, lanes };
    let end = running.until_end(&received);
    running.screen.leave();
    match end {
        Ok(End::Quit) => Ok(Exit::Success),
        Ok(End::Signal(signal)) => {
            emulate_default_handler(signal).context("cannot end by the signal")?;
            Ok(Exit::Failed)
        }
        Ok(End::Gone) => Ok(Exit::Failed),
        Err(error) => {
            // Standard error may be the terminal that is gone, so failing to print is no reason to fail.
            let _ = writeln!(io::stderr(), "hidsctl: cannot draw on the terminal: {error}");
            Ok(Exit::Failed)
        }
    }
}

struct Running {
    app: App,
    look: Look,
    screen: Screen,
    lanes: Lanes,
}

impl Running {
    fn until_end(&mut self, received: &Receiver<Event>) -> io::Result<End> {
        let (columns, rows) = self.screen.size();
        let first = [Message::Size(columns, rows), Message::Tick(now())];
        for message in first {
            if let Some(end) = self.take(message)? {
                return Ok(end);
            }
        }
        let mut next_tick = Instant::now() + TICK;
        loop {
            self.screen.draw(&self.app, self.look)?;
            let wait = next_tick.saturating_duration_since(Instant::now());
            let end = match received.recv_timeout(wait) {
                Ok(event) => self.take_all(event, received)?,
                Err(RecvTimeoutError::Timeout) => {
                    next_tick = Instant::now() + TICK;
                    self.tick()?
                }
                Err(RecvTimeoutError::Disconnected) => Some(End::Gone),
            };
            if let Some(end) = end {
                return Ok(end);
            }
        }
    }

    /// What is there already is drawn together.
    fn take_all(&mut self, first: Event, received: &Receiver<Event>) -> io::Result<Option<End>> {
        let mut event = Some(first);
        for _ in 0..MOST_EVENTS {
            let Some(one) = event else { break };
            if let Some(end) = self.take_event(one)? {
                return Ok(Some(end));
            }
            event = received.try_recv().ok();
        }
        match event {
            Some(event) => self.take_event(event),
            None => Ok(None),
        }
    }

    fn tick(&mut self) -> io::Result<Option<End>> {
        if terminal::is_gone() {
            return Ok(Some(End::Gone));
        }
        self.resize()?;
        self.take(Message::Tick(now()))
    }

    fn resize(&mut self) -> io::Result<Option<End>> {
        match self.screen.new_size()? {
            Some((columns, rows)) => self.take(Message::Size(columns, rows)),
            None => Ok(None),
        }
    }

    fn take_event(&mut self, event: Event) -> io::Result<Option<End>> {
        match event {
            Event::Input(Input::Key(key)) => self.take(Message::Key(key)),
            Event::Input(Input::Paste(text)) => self.take(Message::Paste(text)),
            Event::Input(Input::Resize(..)) => self.resize(),
            Event::Input(_) => Ok(None),
            Event::Signal(SIGTSTP) => {
                self.suspend()?;
                Ok(None)
            }
            Event::Signal(SIGCONT) => {
                self.screen.enter_again()?;
                self.resize()
            }
            Event::Signal(signal) => Ok(Some(End::Signal(signal))),
            Event::Message(message) => self.take(message),
        }
    }

    fn take(&mut self, message: Message) -> io::Result<Option<End>> {
        for effect in update(&mut self.app, message) {
            match effect {
                Effect::Quit => return Ok(Some(End::Quit)),
                Effect::Suspend => self.suspend()?,
                Effect::Redraw => self.screen.draw_anew()?,
                Effect::Ask(question) => {
                    if let Err(question) = self.lanes.ask(question) {
                        let text = "too many requests are waiting for an answer".to_owned();
                        let failure = Failure { text, is_not_running: false };
                        update(&mut self.app, Message::Answer(question, Err(failure)));
                    }
                }
            }
        }
        Ok(None)
    }

    /// Stops the program; SIGCONT, which continues it, enters the screen again.
    fn suspend(&mut self) -> io::Result<()> {
        self.screen.leave();
        emulate_default_handler(SIGTSTP)
    }
}

fn watch_signals(events: &Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGCONT])?;
    let events = events.clone();
    thread::Builder::new().name("top-signals".into()).spawn(move || {
        for signal in signals.forever() {
            if events.send(Event::Signal(signal)).is_err() {
                return;
            }
            if !matches!(signal, SIGTSTP | SIGCONT) {
                // The loop may wait for a terminal that takes no output.
                thread::sleep(END);
                terminal::restore();
                let _ = emulate_default_handler(signal);
            }
        }
    })?;
    Ok(())
}

fn read_keys(events: &Sender<Event>) -> io::Result<()> {
    let events = events.clone();
    thread::Builder::new().name("top-keys".into()).spawn(move || {
        while let Ok(input) = event::read() {
            if events.send(Event::Input(input)).is_err() {
                return;
            }
        }
    })?;
    Ok(())
}

fn read_alerts(world: &World, events: Sender<Event>) -> io::Result<()> {
    let (logs, zone) = (world.logs.clone(), world.zone.clone());
    thread::Builder::new()
        .name("top-alerts".into())
        .spawn(move || records::follow(&logs, &zone, |message| events.send(Event::Message(message)).is_ok()))?;
    Ok(())
}

/// Threads that answer questions, so that a slow answer keeps neither the status nor a key waiting.
struct Lanes {
    status: Sender<Question>,
    daemon: Sender<Question>,
    host: Sender<Question>,
}

impl Lanes {
    fn start(world: &World, events: &Sender<Event>) -> io::Result<Self> {
        Ok(Self {
            status: lane("top-status", world, events)?,
            daemon: lane("top-daemon", world, events)?,
            host: lane("top-host", world, events)?,
        })
    }

    /// Gives a question to its thread, or back.
    fn ask(&self, question: Question) -> Result<(), Question> {
        let lane = match question {
            Question::Status => &self.status,
            Question::Alert { .. } | Question::Rule(_) | Question::Line(_) | Question::ForgetRules => &self.host,
            _ => &self.daemon,
        };
        lane.try_send(question).map_err(|error| match error {
            TrySendError::Full(question) | TrySendError::Disconnected(question) => question,
        })
    }
}

fn lane(name: &str, world: &World, events: &Sender<Event>) -> io::Result<Sender<Question>> {
    let (questions, asked) = bounded::<Question>(MOST_QUESTIONS);
    let (world, events) = (world.clone(), events.clone());
    thread::Builder::new().name(name.into()).spawn(move || {
        let mut tester: Tester = None;
        for question in asked {
            let answer = world.answer(&question, &mut tester);
            if events.send(Event::Message(Message::Answer(question, answer))).is_err() {
                return;
            }
        }
    })?;
    Ok(questions)
}
