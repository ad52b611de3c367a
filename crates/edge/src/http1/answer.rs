//! The answer port over HTTP/1: heads as bytes, content sized, chunked or ended by the connection's end.

use super::lines::{write_field, write_fields, write_number};
use super::transport::{Leaving, Writable};
use super::wire::Outgoing;
use crate::ports::{Answer, Fields, Head, NAME, OwnFields, RAY_FIELD, Waiting};
use crate::reasons::Reason;
use crate::request::Length;
use crate::streams::fields::alternative;
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, StatusCode, Version};
use std::io::Write as _;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// How long a visitor that has closed its sending side may get nothing before it is taken to be gone.
pub(crate) const SILENT_TIME_MAX: Duration = Duration::from_secs(10);

/// Writes one answer, and not one byte more than its framing announced.
pub(crate) struct Http1Answer<'a, W> {
    outgoing: &'a mut Outgoing<W>,
    request: Asked,
    stage: Stage,
    /// Whether another exchange may follow on this connection.
    keep_alive: bool,
    /// Whether the process winds down.
    winding_down: &'a AtomicBool,
    /// Runs while a visitor that has closed its sending side gets nothing.
    leaving: Option<Pin<Box<Sleep>>>,
}

/// What of the request decides about the answer's framing.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) version: Version,
    pub(crate) is_head: bool,
    pub(crate) keep_alive: bool,
    /// Where the visitor may go on by HTTP/3.
    pub(crate) http3_port: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Head,
    Bodiless,
    Sized(u64),
    Chunked,
    UntilClose,
    Tunnel,
    Finished,
}

impl<'a, W: Writable> Http1Answer<'a, W> {
    pub(crate) fn new(outgoing: &'a mut Outgoing<W>, request: Asked, winding_down: &'a AtomicBool) -> Self {
        let keep_alive = request.keep_alive;
        Self { outgoing, request, stage: Stage::Head, keep_alive, winding_down, leaving: None }
    }

    /// Whether the answer went out whole.
    pub(crate) fn is_finished(&self) -> bool {
        self.stage == Stage::Finished
    }

    /// Whether the answer went out whole and the connection may carry another.
    pub(crate) fn may_continue(&self) -> bool {
        self.stage == Stage::Finished && self.keep_alive
    }

    /// Whether only the end of the connection ends the answer.
    pub(crate) fn is_until_close(&self) -> bool {
        self.stage == Stage::UntilClose
    }

    fn choose_stage(&mut self, status: StatusCode, length: Length) {
        self.stage = match (status.as_u16(), length) {
            (101, _) => Stage::Tunnel,
            (204 | 304, _) => Stage::Bodiless,
            _ if self.request.is_head => Stage::Bodiless,
            (_, Length::None) => Stage::Sized(0),
            (_, Length::Known(length)) => Stage::Sized(length),
            (_, Length::Unknown) if self.request.version == Version::HTTP_11 => Stage::Chunked,
            (_, Length::Unknown) => Stage::UntilClose,
        };
        self.keep_alive &= !matches!(self.stage, Stage::UntilClose | Stage::Tunnel);
    }

    /// Content-Length or Transfer-Encoding where the status has either (RFC 9112 §6), after the other
    /// fields.
    fn write_framing(&mut self, status: StatusCode, length: Length) {
        let out = &mut self.outgoing.buffer;
        match (status.as_u16(), length) {
            (101 | 204 | 304, _) => {}
            (_, Length::None) => out.extend_from_slice(b"content-length: 0\r\n"),
            (_, Length::Known(length)) => write_number(out, b"content-length: ", length),
            (_, Length::Unknown) if self.stage == Stage::Chunked => {
                out.extend_from_slice(b"transfer-encoding: chunked\r\n");
            }
            (_, Length::Unknown) => {}
        }
    }

    fn write_connection(&mut self) {
        let out = &mut self.outgoing.buffer;
        match (self.stage, self.keep_alive, self.request.version) {
            (Stage::Tunnel, ..) => out.extend_from_slice(b"connection: upgrade\r\n"),
            (_, false, _) => out.extend_from_slice(b"connection: close\r\n"),
            (_, true, Version::HTTP_10) => out.extend_from_slice(b"connection: keep-alive\r\n"),
            (_, true, _) => {}
        }
    }
}

