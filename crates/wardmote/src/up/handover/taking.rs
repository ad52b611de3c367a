//! The new process: what it takes over, step by step.

use super::{LETTING_GO_TIME_MAX, SOCKETS_MAX, STEP_TIME_MAX, Word, door, peer_is_own, wire};
use edge::Inherited;
use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;
use std::io::{Error, ErrorKind, Result};
use std::net::{Shutdown, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// What was taken over so far. Dropping it before [`Taken::accepting`] tells the old process to go on.
#[derive(Debug)]
pub(in super::super) struct Taken {
    pub(super) stream: UnixStream,
    /// Copies of the sockets that the old process listens on.
    pub(in super::super) sockets: Inherited,
}

impl Taken {
    /// Asks the process that holds the folder for its sockets. Blocks.
    pub(in super::super) fn ask(data_dir: &Path) -> Result<Self> {
        let stream = UnixStream::connect(door(data_dir))?;
        if !peer_is_own(&stream)? {
            return Err(Error::new(ErrorKind::PermissionDenied, "it is another user's"));
        }
        wire::say(&stream, Word::Ask, None)?;
        let mut sockets = Vec::new();
        loop {
            match wire::hear(&stream, STEP_TIME_MAX)? {
                (Word::Socket, Some(socket)) if sockets.len() < SOCKETS_MAX => {
                    sockets.extend(listener(socket)?)
                }
                (Word::AllGiven, None) => break,
                (word, _) => {
                    return Err(Error::new(ErrorKind::InvalidData, format!("{word:?} out of place")));
                }
            }
        }
        Ok(Self { stream, sockets: Inherited::new(sockets) })
    }

    /// Has the old process let go of what is kept on disk. Blocks.
    pub(in super::super) fn have_it_let_go(&self) -> Result<()> {
        wire::say(&self.stream, Word::LetGo, None)?;
        wire::expect(&self.stream, Word::HasLetGo, LETTING_GO_TIME_MAX)
    }

    /// Tells the old process that visitors are served here now, and waits until it makes way. It may have ended by
    /// itself. The error says that it goes on, and that this process has to end. Blocks.
    pub(in super::super) fn accepting(self, patience: Duration) -> Result<()> {
        let told = wire::say(&self.stream, Word::Accepting, None);
        let heard = told.and_then(|()| wire::expect(&self.stream, Word::Yours, patience));
        match heard {
            Err(error) if wire::is_gone(&error) => {
                tracing::warn!("the process before this one has ended by itself");
                Ok(())
            }
            Err(error) if wire::is_late(&error) => {
                // From here on it cannot make way any more; it may just have.
                self.stream.shutdown(Shutdown::Read)?;
                wire::expect(&self.stream, Word::Yours, patience).map_err(|_| error)
            }
            heard => heard,
        }
    }
}

/// A socket that listens for TCP; what a later version may give besides is left alone.
fn listener(socket: OwnedFd) -> Result<Option<TcpListener>> {
    Ok((socket_type(&socket)? == SocketType::STREAM).then(|| TcpListener::from(socket)))
}
