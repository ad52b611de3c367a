//! The old process: the door, and the way through it.

use super::{LETTING_GO_TIME_MAX, START_TIME_MAX, STEP_TIME_MAX, Word, door, wire};
use std::fs::Permissions;
use std::io::{self, Result};
use std::net::TcpListener;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::task::spawn_blocking;

/// How long the door rests after a failure.
const REST: Duration = Duration::from_secs(1);

/// Where a later process asks. Gone with its value.
#[derive(Debug)]
pub(in super::super) struct Door {
    listener: UnixListener,
    path: PathBuf,
}

impl Door {
    /// Opens the door. Call it while holding the data folder: what lies in its place is an earlier process's.
    pub(in super::super) fn open(data_dir: &Path) -> Result<Self> {
        let path = door(data_dir);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        // The folder is its owner's alone already.
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        Ok(Self { listener, path })
    }

    /// Waits for a process that wants to take over. Processes of other users are sent away.
    pub(in super::super) async fn taker(&self) -> Taker {
        loop {
            match self.accepted().await {
                Ok(Some(taker)) => return taker,
                Ok(None) => tracing::warn!("another user's process may not take over"),
                Err(error) => {
                    tracing::warn!(%error, "who wants to take over cannot be heard");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    async fn accepted(&self) -> Result<Option<Taker>> {
        let (stream, _) = self.listener.accept().await?;
        let own = stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw();
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        Ok(own.then_some(Taker { stream }))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        // One that stays is removed by the next process.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A process that wants to take over.
#[derive(Debug)]
pub(in super::super) struct Taker {
    stream: UnixStream,
}

impl Taker {
    /// Gives it the sockets, and waits until it wants the rest.
    pub(in super::super) async fn give(self, sockets: Vec<TcpListener>) -> Result<Self> {
        self.blocking(move |stream| {
            wire::expect(stream, Word::Ask, STEP_TIME_MAX)?;
            for socket in &sockets {
                wire::say(stream, Word::Socket, Some(socket.as_fd()))?;
            }
            wire::say(stream, Word::AllGiven, None)?;
            wire::expect(stream, Word::LetGo, LETTING_GO_TIME_MAX)
        })
        .await
    }

    /// Tells it that all is its own now, and waits until it accepts. The error says that it does not.
    pub(in super::super) async fn take_it(self) -> Result<Self> {
        self.blocking(|stream| {
            wire::say(stream, Word::HasLetGo, None)?;
            wire::expect(stream, Word::Accepting, START_TIME_MAX)
        })
        .await
    }

    async fn blocking(self, step: impl FnOnce(&UnixStream) -> Result<()> + Send + 'static) -> Result<Self> {
        let done = spawn_blocking(move || step(&self.stream).map(|()| self));
        done.await.map_err(io::Error::other)?
    }
}
