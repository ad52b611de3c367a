//! Words and sockets over a Unix socket (`SCM_RIGHTS`, unix(7)). Blocks; each word has its time.

use super::{STEP_TIME_MAX, Word};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use std::io::{Error, ErrorKind, IoSlice, IoSliceMut, Result};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// Whether a word did not come, or was not taken, in its time.
pub(super) fn is_late(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

/// Whether nobody is at the other end any more.
pub(super) fn is_gone(error: &Error) -> bool {
    use ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof)
}

/// Says a word, with a socket or without.
pub(super) fn say(stream: &UnixStream, word: Word, socket: Option<BorrowedFd<'_>>) -> Result<()> {
    say_within(STEP_TIME_MAX, stream, word, socket)
}

/// The same, to one who takes it within this time.
pub(super) fn say_within(
    patience: Duration,
    stream: &UnixStream,
    word: Word,
    socket: Option<BorrowedFd<'_>>,
) -> Result<()> {
    stream.set_write_timeout(Some(patience))?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let sockets: Vec<_> = socket.into_iter().collect();
    if !sockets.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&sockets)) {
        return Err(Error::other("no room for a socket"));
    }
    let bytes = word.bytes();
    match sendmsg(stream, &[IoSlice::new(&bytes)], &mut control, SendFlags::NOSIGNAL)? {
        sent if sent == bytes.len() => Ok(()),
        _ => Err(ErrorKind::WriteZero.into()),
    }
}

/// Hears a word, and the socket that came with it.
pub(super) fn hear(stream: &UnixStream, patience: Duration) -> Result<(Word, Option<OwnedFd>)> {
    stream.set_read_timeout(Some(patience))?;
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut bytes = [0; 2];
    let mut slices = [IoSliceMut::new(&mut bytes)];
    let received = recvmsg(stream.as_fd(), &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut sockets = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            sockets.extend(descriptors);
        }
    }
    if received.bytes == 0 {
        return Err(ErrorKind::UnexpectedEof.into());
    }
    // A word is written at once, so it comes at once (unix(7)).
    let word = Some(bytes).filter(|bytes| received.bytes == bytes.len()).and_then(Word::of);
    let word = word.ok_or_else(|| Error::new(ErrorKind::InvalidData, "an unknown word"))?;
    Ok((word, sockets.pop()))
}

/// Hears this word and no other.
pub(super) fn expect(stream: &UnixStream, word: Word, patience: Duration) -> Result<()> {
    match hear(stream, patience)? {
        (heard, None) if heard == word => Ok(()),
        (heard, _) => Err(Error::new(ErrorKind::InvalidData, format!("{heard:?} instead of {word:?}"))),
    }
}
