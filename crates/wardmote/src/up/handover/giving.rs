//! The old process: the door, and the way through it.

use super::{LETTING_GO_TIME_MAX, STEP_TIME_MAX, Way, Word, door, peer_is_own, wire};
use edge::{Datagrams, Predecessor};
use rustix::net::sockopt::socket_peercred;
use rustix::process::{PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};
use std::fs::Permissions;
use std::io::{self, Result};
use std::net::{Shutdown, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
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
    /// The file that was made: another one in its place is another process's.
    file: FileId,
}

/// Device and number of a file.
type FileId = (u64, u64);

fn file_id(path: &Path) -> Result<FileId> {
    let found = std::fs::symlink_metadata(path)?;
    Ok((found.dev(), found.ino()))
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
        let file = file_id(&path)?;
        Ok(Self { listener, path, file })
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
        let stream = stream.into_std()?;
        stream.set_nonblocking(false)?;
        if !peer_is_own(&stream)? {
            return Ok(None);
        }
        let process = process_of(&stream)?;
        Ok(Some(Taker { stream, process }))
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        if file_id(&self.path).is_ok_and(|file| file == self.file) {
            // One that stays is removed by the next process.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The process at the other end; none where that is this one. Held while it runs, so that its number cannot become
/// another's.
fn process_of(stream: &UnixStream) -> Result<Option<OwnedFd>> {
    let pid = socket_peercred(stream)?.pid;
    if pid == getpid() {
        return Ok(None);
    }
    Ok(Some(pidfd_open(pid, PidfdFlags::empty())?))
}

/// A process that wants to take over.
#[derive(Debug)]
pub(in super::super) struct Taker {
    stream: UnixStream,
    process: Option<OwnedFd>,
}

impl Taker {
    /// Gives it the sockets, and waits until it wants the rest.
    pub(in super::super) async fn give(
        self,
        listeners: Vec<TcpListener>,
        datagrams: Vec<Datagrams>,
    ) -> Result<Self> {
        self.blocking(move |taker| {
            let stream = &taker.stream;
            wire::expect(stream, Word::Ask, STEP_TIME_MAX)?;
            for socket in &listeners {
                wire::say(stream, Word::Socket, Some(socket.as_fd()))?;
            }
            for Datagrams { socket, before } in &datagrams {
                let Some(Predecessor { generation, passage }) = before else { continue };
                wire::say(stream, Word::Datagrams(*generation), Some(socket.as_fd()))?;
                wire::say(stream, Word::Passage, Some(passage.as_fd()))?;
            }
            wire::say(stream, Word::AllGiven, None)?;
            wire::expect(stream, Word::LetGo, LETTING_GO_TIME_MAX)
        })
        .await
    }

    /// Tells it that all is its own now, and waits until it accepts. The error says that it does not, and that it runs
    /// no longer.
    pub(in super::super) async fn take_it(self, patience: Duration) -> Result<Self> {
        self.blocking(move |taker| {
            let started =
                wire::say(&taker.stream, Word::HasLetGo, None).and_then(|()| taker.hear_it(patience));
            started.inspect_err(|_| taker.end())
        })
        .await
    }

    /// Tells it that this process makes way for it. The error says that it has ended meanwhile.
    pub(in super::super) async fn make_way(self) -> Result<Way> {
        let told =
            self.blocking(|taker| wire::say(&taker.stream, Word::Yours, None).inspect_err(|_| taker.end()));
        told.await.map(|taker| Way::new(taker.stream))
    }

    /// Waits until it accepts. When the time is over nothing more can be said here: whether it came in time is then
    /// decided, for both.
    fn hear_it(&self, patience: Duration) -> Result<()> {
        let heard = wire::expect(&self.stream, Word::Accepting, patience);
        match heard {
            Err(error) if wire::is_late(&error) => {
                self.stream.shutdown(Shutdown::Read)?;
                wire::expect(&self.stream, Word::Accepting, STEP_TIME_MAX).map_err(|_| error)
            }
            heard => heard,
        }
    }

    /// Ends it: it may hold what is kept on disk, and a process that does not answer cannot be asked.
    fn end(&self) {
        if let Some(process) = &self.process
            && let Ok(()) = pidfd_send_signal(process, Signal::KILL)
        {
            tracing::warn!("the process that was to take over was ended");
        }
    }

    async fn blocking(self, step: impl FnOnce(&Self) -> Result<()> + Send + 'static) -> Result<Self> {
        let done = spawn_blocking(move || step(&self).map(|()| self));
        done.await.map_err(io::Error::other)?
    }
}
