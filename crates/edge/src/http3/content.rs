//! The content port over HTTP/3: DATA frames as they come, given back to flow control as they are taken.

use super::codes::{Code, close};
use super::frames::{Fault, Frame, TRAILER_FRAME_BYTES_MAX};
use super::qpack;
use super::reader::{Broken, Reader};
use super::section;
use crate::fields::may_trail;
use crate::http1::BODY_BYTES_MAX;
use crate::pace::Pace;
use crate::ports::{Content, Piece};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::Bytes;
use http::HeaderMap;

/// Reads one request's content off its stream, and no more of it than its length announced.
pub(super) struct Http3Content {
    reader: Reader,
    connection: quinn::Connection,
    /// What the request says its content is.
    length: Length,
    taken: u64,
    /// What the trailer has said, once it has come.
    trailers: HeaderMap,
    pace: Pace,
    is_tunnel: bool,
    /// Whether the visitor has reset the stream.
    is_reset: bool,
}

impl Http3Content {
    pub(super) fn new(reader: Reader, connection: quinn::Connection, length: Length, pace: Pace) -> Self {
        Self {
            reader,
            connection,
            length,
            taken: 0,
            trailers: HeaderMap::new(),
            pace,
            is_tunnel: false,
            is_reset: false,
        }
    }

    /// Waits for the end; `false` where something comes before it.
    pub(super) async fn is_none(&mut self) -> bool {
        matches!(self.next().await, Ok(Piece::End(_)))
    }

    /// The stream, and whether the visitor has given it up.
    pub(super) fn into_reader(self) -> (Reader, bool) {
        (self.reader, self.is_reset)
    }

    /// The next frame; at the least rate, but for a tunnel, which has a limit of its own for silence.
    async fn frame(&mut self) -> Result<Option<Frame>, Reason> {
        let arriving = self.reader.next();
        let arrived = match self.is_tunnel {
            true => arriving.await,
            false => self.pace.wait(std::pin::pin!(arriving)).await.map_err(|_| Reason::BodySlow)?,
        };
        arrived.map_err(|broken| match broken {
            Broken::Fault(Fault::Connection(code)) => {
                close(&self.connection, code);
                Reason::BodyCut
            }
            Broken::Fault(Fault::TooLarge) => Reason::TrailerTooLarge,
            Broken::Fault(Fault::Incomplete) | Broken::Lost => Reason::BodyCut,
            Broken::Reset => {
                self.is_reset = true;
                Reason::BodyCut
            }
        })
    }

    fn take(&mut self, bytes: Bytes) -> Result<Piece, Reason> {
        self.taken += bytes.len() as u64;
        if self.is_tunnel {
            return Ok(Piece::Content(bytes));
        }
        if self.length.known().is_some_and(|length| self.taken > length) {
            return Err(Reason::LengthMalformed);
        }
        if self.taken > BODY_BYTES_MAX {
            return Err(Reason::BodyTooLarge);
        }
        self.pace.credit(bytes.len());
        Ok(Piece::Content(bytes))
    }

    /// RFC 9114 §4.1.2: content is as long as its length says.
    fn end(&self, trailers: HeaderMap) -> Result<Piece, Reason> {
        match self.length.known() {
            Some(length) if length != self.taken && !self.is_tunnel => Err(Reason::LengthMalformed),
            _ => Ok(Piece::End(trailers)),
        }
    }

    fn read_trailers(&self, coded: Bytes) -> Result<HeaderMap, Reason> {
        let lines = qpack::decode(coded, TRAILER_FRAME_BYTES_MAX).map_err(|unread| match unread {
            qpack::Unread::TooLarge => Reason::TrailerTooLarge,
            qpack::Unread::Malformed => {
                close(&self.connection, Code::Decompression);
                Reason::TrailerMalformed
            }
        })?;
        let all = section::trailer(lines)?;
        let mut permitted = HeaderMap::new();
        for (name, value) in all.iter().filter(|(name, _)| may_trail(name)) {
            permitted.append(name.clone(), value.clone());
        }
        Ok(permitted)
    }
}

impl Content for Http3Content {
    async fn next(&mut self) -> Result<Piece, Reason> {
        loop {
            // Frames come in the order that their reader knows: a trailer is behind the content.
            match self.frame().await? {
                Some(Frame::Content(bytes)) => return self.take(bytes),
                // Kept until the stream has ended: what comes behind a trailer makes all of it malformed.
                Some(Frame::Trailer(coded)) => self.trailers = self.read_trailers(coded)?,
                Some(Frame::Head(_) | Frame::Settings(_) | Frame::Number(_)) => return Err(Reason::BodyCut),
                None => {
                    let trailers = std::mem::take(&mut self.trailers);
                    return self.end(trailers);
                }
            }
        }
    }

    /// What has come before the switch belongs to the stream's new protocol: there is no other on it.
    async fn become_tunnel(&mut self) -> Result<(), Reason> {
        self.is_tunnel = true;
        Ok(())
    }
}
