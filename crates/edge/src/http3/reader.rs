//! A stream's frames as they come out of the connection.

use super::codes::Code;
use super::frames::{Fault, Frame, Frames};
use bytes::Bytes;
use quinn::{ReadError, RecvStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::time::Instant;

/// What is read at once.
const PIECE_BYTES: usize = 16 * 1024;
/// Heads and trailers of one connection that have begun to come and are not whole, in bytes, all together.
pub(crate) const HELD_BYTES_MAX: usize = 1024 * 1024;

/// What all streams of a connection hold together.
pub(super) type Held = Arc<AtomicUsize>;

/// Why a stream gives nothing more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Broken {
    /// The visitor broke the rules.
    Fault(Fault),
    /// The visitor has reset the stream.
    Reset,
    /// The connection is over.
    Lost,
}

impl From<Fault> for Broken {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Reads one stream. What was read and not yet taken is kept, so a wait may be given up and begun again.
pub(super) struct Reader {
    stream: RecvStream,
    piece: Bytes,
    frames: Frames,
    held: Held,
    own_held: usize,
    /// A frame that was looked at and not taken.
    ahead: Option<Frame>,
    ended: bool,
}

impl Reader {
    pub(super) fn new(stream: RecvStream, frames: Frames, held: Held) -> Self {
        Self { stream, piece: Bytes::new(), frames, held, own_held: 0, ahead: None, ended: false }
    }

    /// The same, behind the first bytes, which were read already.
    pub(super) fn behind(mut self, piece: Bytes) -> Self {
        self.piece = piece;
        self
    }

    /// The next frame or piece of one; none at the end of the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, Broken> {
        if let Some(frame) = self.ahead.take() {
            return Ok(Some(frame));
        }
        loop {
            if let Some(frame) = self.frames.take(&mut self.piece)? {
                return Ok(Some(frame));
            }
            if self.ended {
                return Ok(None);
            }
            self.account()?;
            match self.stream.read_chunk(PIECE_BYTES, true).await {
                Ok(Some(chunk)) => {
                    self.piece = chunk.bytes;
                    self.frames.at(Instant::now());
                }
                Ok(None) => {
                    self.frames.end()?;
                    self.ended = true;
                }
                Err(ReadError::Reset(_)) => return Err(Broken::Reset),
                Err(_) => return Err(Broken::Lost),
            }
        }
    }

    /// Waits until it is known whether another frame comes; `true` at the end of the stream.
    pub(super) async fn peek_end(&mut self) -> Result<bool, Broken> {
        if self.ahead.is_none() {
            self.ahead = self.next().await?;
        }
        Ok(self.ahead.is_none())
    }

    /// Whether the end of the stream has been read.
    pub(super) fn is_ended(&self) -> bool {
        self.ended
    }

    /// Asks the visitor to send no more.
    pub(super) fn stop(&mut self, code: Code) {
        // A stream that has ended need not be stopped.
        let _ = self.stream.stop(code.into());
    }

    /// Takes its part of what the connection may hold; told of a stream that is waited for only.
    fn account(&mut self) -> Result<(), Fault> {
        let now = self.frames.held();
        let before = std::mem::replace(&mut self.own_held, now);
        let all = match now >= before {
            true => self.held.fetch_add(now - before, Ordering::Relaxed) + (now - before),
            false => self.held.fetch_sub(before - now, Ordering::Relaxed) - (before - now),
        };
        if all > HELD_BYTES_MAX { Err(Fault::Connection(Code::ExcessiveLoad)) } else { Ok(()) }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.held.fetch_sub(self.own_held, Ordering::Relaxed);
    }
}
