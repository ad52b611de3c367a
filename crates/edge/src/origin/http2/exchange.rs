//! One exchange on one stream of a connection that others use as well.
//!
//! Offers what an HTTP/1.1 connection offers for its one exchange. Dropped before its end, it resets the stream: the
//! origin learns that nobody wants the answer, and never takes a part of a request for the whole.

use super::head;
use super::unanswered;
use super::vitals::Slot;
use super::windows::{Width, Window};
use crate::origin::answer::{AnswerHead, Asked, Framing};
use crate::ports::Piece;
use crate::reasons::Reason;
use crate::request::Length;
use crate::timer::Timer;
use bytes::{Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use h2::{RecvStream, SendStream};
use http::HeaderMap;
use snapshot::Scheme;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// A place on a connection, and how far the exchange in it has come.
pub(crate) struct Http2Exchange {
    requests: SendRequest<Bytes>,
    slot: Slot,
    scheme: Scheme,
    sending: Sending,
    receiving: Receiving,
    pub(in crate::origin) timer: Timer,
    /// Given back last, when nothing of the answer is held any more.
    window: Window,
}

/// The request's content on its way up.
#[derive(Default)]
struct Sending {
    /// The stream, until the request is whole or the origin takes no more.
    stream: Option<SendStream<Bytes>>,
    held: Bytes,
    /// What is still owed, where a length was announced.
    left: Option<u64>,
    /// The trailers, once all content is here.
    end: Option<HeaderMap>,
    written: u64,
}

/// The answer on its way down.
enum Receiving {
    /// Nothing is asked, or the answer has come whole.
    Nothing,
    /// It could not be asked.
    Unasked(Reason),
    Head {
        response: ResponseFuture,
        asked: Asked,
    },
    Content(RecvStream),
    Lost,
}

impl Http2Exchange {
    pub(super) fn new(requests: SendRequest<Bytes>, (slot, window): (Slot, Window), scheme: Scheme) -> Self {
        let (sending, receiving, timer) = (Sending::default(), Receiving::Nothing, Timer::default());
        Self { requests, slot, scheme, sending, receiving, timer, window }
    }

    /// How wide its answer's window is.
    pub(crate) fn width(&self) -> Width {
        self.window.width()
    }

    /// Begins the exchange: `write` writes the request as HTTP/1.1 would have it.
    pub(crate) fn begin(&mut self, asked: Asked, length: Length, write: impl FnOnce(&mut BytesMut)) {
        let mut text = BytesMut::new();
        write(&mut text);
        text.extend_from_slice(b"\r\n");
        self.receiving = match self.ask(&text.freeze(), asked, length) {
            Ok(receiving) => receiving,
            Err(reason) => Receiving::Unasked(reason),
        };
    }

    fn ask(&mut self, text: &Bytes, asked: Asked, length: Length) -> Result<Receiving, Reason> {
        let request = head::request(text, self.scheme).ok_or(Reason::OriginSettings)?;
        let alone = length == Length::None;
        let (response, stream) =
            self.requests.send_request(request, alone).map_err(|error| unanswered(&error))?;
        self.slot.vitals.asks();
        if !alone {
            let left = if let Length::Known(length) = length { Some(length) } else { None };
            self.sending = Sending { stream: Some(stream), left, ..Sending::default() };
        }
        Ok(Receiving::Head { response, asked })
    }

    /// Whether a piece of content can be taken.
    pub(crate) fn has_room(&self) -> bool {
        self.sending.held.is_empty() && self.sending.end.is_none()
    }

    /// Takes a piece of the request's content. Only where there [is room](Self::has_room).
    pub(crate) fn put(&mut self, piece: Piece) -> Result<(), Reason> {
        self.sending.put(piece)
    }

    /// Whether nothing that was put still waits for the origin's windows.
    pub(crate) fn is_drained(&self) -> bool {
        self.has_room()
    }

    /// Bytes of content handed to the connection.
    pub(crate) fn written(&self) -> u64 {
        self.sending.written
    }

    /// Hands over what is held, as far as the origin's windows let it.
    pub(crate) fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.sending.poll(cx)
    }

    /// The next head of the answer; its framing tells whether it is an interim one.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Result<AnswerHead, Reason>> {
        let _ = self.poll_send(cx);
        let head = match &mut self.receiving {
            Receiving::Head { response, asked } => ready!(poll_head(response, *asked, cx)),
            Receiving::Unasked(reason) => Err(*reason),
            Receiving::Nothing | Receiving::Content(_) | Receiving::Lost => Err(Reason::Internal),
        };
        Poll::Ready(match head {
            Ok((head, Some(stream))) => {
                let whole = matches!(head.framing, Framing::Bodiless(_) | Framing::Sized(0));
                self.receiving = if whole { Receiving::Nothing } else { Receiving::Content(stream) };
                Ok(head)
            }
            Ok((head, None)) => Ok(head),
            Err(reason) => Err(self.lose(reason)),
        })
    }

    /// Whether the answer has come whole.
    pub(crate) fn is_whole(&self) -> bool {
        match &self.receiving {
            Receiving::Nothing => true,
            Receiving::Content(stream) => stream.is_end_stream(),
            Receiving::Unasked(_) | Receiving::Head { .. } | Receiving::Lost => false,
        }
    }

    /// The next piece of the answer's content.
    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Result<Piece, Reason>> {
        let _ = self.poll_send(cx);
        let piece = match &mut self.receiving {
            Receiving::Nothing => return Poll::Ready(Ok(Piece::End(HeaderMap::new()))),
            Receiving::Content(stream) => ready!(poll_piece(stream, cx)),
            Receiving::Unasked(_) | Receiving::Head { .. } | Receiving::Lost => Err(Reason::Internal),
        };
        Poll::Ready(match piece {
            Ok(Piece::End(trailers)) => {
                self.receiving = Receiving::Nothing;
                Ok(Piece::End(trailers))
            }
            Ok(piece) => Ok(piece),
            Err(reason) => Err(self.lose(reason)),
        })
    }

    fn lose(&mut self, reason: Reason) -> Reason {
        self.receiving = Receiving::Lost;
        reason
    }
}

