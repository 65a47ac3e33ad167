//! One syslog server: its connection and its queue.

use std::io::{self, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::{Shared, SyslogError, tls};
use crate::config::SyslogOutputConfig;

/// Longest wait for a connection and for each write.
const TIMEOUT: Duration = Duration::from_secs(10);
/// Waits between two tries: first and longest.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

pub(super) struct Server {
    name: String,
    address: (String, u16),
    tls: Option<tls::Config>,
    tcp: bool,
    messages: Receiver<String>,
    shared: Arc<Shared>,
    stream: Option<Stream>,
}

enum Stream {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<tls::Stream>),
}

impl Server {
    pub(super) fn new(
        config: &SyslogOutputConfig,
        name: &str,
        messages: Receiver<String>,
        shared: Arc<Shared>,
    ) -> Result<Self, SyslogError> {
        let tls = config.tls.then(|| tls::Config::new(config)).transpose();
        let tls = tls.map_err(|reason| SyslogError::Tls { server: name.to_owned(), reason })?;
        let address = (config.server.clone(), config.port);
        Ok(Self { name: name.to_owned(), address, tls, tcp: config.tcp, messages, shared, stream: None })
    }

    /// Sends until the queue's other end is gone and it is empty.
    pub(super) fn run(&mut self) {
        while let Ok(message) = self.messages.recv() {
            let mut wait = RETRY.0;
            while let Err(error) = self.send(&message) {
                self.stream = None;
                self.failed(&error);
                if self.stops_within(wait) {
                    let lost = 1 + self.messages.len() as u64;
                    self.shared.dropped.fetch_add(lost, Ordering::Relaxed);
                    return;
                }
                wait = (wait * 2).min(RETRY.1);
            }
            self.worked();
        }
    }

    fn stops_within(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if self.shared.stopping.load(Ordering::Relaxed) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        false
    }

    fn send(&mut self, message: &str) -> io::Result<()> {
        if self.stream.as_ref().is_some_and(Stream::is_closed) {
            self.stream = None;
        }
        if self.stream.is_none() {
            self.stream = Some(self.connect()?);
        }
        let line = || format!("{message}\n");
        match &mut self.stream {
            Some(Stream::Udp(socket)) => socket.send(message.as_bytes()).map(drop),
            Some(Stream::Tcp(stream)) => stream.write_all(line().as_bytes()),
            Some(Stream::Tls(stream)) => stream.write_all(line().as_bytes()).and_then(|()| stream.flush()),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn connect(&self) -> io::Result<Stream> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "host name has no address");
        for address in (self.address.0.as_str(), self.address.1).to_socket_addrs()? {
            let stream = if self.tcp || self.tls.is_some() {
                TcpStream::connect_timeout(&address, TIMEOUT).and_then(|stream| self.prepare(stream))
            } else {
                let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                UdpSocket::bind(any).and_then(|socket| socket.connect(address).map(|()| Stream::Udp(socket)))
            };
            match stream {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn prepare(&self, stream: TcpStream) -> io::Result<Stream> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        match &self.tls {
            None => Ok(Stream::Tcp(stream)),
            Some(config) => config.connect(&self.address.0, stream).map(|stream| Stream::Tls(Box::new(stream))),
        }
    }

    fn worked(&self) {
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        let mut failing = self.shared.failing_because.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.take().is_some() {
            tracing::info!(server = %self.name, "syslog output resumed");
        }
    }

    fn failed(&self, error: &io::Error) {
        let reason = error.to_string();
        let mut failing = self.shared.failing_because.lock().unwrap_or_else(PoisonError::into_inner);
        if failing.as_ref() != Some(&reason) {
            tracing::warn!(server = %self.name, reason = %reason, "syslog server unreachable; will retry");
            *failing = Some(reason);
        }
    }
}

impl Stream {
    /// Whether the other side has hung up: the first write after that would be lost without an error.
    fn is_closed(&self) -> bool {
        let stream = match self {
            Self::Udp(_) => return false,
            Self::Tcp(stream) => stream,
            Self::Tls(stream) => stream.get_ref(),
        };
        let peeked = stream.set_nonblocking(true).and_then(|()| stream.peek(&mut [0]));
        let restored = stream.set_nonblocking(false);
        match peeked {
            Ok(count) => count == 0 || restored.is_err(),
            Err(error) => error.kind() != io::ErrorKind::WouldBlock || restored.is_err(),
        }
    }
}
