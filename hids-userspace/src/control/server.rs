//! `hidsd`'s side: accepts, reads one line, asks the daemon, answers one line.

use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::{Reply, Request};

/// Longest request that is read.
pub(crate) const MAX_REQUEST_BYTES: u64 = 64 * 1024;

/// Requests that are answered at one time; more wait for their turn.
const MAX_ANSWERS: usize = 16;
/// The same for `status`, which is answered whatever else is asked.
const MAX_STATUS_ANSWERS: usize = 4;
/// Clients that have connected and asked nothing yet. The one that came first is sent away for one more, so
/// that connections without a request keep nobody out.
const MAX_SILENT: usize = 32;
/// Connections at one time, those that wait for their answer included; more wait in the listen queue.
const MAX_CONNECTIONS: usize = 256;

/// How long a client may take to ask.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Answers one request.
pub(crate) trait Answer: Send + Sync + 'static {
    /// The answer to `request`.
    fn answer(&self, request: Request) -> impl Future<Output = Reply> + Send;
}

/// Why the socket could not be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ControlError {
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
pub(crate) async fn serve(run: &Path, daemon: Arc<impl Answer>) -> Result<(), ControlError> {
    let socket = run.join("control.sock");
    let listener = listen(&socket).map_err(|source| ControlError::Listen { socket, source })?;
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let places = Arc::new(Places::default());
    let mut silent = VecDeque::new();
    loop {
        // The semaphore is never closed.
        let Ok(connection) = Arc::clone(&connections).acquire_owned().await else { return Ok(()) };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (daemon, places) = (Arc::clone(&daemon), Arc::clone(&places));
                let asked = Arc::new(AtomicBool::new(false));
                let has_asked = Arc::clone(&asked);
                let task = tokio::spawn(async move {
                    if let Err(error) = converse(stream, &*daemon, &places, &has_asked).await {
                        tracing::debug!(%error, "control connection aborted");
                    }
                    drop(connection);
                });
                silent.push_back(Silent { task: task.abort_handle(), asked });
                make_room(&mut silent);
                // The new client's request may be here already: it is read before anybody is sent away for
                // the next one.
                tokio::task::yield_now().await;
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept connections on the control socket; retrying in one second");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// A client that had asked nothing when it was looked at last.
struct Silent {
    task: AbortHandle,
    asked: Arc<AtomicBool>,
}

/// Requests that are being answered.
struct Places {
    status: Semaphore,
    other: Semaphore,
}

impl Default for Places {
    fn default() -> Self {
        Self { status: Semaphore::new(MAX_STATUS_ANSWERS), other: Semaphore::new(MAX_ANSWERS) }
    }
}

/// Forgets those that have asked or gone, and sends the oldest away when there are still too many.
fn make_room(silent: &mut VecDeque<Silent>) {
    silent.retain(|client| !client.asked.load(Ordering::Relaxed) && !client.task.is_finished());
    while silent.len() > MAX_SILENT {
        silent.pop_front().into_iter().for_each(|oldest| oldest.task.abort());
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

async fn converse(stream: UnixStream, daemon: &impl Answer, places: &Places, asked: &AtomicBool) -> io::Result<()> {
    let peer = stream.peer_cred().ok().and_then(|peer| u32::try_from(peer.pid()?).ok());
    let (reader, mut writer) = stream.into_split();
    let mut line = Vec::new();
    let mut reader = BufReader::new(reader.take(MAX_REQUEST_BYTES));
    tokio::time::timeout(REQUEST_TIMEOUT, reader.read_until(b'\n', &mut line)).await??;
    asked.store(true, Ordering::Relaxed);
    let reply = match serde_json::from_slice::<Request>(&line) {
        Ok(mut request) => {
            if let Request::Fim(request) = &mut request {
                request.came_from(peer);
            }
            let places = if request == Request::Status { &places.status } else { &places.other };
            // The semaphores are never closed.
            let _place = places.acquire().await;
            daemon.answer(request).await
        }
        Err(error) => Reply::Refused(format!("unknown request: {error}")),
    };
    let mut answer = serde_json::to_vec(&reply)?;
    answer.push(b'\n');
    writer.write_all(&answer).await?;
    writer.shutdown().await
}
