//! The answer port over HTTP/2: a HEADERS frame, DATA as flow control allows, trailers.

use crate::pace::{Conversation, Pace};
use crate::ports::{Answer, Head, Waiting};
use crate::reasons::Reason;
use crate::request::Length;
use crate::streams::abandonment::Ended;
use crate::streams::fields::{Mould, is_bodiless};
use bytes::Bytes;
use h2::SendStream;
use h2::server::SendResponse;
use http::{HeaderMap, Response, StatusCode, Version};
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

/// Writes one answer to one stream, and not one byte more than its length announced.
pub(crate) struct Http2Answer {
    stage: Stage,
    is_head: bool,
    /// Where the visitor may go on by HTTP/3.
    http3_port: Option<u16>,
    pace: Pace,
    /// Where this answers a call.
    pub(super) call: Option<Conversation>,
}

enum Stage {
    Head(SendResponse<Bytes>),
    /// `left`: what is still owed, where a length was announced.
    Content {
        stream: SendStream<Bytes>,
        left: Option<u64>,
    },
    /// All was sent; nothing more is taken.
    Finished,
    /// Ended before it was whole.
    Broken,
}

impl Http2Answer {
    pub(crate) fn new(respond: SendResponse<Bytes>, is_head: bool, http3_port: Option<u16>) -> Self {
        Self { stage: Stage::Head(respond), is_head, http3_port, pace: Pace::default(), call: None }
    }

    /// Tells the visitor that an answer which did not finish is not whole (RFC 9113 §8.1); says whether it
    /// wanted one.
    pub(crate) fn end(self) -> Ended {
        match self.stage {
            Stage::Head(mut respond) => {
                let gone = respond.poll_reset(&mut Context::from_waker(Waker::noop())).is_ready();
                respond.send_reset(h2::Reason::INTERNAL_ERROR);
                if gone { Ended::Abandoned } else { Ended::Answered }
            }
            Stage::Content { mut stream, .. } => {
                stream.send_reset(h2::Reason::INTERNAL_ERROR);
                Ended::Answered
            }
            Stage::Finished => Ended::Answered,
            Stage::Broken => Ended::Abandoned,
        }
    }

    async fn send(&mut self, mut bytes: Bytes) -> Result<(), Reason> {
        let Stage::Content { stream, left } = &mut self.stage else {
            return Ok(());
        };
        while !bytes.is_empty() {
            stream.reserve_capacity(bytes.len());
            let room = match stream.capacity() {
                0 => {
                    let waited = self.pace.wait(poll_fn(|cx| stream.poll_capacity(cx))).await;
                    match waited.map_err(|_| Reason::VisitorSlow)? {
                        Some(Ok(room)) => room,
                        Some(Err(_)) | None => return Err(Reason::VisitorGone),
                    }
                }
                room => room,
            };
            let piece = bytes.split_to(room.min(bytes.len()));
            self.pace.credit(piece.len());
            let last = left.as_mut().is_some_and(|left| {
                *left -= piece.len() as u64;
                *left == 0
            });
            stream.send_data(piece, last).map_err(|_| Reason::VisitorGone)?;
            if last {
                self.stage = Stage::Finished;
                return Ok(());
            }
        }
        Ok(())
    }
}

impl Waiting for Http2Answer {
    async fn informational(&mut self, status: StatusCode, fields: &HeaderMap) -> Result<(), Reason> {
        let Stage::Head(respond) = &mut self.stage else {
            return Ok(());
        };
        let mut interim = Response::new(());
        *interim.status_mut() = status;
        *interim.headers_mut() = fields.clone();
        respond.send_informational(interim).map_err(|_| Reason::VisitorGone)
    }

    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.stage {
            Stage::Head(respond) => respond.poll_reset(cx).map(|_| ()),
            Stage::Content { stream, .. } => stream.poll_reset(cx).map(|_| ()),
            Stage::Finished | Stage::Broken => Poll::Pending,
        }
    }
}

impl Answer for Http2Answer {
    async fn head(&mut self, head: Head<'_>) -> Result<(), Reason> {
        let bodiless = is_bodiless(&head, self.is_head);
        let Stage::Head(respond) = &mut self.stage else {
            debug_assert!(false, "one head per answer");
            return Ok(());
        };
        // h2 takes an answer to a stream that was reset and drops it; here the visitor is known to have left.
        if respond.poll_reset(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.stage = Stage::Broken;
            return Err(Reason::VisitorGone);
        }
        self.call.as_ref().inspect(|call| call.begin());
        let mould = Mould { via: "2 wardmote", http3_port: self.http3_port };
        let (status, fields) = mould.cast(&head);
        let mut response = Response::new(());
        *response.status_mut() = status;
        *response.version_mut() = Version::HTTP_2;
        *response.headers_mut() = fields;
        match respond.send_response(response, bodiless) {
            Ok(_) if bodiless => self.stage = Stage::Finished,
            Ok(stream) => {
                let left = if let Length::Known(length) = head.length { Some(length) } else { None };
                self.stage = Stage::Content { stream, left };
            }
            Err(_) => {
                self.stage = Stage::Broken;
                return Err(Reason::VisitorGone);
            }
        }
        Ok(())
    }

    async fn data(&mut self, bytes: Bytes) -> Result<(), Reason> {
        if let Stage::Content { left: Some(left), .. } = &self.stage
            && bytes.len() as u64 > *left
        {
            return Err(Reason::OriginMalformed);
        }
        self.send(bytes).await
    }

    /// The connection's own loop sends what streams have handed over.
    async fn flush(&mut self) -> Result<(), Reason> {
        Ok(())
    }

    async fn finish(&mut self, trailers: Option<&HeaderMap>) -> Result<(), Reason> {
        match &mut self.stage {
            Stage::Content { left: Some(_), .. } => return Err(Reason::OriginCut),
            Stage::Content { stream, left: None } => {
                let sent = match trailers.filter(|trailers| !trailers.is_empty()) {
                    Some(trailers) => stream.send_trailers(trailers.clone()),
                    None => stream.send_data(Bytes::new(), true),
                };
                sent.map_err(|_| Reason::VisitorGone)?;
                self.stage = Stage::Finished;
            }
            Stage::Head(_) | Stage::Finished | Stage::Broken => {}
        }
        Ok(())
    }

    fn has_begun(&self) -> bool {
        !matches!(self.stage, Stage::Head(_))
    }
}
