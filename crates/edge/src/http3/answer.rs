//! The answer port over HTTP/3: a HEADERS frame, DATA as flow control allows, trailers.

use super::codes::Code;
use super::frames;
use super::qpack::Encoder;
use crate::pace::{Conversation, Pace};
use crate::ports::{Answer, Head, Waiting};
use crate::reasons::Reason;
use crate::request::Length;
use crate::streams::abandonment::Ended;
use crate::streams::fields::{Mould, is_bodiless};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use quinn::SendStream;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// What is written to a stream as one frame.
const FRAME_BYTES_MAX: usize = 16 * 1024;

/// Writes one answer to one stream, and not one byte more than its length announced.
pub(super) struct Http3Answer {
    stream: SendStream,
    stage: Stage,
    is_head: bool,
    pace: Pace,
    leaving: Leaving,
    /// Where this answers a call.
    pub(super) call: Option<Conversation>,
}

/// Whether the visitor still wants the stream.
enum Leaving {
    /// Nobody has asked yet.
    Unasked,
    /// Ready once it does not.
    Asked(Pin<Box<dyn Future<Output = ()> + Send>>),
    Gone,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    /// What is still owed, where a length was announced.
    Content(Option<u64>),
    /// All was sent; nothing more is taken.
    Finished,
    /// Ended before it was whole, and before its head: the visitor did not wait for it.
    Abandoned,
}

impl Http3Answer {
    pub(super) fn new(stream: SendStream, is_head: bool) -> Self {
        Self {
            stream,
            stage: Stage::Head,
            is_head,
            pace: Pace::default(),
            leaving: Leaving::Unasked,
            call: None,
        }
    }

    /// Tells the visitor that an answer which did not finish is not whole (RFC 9114 §4.1), waits until it has all of
    /// one that did, and says whether it wanted one.
    pub(super) async fn end(mut self) -> Ended {
        let gone = self.stage == Stage::Head && {
            self.poll_gone(&mut Context::from_waker(Waker::noop())).is_ready()
        };
        match self.stage {
            Stage::Head | Stage::Content(_) => {
                // A stream that the visitor has stopped need not be reset.
                let _ = self.stream.reset(Code::InternalError.into());
            }
            // A connection that is closed loses what was not taken.
            Stage::Finished => drop(self.pace.wait(pin!(self.stream.stopped())).await),
            Stage::Abandoned => {}
        }
        if gone || self.stage == Stage::Abandoned { Ended::Abandoned } else { Ended::Answered }
    }

    /// Writes chunks one behind the other, at no less than the least rate.
    async fn write(&mut self, mut chunks: &mut [Bytes]) -> Result<(), Reason> {
        while !chunks.is_empty() {
            let waited = self.pace.wait(pin!(self.stream.write_chunks(chunks))).await;
            let written = waited.map_err(|_| Reason::VisitorSlow)?.map_err(|_| Reason::VisitorGone)?;
            self.pace.credit(written.bytes);
            chunks = &mut chunks[written.chunks..];
        }
        Ok(())
    }

    async fn section(&mut self, status: Option<StatusCode>, fields: &HeaderMap) -> Result<(), Reason> {
        let mut encoder = Encoder::new();
        if let Some(status) = status {
            encoder.line(":status", status.as_str().as_bytes());
        }
        for (name, value) in fields {
            encoder.line(name.as_str(), value.as_bytes());
        }
        self.write(&mut [frames::headers(&encoder.finish())]).await
    }

    fn finished(&mut self) -> Result<(), Reason> {
        self.stage = Stage::Finished;
        self.stream.finish().map_err(|_| Reason::VisitorGone)
    }
}

impl Waiting for Http3Answer {
    async fn informational(&mut self, status: StatusCode, fields: &HeaderMap) -> Result<(), Reason> {
        match self.stage {
            Stage::Head => self.section(Some(status), fields).await,
            Stage::Content(_) | Stage::Finished | Stage::Abandoned => Ok(()),
        }
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if matches!(self.stage, Stage::Finished | Stage::Abandoned) {
            return Poll::Pending;
        }
        if matches!(self.leaving, Leaving::Unasked) {
            let stopped = self.stream.stopped();
            self.leaving = Leaving::Asked(Box::pin(async { drop(stopped.await) }));
        }
        // Who has gone is asked again: by the exchange, and at the end.
        let gone = match &mut self.leaving {
            Leaving::Asked(leaving) => leaving.as_mut().poll(cx).is_ready(),
            Leaving::Unasked => false,
            Leaving::Gone => true,
        };
        if gone {
            self.leaving = Leaving::Gone;
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Answer for Http3Answer {
    async fn head(&mut self, head: Head<'_>) -> Result<(), Reason> {
        debug_assert_eq!(self.stage, Stage::Head, "one head per answer");
        let bodiless = is_bodiless(&head, self.is_head);
        self.call.as_ref().inspect(|call| call.begin());
        let mould = Mould { via: "3 wardmote", http3_port: None };
        let (status, fields) = mould.cast(&head);
        let sent = self.section(Some(status), &fields).await;
        self.stage = match (&sent, head.length) {
            (Err(_), _) => Stage::Abandoned,
            (Ok(()), Length::Known(length)) => Stage::Content(Some(length)),
            (Ok(()), Length::None | Length::Unknown) => Stage::Content(None),
        };
        sent?;
        if bodiless { self.finished() } else { Ok(()) }
    }

    async fn data(&mut self, mut bytes: Bytes) -> Result<(), Reason> {
        match &mut self.stage {
            Stage::Content(Some(left)) if bytes.len() as u64 > *left => return Err(Reason::OriginMalformed),
            Stage::Content(Some(left)) => *left -= bytes.len() as u64,
            Stage::Content(None) => {}
            Stage::Head | Stage::Finished | Stage::Abandoned => return Ok(()),
        }
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(FRAME_BYTES_MAX));
            self.write(&mut [frames::content_front(piece.len()), piece]).await?;
        }
        if self.stage == Stage::Content(Some(0)) { self.finished() } else { Ok(()) }
    }

    /// The connection's own loop sends what streams have handed over.
    async fn flush(&mut self) -> Result<(), Reason> {
        Ok(())
    }

    async fn finish(&mut self, trailers: Option<&HeaderMap>) -> Result<(), Reason> {
        match self.stage {
            Stage::Content(Some(_)) => Err(Reason::OriginCut),
            Stage::Content(None) => {
                if let Some(trailers) = trailers.filter(|trailers| !trailers.is_empty()) {
                    self.section(None, trailers).await?;
                }
                self.finished()
            }
            Stage::Head | Stage::Finished | Stage::Abandoned => Ok(()),
        }
    }

    fn has_begun(&self) -> bool {
        self.stage != Stage::Head
    }
}
