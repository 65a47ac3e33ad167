//! A mail server in the test itself: unprivileged, on any port, and as unhelpful as wanted.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};

use super::Mail;

/// How a server treats its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manners {
    /// Takes every mail.
    Polite,
    /// Accepts connections and never says a word.
    Hanging,
}

/// A mail server on a port of 127.0.0.1, which ends when the test does.
#[derive(Debug)]
pub struct SmtpServer {
    mails: Arc<Mutex<Vec<Mail>>>,
    hanging: Arc<AtomicBool>,
}

impl SmtpServer {
    /// Listens on `port` of 127.0.0.1 in the caller's network.
    ///
    /// # Errors
    /// When it cannot.
    pub fn start(port: u16, manners: Manners) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).context("cannot listen for mail")?;
        let server = Self { mails: Arc::default(), hanging: Arc::new(AtomicBool::new(manners == Manners::Hanging)) };
        let (mails, hanging) = (Arc::clone(&server.mails), Arc::clone(&server.hanging));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (mails, hanging) = (Arc::clone(&mails), Arc::clone(&hanging));
                std::thread::spawn(move || {
                    while hanging.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    let _ = converse(client, &mails);
                });
            }
        });
        Ok(server)
    }

    /// From now on it takes mail.
    pub fn behave(&self) {
        self.hanging.store(false, Ordering::Relaxed);
    }

    /// Every mail so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn converse(client: TcpStream, mails: &Mutex<Vec<Mail>>) -> std::io::Result<()> {
    let mut out = client.try_clone()?;
    let mut lines = BufReader::new(client).lines();
    out.write_all(b"220 test ESMTP\r\n")?;
    while let Some(line) = lines.next() {
        let answer: &[u8] = match line?.split(' ').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "DATA" => {
                out.write_all(b"354 go on\r\n")?;
                let mut text = String::new();
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    text.push_str(line.strip_prefix('.').unwrap_or(&line));
                    text.push('\n');
                }
                mails.lock().unwrap_or_else(PoisonError::into_inner).push(Mail { text });
                b"250 taken\r\n"
            }
            "QUIT" => {
                out.write_all(b"221 bye\r\n")?;
                return Ok(());
            }
            _ => b"250 fine\r\n",
        };
        out.write_all(answer)?;
    }
    Ok(())
}
