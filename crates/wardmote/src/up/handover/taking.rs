//! The new process: what it takes over, step by step.

use super::{LETTING_GO_TIME_MAX, SOCKETS_MAX, STEP_TIME_MAX, Way, Word, door, peer_is_own, wire};
use edge::{Datagrams, Inherited, Predecessor};
use std::io::{Error, ErrorKind, Result};
use std::net::{Shutdown, TcpListener, UdpSocket};
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
        let (mut listeners, mut datagrams) = (Vec::new(), Vec::new());
        loop {
            match wire::hear(&stream, STEP_TIME_MAX)? {
                _ if listeners.len() + datagrams.len() > SOCKETS_MAX => {
                    return Err(Error::other("more sockets than there can be"));
                }
                (Word::Socket, Some(socket)) => listeners.push(TcpListener::from(socket)),
                (Word::Datagrams(generation), Some(socket)) => {
                    let passage = passage(&stream)?;
                    let before = Some(Predecessor { generation, passage });
                    datagrams.push(Datagrams { socket: UdpSocket::from(socket), before });
                }
                (Word::AllGiven, None) => break,
                (word, _) => return Err(out_of_place(word)),
            }
        }
        Ok(Self { stream, sockets: Inherited::new(listeners, datagrams) })
    }

    /// Has the old process let go of what is kept on disk. Blocks.
    pub(in super::super) fn have_it_let_go(&self) -> Result<()> {
        wire::say(&self.stream, Word::LetGo, None)?;
        wire::expect(&self.stream, Word::HasLetGo, LETTING_GO_TIME_MAX)
    }

    /// Tells the old process that visitors are served here now, and waits until it makes way: from then on datagrams are
    /// read here. It may have ended by itself. The error says that it goes on, and that this process has to end. Where it
    /// is there still, the way on which it hears of measures and purges. Blocks.
    pub(in super::super) fn accepting(self, patience: Duration) -> Result<Option<Way>> {
        let told = wire::say(&self.stream, Word::Accepting, None);
        let heard = told.and_then(|()| wire::expect(&self.stream, Word::Yours, patience));
        let is_there = match heard {
            Err(error) if wire::is_gone(&error) => {
                tracing::warn!("the process before this one has ended by itself");
                false
            }
            Err(error) if wire::is_late(&error) => {
                // From here on it cannot make way any more; it may just have.
                self.stream.shutdown(Shutdown::Read)?;
                wire::expect(&self.stream, Word::Yours, patience).map_err(|_| error)?;
                true
            }
            heard => heard.map(|()| true)?,
        };
        self.sockets.begin();
        Ok(is_there.then(|| Way::new(self.stream)))
    }
}

/// What comes behind a socket for QUIC.
fn passage(stream: &UnixStream) -> Result<OwnedFd> {
    match wire::hear(stream, STEP_TIME_MAX)? {
        (Word::Passage, Some(passage)) => Ok(passage),
        (word, _) => Err(out_of_place(word)),
    }
}

fn out_of_place(word: Word) -> Error {
    Error::new(ErrorKind::InvalidData, format!("{word:?} out of place"))
}
