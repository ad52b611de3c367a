//! The answer port over HTTP/2: a HEADERS frame, DATA as flow control allows, trailers.

use super::abandonment::Ended;
use crate::pace::Pace;
use crate::ports::{Answer, Fields, Head, NAME, OwnFields, RAY_FIELD, Waiting};
use crate::reasons::Reason;
use crate::request::Length;
use bytes::Bytes;
use h2::SendStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Version, header};
use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

const RAY: HeaderName = HeaderName::from_static(RAY_FIELD);
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const VIA: HeaderValue = HeaderValue::from_static("2 wardmote");

/// Writes one answer to one stream, and not one byte more than its length announced.
pub(crate) struct Http2Answer {
    stage: Stage,
    is_head: bool,
    pace: Pace,
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
    pub(crate) fn new(respond: SendResponse<Bytes>, is_head: bool) -> Self {
        Self { stage: Stage::Head(respond), is_head, pace: Pace::default() }
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

    fn is_bodiless(&self, status: StatusCode, length: Length) -> bool {
        self.is_head
            || matches!(status.as_u16(), 204 | 304)
            || matches!(length, Length::None | Length::Known(0))
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
        let bodiless = self.is_bodiless(head.status, head.length);
        let Stage::Head(respond) = &mut self.stage else {
            debug_assert!(false, "one head per answer");
            return Ok(());
        };
        // h2 takes an answer to a stream that was reset and drops it; here the visitor is known to have left.
        if respond.poll_reset(&mut Context::from_waker(Waker::noop())).is_ready() {
            self.stage = Stage::Broken;
            return Err(Reason::VisitorGone);
        }
        let mut response = Response::new(());
        *response.status_mut() = head.status;
        *response.version_mut() = Version::HTTP_2;
        *response.headers_mut() = fields_of(&head);
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

fn fields_of(head: &Head<'_>) -> HeaderMap {
    let mut fields = match head.fields {
        Fields::Map(fields) => fields.clone(),
        Fields::Stored(stored) => gathered(stored.fields().iter()),
        Fields::NotModified(stored) => gathered(stored.not_modified_fields()),
    };
    let has_length = !matches!(head.status.as_u16(), 204 | 304);
    match head.length {
        Length::Known(length) if has_length => {
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        Length::None if has_length => {
            fields.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        Length::Known(_) | Length::None | Length::Unknown => {}
    }
    if let Some(hsts) = head.hsts() {
        fields.insert(header::STRICT_TRANSPORT_SECURITY, hsts);
    }
    add_own(&mut fields, &head.own);
    fields
}

fn gathered<'a>(pairs: impl Iterator<Item = &'a (HeaderName, HeaderValue)>) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(16);
    for (name, value) in pairs {
        fields.append(name.clone(), value.clone());
    }
    fields
}

fn add_own(fields: &mut HeaderMap, own: &OwnFields) {
    debug_assert!(VIA.as_bytes().ends_with(NAME.as_bytes()), "one name everywhere");
    if let Some(age) = own.age {
        fields.insert(header::AGE, HeaderValue::from(age));
    }
    // Both texts are plain ASCII by construction.
    if let Some(status) = own.cache.and_then(|status| HeaderValue::try_from(status.to_string()).ok()) {
        fields.append(CACHE_STATUS, status);
    }
    fields.append(header::VIA, VIA);
    if let Ok(ray) = HeaderValue::from_bytes(&own.ray.to_ascii()) {
        fields.insert(RAY, ray);
    }
}