/// A head, and the stream of its content where it is the last one.
type Headed = (AnswerHead, Option<RecvStream>);

fn poll_head(
    response: &mut ResponseFuture,
    asked: Asked,
    cx: &mut Context<'_>,
) -> Poll<Result<Headed, Reason>> {
    match response.poll_informational(cx) {
        Poll::Ready(Some(Ok(interim))) => {
            let head = head::interim(interim.into_parts().0).ok_or(Reason::OriginMalformed)?;
            return Poll::Ready(Ok((head, None)));
        }
        Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(unanswered(&error))),
        Poll::Ready(None) | Poll::Pending => {}
    }
    let response = ready!(Pin::new(response).poll(cx)).map_err(|error| unanswered(&error))?;
    let (parts, stream) = response.into_parts();
    let head = head::answer(parts, stream.is_end_stream(), asked).ok_or(Reason::OriginMalformed)?;
    Poll::Ready(Ok((head, Some(stream))))
}

fn poll_piece(stream: &mut RecvStream, cx: &mut Context<'_>) -> Poll<Result<Piece, Reason>> {
    loop {
        match ready!(stream.poll_data(cx)) {
            Some(Ok(bytes)) if bytes.is_empty() => {}
            Some(Ok(bytes)) => {
                // Only what is taken makes room for more: a visitor that reads slowly is waited for.
                stream.flow_control().release_capacity(bytes.len()).map_err(|_| Reason::OriginCut)?;
                return Poll::Ready(Ok(Piece::Content(bytes)));
            }
            // Content that is shorter or longer than was announced ends in this way too.
            Some(Err(_)) => return Poll::Ready(Err(Reason::OriginCut)),
            None => {
                let trailers = ready!(stream.poll_trailers(cx)).map_err(|_| Reason::OriginCut)?;
                let trailers = head::trailers(trailers.unwrap_or_default()).ok_or(Reason::OriginCut)?;
                return Poll::Ready(Ok(Piece::End(trailers)));
            }
        }
    }
}

impl Sending {
    fn put(&mut self, piece: Piece) -> Result<(), Reason> {
        match piece {
            Piece::Content(bytes) => {
                if let Some(left) = &mut self.left {
                    *left = left.checked_sub(bytes.len() as u64).ok_or(Reason::BodyTooLarge)?;
                }
                self.held = bytes;
            }
            Piece::End(_) if self.left.is_some_and(|left| left > 0) => return Err(Reason::BodyCut),
            Piece::End(trailers) => self.end = Some(trailers),
        }
        if self.stream.is_none() {
            self.refuse();
        }
        Ok(())
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(stream) = &mut self.stream else { return Poll::Ready(()) };
        while !self.held.is_empty() {
            stream.reserve_capacity(self.held.len());
            let room = match stream.capacity() {
                0 => match ready!(stream.poll_capacity(cx)) {
                    Some(Ok(room)) => room,
                    Some(Err(_)) | None => {
                        self.refuse();
                        return Poll::Ready(());
                    }
                },
                room => room,
            };
            let piece = self.held.split_to(room.min(self.held.len()));
            self.written += piece.len() as u64;
            if stream.send_data(piece, false).is_err() {
                self.refuse();
                return Poll::Ready(());
            }
        }
        if let Some(trailers) = self.end.take() {
            // An origin that takes no more has nothing to be told.
            let _ = match trailers.is_empty() {
                true => stream.send_data(Bytes::new(), true),
                false => stream.send_trailers(trailers),
            };
            self.stream = None;
        }
        Poll::Ready(())
    }

    /// An origin may answer before it has taken everything (RFC 9113 §8.1): its answer is read all the same.
    fn refuse(&mut self) {
        (self.stream, self.held, self.end) = (None, Bytes::new(), None);
    }
}

impl Drop for Http2Exchange {
    fn drop(&mut self) {
        if let Some(stream) = &mut self.sending.stream {
            stream.send_reset(h2::Reason::CANCEL);
        }
    }
}
