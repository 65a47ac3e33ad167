//! `hidsctl`'s side.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Reply, Request};

/// How long an answer may take; a reload compiles all rules.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A connection to the daemon.
#[derive(Debug)]
pub(crate) struct Client {
    stream: UnixStream,
}

/// Why the daemon could not be asked, or what it refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// Nobody listens on the socket.
    #[error("hidsd is not running: no daemon at {} (start it with `systemctl start hidsd`)", socket.display())]
    NotRunning {
        /// The socket.
        socket: PathBuf,
    },
    /// The socket is there but cannot be used.
    #[error("cannot connect to {}", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The conversation broke off.
    #[error("no response from hidsd")]
    Exchange(#[source] io::Error),
    /// The answer is no JSON of ours: another version of the daemon.
    #[error("unexpected response from hidsd (version mismatch?)")]
    Malformed(#[source] serde_json::Error),
    /// The daemon said no.
    #[error("{0}")]
    Refused(String),
}

impl Client {
    /// Connects to the daemon whose run directory is `run`.
    pub(crate) fn connect(run: &Path) -> Result<Self, ClientError> {
        let socket = run.join("control.sock");
        let stream = UnixStream::connect(&socket).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                ClientError::NotRunning { socket: socket.clone() }
            }
            _ => ClientError::Connect { socket: socket.clone(), source },
        })?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT)).map_err(ClientError::Exchange)?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT)).map_err(ClientError::Exchange)?;
        Ok(Self { stream })
    }

    /// Waits so long for answers.
    pub(crate) fn with_patience(self, patience: Duration) -> Result<Self, ClientError> {
        self.stream.set_read_timeout(Some(patience)).map_err(ClientError::Exchange)?;
        Ok(self)
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, request: &Request) -> Result<serde_json::Value, ClientError> {
        let mut line = serde_json::to_vec(request).map_err(ClientError::Malformed)?;
        line.push(b'\n');
        self.stream.write_all(&line).map_err(ClientError::Exchange)?;
        let mut answer = Vec::new();
        BufReader::new(&self.stream).read_until(b'\n', &mut answer).map_err(ClientError::Exchange)?;
        if answer.is_empty() {
            return Err(ClientError::Exchange(io::ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_slice(&answer).map_err(ClientError::Malformed)? {
            Reply::Ok(value) => Ok(value),
            Reply::Refused(why) => Err(ClientError::Refused(why)),
        }
    }
}
