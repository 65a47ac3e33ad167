//! `hidsd`'s side: accepts, reads one line, asks the daemon, answers one line.

use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;

use super::{Reply, Request};

/// Longest request that is read.
pub const MAX_REQUEST_BYTES: u64 = 64 * 1024;

/// Conversations at one time; more wait in the listen queue.
const MAX_CONVERSATIONS: usize = 16;

/// How long a client may take to ask.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers one request.
pub trait Answer: Send + Sync + 'static {
    /// The answer to `request`.
    fn answer(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// Why the socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// Making or protecting it failed.
    #[error("cannot listen on {}", socket.display())]
    Listen {
        /// The socket.
        socket: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Listens on `control.sock` in the run directory and answers for ever.
///
/// A socket left over from a daemon that was killed is replaced: the caller holds the lock that
/// keeps a second daemon away.
pub async fn serve(run: &Path, daemon: Arc<impl Answer>) -> Result<(), ControlError> {
    let socket = run.join("control.sock");
    let listener = listen(&socket).map_err(|source| ControlError::Listen { socket, source })?;
    let places = Arc::new(Semaphore::new(MAX_CONVERSATIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((stream, _)) => {
                let daemon = Arc::clone(&daemon);
                tokio::spawn(async move {
                    if let Err(error) = converse(stream, &*daemon).await {
                        tracing::debug!(%error, "control conversation broke off");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept on the control socket; trying again in a second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

fn listen(socket: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Made under a name nobody knows and protected before it gets its own, so that there is no
    // moment at which others could connect.
    let hidden = socket.with_extension("new");
    let _ = std::fs::remove_file(&hidden);
    let listener = UnixListener::bind(&hidden)?;
    std::fs::set_permissions(&hidden, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&hidden, socket)?;
    Ok(listener)
}

async fn converse(stream: UnixStream, daemon: &impl Answer) -> io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(MAX_REQUEST_BYTES));
    tokio::time::timeout(REQUEST_TIMEOUT, reader.read_until(b'\n', &mut line)).await??;
    let reply = match serde_json::from_slice::<Request>(&line) {
        Ok(request) => daemon.answer(request).await,
        Err(error) => Reply::Refused(format!("not a request that this hidsd knows: {error}")),
    };
    let mut answer = serde_json::to_vec(&reply)?;
    answer.push(b'\n');
    writer.write_all(&answer).await?;
    writer.shutdown().await
}
