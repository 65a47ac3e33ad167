//! A real SMTP server that keeps every mail: python3-aiosmtpd with a maildir.

use std::fs;
use std::process::Stdio;

use anyhow::Result;

use crate::wait;
use crate::{Host, Running};

const MAILDIR: &str = "/run/lab/mail";

/// A mail that arrived.
#[derive(Clone, Debug)]
pub struct Mail {
    /// Headers and body as they came, with `X-MailFrom` and `X-RcptTo` for the envelope.
    pub text: String,
}

impl Mail {
    /// The value of a header, continuation lines joined; empty if there is none.
    pub fn header(&self, name: &str) -> String {
        let head = self.text.split("\n\n").next().unwrap_or_default().replace("\n ", " ").replace("\n\t", " ");
        let wanted = |line: &&str| line.split_once(':').is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        let line = head.lines().find(wanted).and_then(|line| line.split_once(':'));
        line.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    }

    /// Everything after the headers, as a mail program shows it.
    pub fn body(&self) -> String {
        let body = self.text.split_once("\n\n").map_or("", |(_, body)| body);
        match self.header("Content-Transfer-Encoding").as_str() {
            "quoted-printable" => quoted_printable(body),
            _ => body.to_owned(),
        }
    }
}

/// RFC 2045: `=` and a line end join lines, `=41` is a byte.
fn quoted_printable(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('=') {
        bytes.extend_from_slice(before.as_bytes());
        let code = after.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.extend(code);
        rest = if code.is_some() { &after[2..] } else { after.strip_prefix('\n').unwrap_or(after) };
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A running mail server on 127.0.0.1:25 of a machine.
#[derive(Debug)]
pub struct MailSink<'host> {
    host: &'host Host,
    _running: Running,
}

impl<'host> MailSink<'host> {
    /// Starts the server and waits for port 25.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(host: &'host Host) -> Result<Self> {
        let mut command = host.command("/usr/bin/python3");
        command
            .args(["-m", "aiosmtpd", "--nosetuid", "--listen", "127.0.0.1:25"])
            .args(["--class", "aiosmtpd.handlers.Mailbox", MAILDIR])
            .env_remove("PYTHONHOME")
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let running = host.start("the mail server", command)?;
        host.wait_for_port(25)?;
        Ok(Self { host, _running: running })
    }

    /// Every mail so far, in the order of arrival.
    pub fn mails(&self) -> Vec<Mail> {
        let mut files: Vec<_> = fs::read_dir(self.host.path(MAILDIR).join("new"))
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect();
        files.sort();
        let read =
            |path| fs::read(path).map(|bytes| Mail { text: String::from_utf8_lossy(&bytes).replace("\r\n", "\n") });
        files.into_iter().filter_map(|path| read(path).ok()).collect()
    }

    /// Waits for at least `count` mails.
    ///
    /// # Errors
    /// When they do not come in time.
    pub fn wait_for(&self, count: usize) -> Result<Vec<Mail>> {
        wait::value(&format!("{count} mails"), wait::PATIENCE, || {
            Some(self.mails()).filter(|mails| mails.len() >= count)
        })
    }
}