impl<W: Writable> Waiting for Http1Answer<'_, W> {
    async fn informational(&mut self, status: StatusCode, fields: &HeaderMap) -> Result<(), Reason> {
        // HTTP/1.0 knows no interim answers (RFC 9110 §15.2).
        if self.request.version == Version::HTTP_10 || self.stage != Stage::Head {
            return Ok(());
        }
        let out = &mut self.outgoing.buffer;
        write_status(out, status);
        write_fields(out, fields);
        out.extend_from_slice(b"\r\n");
        self.outgoing.flush().await
    }

    /// A visitor may close its sending side and still read: it is taken to be gone only when it then gets
    /// nothing for a while.
    fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let leaving = match &mut self.leaving {
            Some(leaving) => leaving,
            None => match ready!(self.outgoing.io.poll_leaving(cx)) {
                Leaving::Gone => return Poll::Ready(()),
                Leaving::Silent => self.leaving.insert(Box::pin(sleep(SILENT_TIME_MAX))),
            },
        };
        leaving.as_mut().poll(cx)
    }
}

impl<W: Writable> Answer for Http1Answer<'_, W> {
    async fn head(&mut self, head: Head<'_>) -> Result<(), Reason> {
        debug_assert_eq!(self.stage, Stage::Head, "one head per answer");
        self.keep_alive &= !head.close && !self.winding_down.load(Ordering::Relaxed);
        self.choose_stage(head.status, head.length);
        let out = &mut self.outgoing.buffer;
        match head.fields {
            Fields::Stored(stored) => out.extend_from_slice(stored.head()),
            Fields::NotModified(stored) => out.extend_from_slice(stored.not_modified_head()),
            Fields::Map(fields) => {
                write_status(out, head.status);
                write_fields(out, fields);
                self.write_framing(head.status, head.length);
            }
        }
        if let Some(hsts) = head.hsts() {
            write_field(&mut self.outgoing.buffer, "strict-transport-security", hsts.as_bytes());
        }
        write_own(&mut self.outgoing.buffer, &head.own);
        if let Some(port) = self.request.http3_port {
            write_field(&mut self.outgoing.buffer, "alt-svc", alternative(port).as_bytes());
        }
        self.write_connection();
        self.outgoing.buffer.extend_from_slice(b"\r\n");
        Ok(())
    }

    async fn data(&mut self, bytes: Bytes) -> Result<(), Reason> {
        self.leaving = None;
        match &mut self.stage {
            Stage::Bodiless | Stage::Head | Stage::Finished => Ok(()),
            Stage::Sized(left) if bytes.len() as u64 > *left => {
                // More than was announced would be read as the next answer.
                self.stage = Stage::Head;
                self.keep_alive = false;
                Err(Reason::OriginMalformed)
            }
            Stage::Sized(left) => {
                *left -= bytes.len() as u64;
                self.outgoing.put(bytes).await
            }
            Stage::UntilClose | Stage::Tunnel => self.outgoing.put(bytes).await,
            Stage::Chunked if bytes.is_empty() => Ok(()),
            Stage::Chunked => {
                // Writing to a buffer cannot fail.
                let _ = write!((&mut self.outgoing.buffer).writer(), "{:x}\r\n", bytes.len());
                self.outgoing.put(bytes).await?;
                self.outgoing.buffer.extend_from_slice(b"\r\n");
                Ok(())
            }
        }
    }

    async fn flush(&mut self) -> Result<(), Reason> {
        self.outgoing.flush().await
    }

    /// What is held back leaves with the next answer if the next request is there already, else at once:
    /// the connection loop flushes before it waits.
    async fn finish(&mut self, trailers: Option<&HeaderMap>) -> Result<(), Reason> {
        match self.stage {
            Stage::Chunked => {
                let out = &mut self.outgoing.buffer;
                out.extend_from_slice(b"0\r\n");
                if let Some(trailers) = trailers {
                    write_fields(out, trailers);
                }
                out.extend_from_slice(b"\r\n");
            }
            // Less than was announced: only the connection's end can say so.
            Stage::Sized(left) if left > 0 => return Err(Reason::OriginCut),
            _ => {}
        }
        self.stage = Stage::Finished;
        Ok(())
    }

    fn has_begun(&self) -> bool {
        self.stage != Stage::Head
    }
}

fn write_status(out: &mut BytesMut, status: StatusCode) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_own(out: &mut BytesMut, own: &OwnFields) {
    if let Some(age) = own.age {
        write_number(out, b"age: ", age.into());
    }
    if let Some(status) = &own.cache {
        out.extend_from_slice(b"cache-status: ");
        status.each_part(|part| out.extend_from_slice(part.as_bytes()));
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"via: 1.1 ");
    out.extend_from_slice(NAME.as_bytes());
    out.extend_from_slice(b"\r\n");
    write_field(out, RAY_FIELD, &own.ray.to_ascii());
}
