//! The new process: what it takes over, step by step.

use super::{LETTING_GO_TIME_MAX, SOCKETS_MAX, STEP_TIME_MAX, Word, door, wire};
use edge::Inherited;
use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;
use std::io::{Error, ErrorKind, Result};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

/// What was taken over so far. Dropping it before [`Taken::accepting`] tells the old process to go on.
#[derive(Debug)]
pub(in super::super) struct Taken {
    stream: UnixStream,
    /// Copies of the sockets that the old process listens on.
    pub(in super::super) sockets: Inherited,
}

impl Taken {
    /// Asks the process that holds the folder for its sockets. Blocks.
    pub(in super::super) fn ask(data_dir: &Path) -> Result<Self> {
        let stream = UnixStream::connect(door(data_dir))?;
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

    /// Tells the old process that visitors are served here now. It may have ended by itself.
    pub(in super::super) fn accepting(self) {
        if let Err(error) = wire::say(&self.stream, Word::Accepting, None) {
            tracing::warn!(%error, "the process before this one has ended by itself");
        }
    }
}

/// A socket that listens for TCP; what a later version may give besides is left alone.
fn listener(socket: OwnedFd) -> Result<Option<TcpListener>> {
    Ok((socket_type(&socket)? == SocketType::STREAM).then(|| TcpListener::from(socket)))
}
