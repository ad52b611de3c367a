//! Counts the frames of a visitor as they come off the wire, before the library sees them.
//!
//! Owns finding the frames' heads (RFC 9113 §4.1) in the bytes that are read, and the budget of the connection. Must not
//! judge what the frames mean: the library does that, and `streams/abandonment.rs` the streams that are left.
//!
//! Invariants: memory does not depend on what comes; once the budget is spent not one more byte is read, so that a flood
//! costs no more than its first excess.

use crate::fingerprints::Fingerprints;
use shield::budgets::{Breach, Frame, FrameBudget, FrameLimits, FrameVerdict};
use shield::fingerprint::Opening;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;
use vocabulary::Timestamp;

/// The client's preface (RFC 9113 §3.4).
const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;
const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const PADDED: u8 = 0x8;
const DATA: u8 = 0x0;

/// What the tap has found; shared with whoever ends the connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Found {
    shared: Arc<Shared>,
    is_told: bool,
}

#[derive(Debug, Default)]
struct Shared {
    breach: OnceLock<Breach>,
    /// Streams that were answered since the tap has looked last.
    answered: AtomicU32,
}

impl Found {
    fn breach(&self) -> Option<Breach> {
        self.shared.breach.get().copied()
    }

    /// Tells the tap that a stream was answered.
    pub(super) fn is_answered(&self) {
        self.shared.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Why the connection is to end, said once; none: it goes on.
    pub(super) fn take(&mut self) -> Option<Breach> {
        let breach = self.breach().filter(|_| !self.is_told)?;
        self.is_told = true;
        Some(breach)
    }
}

/// A visitor's connection whose frames are counted.
pub(super) struct Tap<T> {
    io: T,
    /// None: nothing is counted.
    count: Option<Count>,
    found: Found,
    began: Instant,
    /// Where the fingerprint goes.
    fingerprints: Option<Arc<Fingerprints>>,
}

impl<T> Tap<T> {
    /// Around a connection that has just begun. `counts`: not those of proxies that are trusted, for whose visitors
    /// no budget of one visitor holds.
    pub(super) fn around(io: T, counts: bool, fingerprints: Option<Arc<Fingerprints>>) -> (Self, Found) {
        let found = Found::default();
        let count = counts.then(Count::begun);
        (Self { io, count, found: found.clone(), began: Instant::now(), fingerprints }, found)
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Tap<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.found.breach().is_some() {
            // Whoever ends the connection is told by the verdict, and does not wait for this.
            return Poll::Pending;
        }
        let before = into.filled().len();
        let polled = Pin::new(&mut self.io).poll_read(cx, into);
        let Self { count, found, began, fingerprints, .. } = &mut *self;
        if let (Poll::Ready(Ok(())), Some(count)) = (&polled, count) {
            let ms = i64::try_from(began.elapsed().as_millis()).unwrap_or(i64::MAX);
            count.budget.answered(found.shared.answered.swap(0, Ordering::Relaxed));
            let taken = count.take(&into.filled()[before..], Timestamp::from_millis(ms));
            if let Err(breach) = taken {
                // Set once, for nothing is read after it.
                let _ = found.shared.breach.set(breach);
            }
            if let (Some(text), Some(fingerprints)) = (count.fingerprint.take(), fingerprints) {
                fingerprints.begun_http2(text);
            }
        }
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Tap<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

/// Where in the visitor's bytes the tap is.
#[derive(Debug, Clone, Copy)]
enum Place {
    /// In a frame's head, of which so many bytes are there.
    Head { bytes: [u8; HEAD_BYTES], there: usize },
    /// Before the byte that says how long the padding of a DATA frame is.
    Padding { length: usize, ends: bool },
    /// In what follows a head: so many bytes are still to come.
    Payload { left: usize },
}

struct Count {
    budget: FrameBudget,
    place: Place,
    /// The first frames; none once they have been read.
    opening: Option<Box<Opening>>,
    /// What they came to, until it is taken.
    fingerprint: Option<String>,
}

impl Count {
    fn begun() -> Self {
        Self {
            budget: FrameBudget::new(&FrameLimits::USUAL, Timestamp::from_millis(0)),
            place: Place::Payload { left: PREFACE_BYTES },
            opening: Some(Box::default()),
            fingerprint: None,
        }
    }

    /// Takes bytes; an error where the connection is to end.
    fn take(&mut self, mut bytes: &[u8], now: Timestamp) -> Result<(), Breach> {
        while !bytes.is_empty() {
            match &mut self.place {
                Place::Payload { left } => {
                    let skipped = bytes.len().min(*left);
                    *left -= skipped;
                    let is_over = *left == 0;
                    self.opening.iter_mut().for_each(|opening| opening.add(&bytes[..skipped]));
                    bytes = &bytes[skipped..];
                    if is_over {
                        self.over();
                    }
                }
                Place::Head { bytes: head, there } => {
                    let taken = bytes.len().min(HEAD_BYTES - *there);
                    head[*there..*there + taken].copy_from_slice(&bytes[..taken]);
                    *there += taken;
                    bytes = &bytes[taken..];
                    if *there == HEAD_BYTES {
                        let head = *head;
                        self.begin(head, now)?;
                    }
                }
                Place::Padding { length, ends } => {
                    let (length, ends) = (*length, *ends);
                    let content = length.saturating_sub(1 + usize::from(bytes[0]));
                    bytes = &bytes[1..];
                    self.follow(length - 1);
                    self.data(content, ends, now)?;
                }
            }
        }
        Ok(())
    }

    fn begin(&mut self, head: [u8; HEAD_BYTES], now: Timestamp) -> Result<(), Breach> {
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let (kind, flags) = (head[3], head[4]);
        self.opening.iter_mut().for_each(|opening| opening.begin(head));
        self.follow(length);
        // RFC 9113 §6, RFC 9218 §7.1.
        let frame = match kind {
            DATA if flags & PADDED != 0 && length > 0 => {
                self.place = Place::Padding { length, ends: flags & END_STREAM != 0 };
                return Ok(());
            }
            DATA => return self.data(length, flags & END_STREAM != 0, now),
            0x1 => Frame::Headers,
            0x2 | 0x10 => Frame::Priority,
            // Which streams are left without an answer is counted where answers are known.
            0x3 => Frame::Reset { answered: true, opened: now },
            0x4 if flags & ACK == 0 => Frame::Settings,
            0x6 if flags & ACK == 0 => Frame::Ping,
            0x8 => Frame::WindowUpdate,
            0x9 => Frame::Continuation,
            _ => Frame::Other,
        };
        self.count(frame, now)
    }

    fn data(&mut self, content: usize, ends: bool, now: Timestamp) -> Result<(), Breach> {
        // A length has 24 bits.
        self.count(Frame::Data { bytes: u32::try_from(content).unwrap_or(u32::MAX), ends }, now)
    }

    fn count(&mut self, frame: Frame, now: Timestamp) -> Result<(), Breach> {
        match self.budget.count(frame, now) {
            FrameVerdict::Fine => Ok(()),
            FrameVerdict::Goaway(breach) | FrameVerdict::Calm(breach) => Err(breach),
        }
    }

    fn follow(&mut self, left: usize) {
        match left {
            0 => self.over(),
            left => self.place = Place::Payload { left },
        }
    }

    /// The frame has ended, or the preface.
    fn over(&mut self) {
        self.place = Place::Head { bytes: [0; HEAD_BYTES], there: 0 };
        if let Some(text) = self.opening.as_mut().and_then(|opening| opening.end()) {
            self.fingerprint = Some(text);
            self.opening = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("a length").to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags, 0, 0, 0, 1];
        bytes.extend_from_slice(payload);
        bytes
    }

    fn begun() -> Count {
        let mut count = Count::begun();
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
        assert_eq!(count.take(preface, Timestamp::from_millis(0)), Ok(()));
        count
    }

    /// How many of a frame are taken at once.
    fn taken(frame: &[u8]) -> usize {
        let mut count = begun();
        let mut taken = 0;
        while taken < 10_000 && count.take(frame, Timestamp::from_millis(1)).is_ok() {
            taken += 1;
        }
        taken
    }

    #[test]
    fn each_kind_of_flood_ends_at_its_own_budget() {
        for (name, frame, most) in [
            ("ping", frame(0x6, 0, &[0; 8]), 400),
            ("settings", frame(0x4, 0, &[]), 20),
            ("continuation", frame(0x9, 0, &[0; 100]), 32),
            ("reset", frame(0x3, 0, &[0; 4]), 500),
            ("empty data", frame(DATA, 0, &[]), 50),
            ("padding alone", frame(DATA, PADDED, &[7, 0, 0, 0, 0, 0, 0, 0]), 50),
            ("an acknowledgement nobody asked for", frame(0x6, ACK, &[0; 8]), 50),
            ("unknown", frame(0xfa, 0, &[1, 2, 3]), 50),
        ] {
            assert_eq!(taken(&frame), most, "{name}");
        }
        assert_eq!(taken(&frame(DATA, 0, &[0; 1000])), 10_000, "content is no flood");
        assert_eq!(taken(&frame(DATA, END_STREAM, &[])), 10_000, "an end is no flood");
    }

    #[test]
    fn frames_are_found_wherever_the_bytes_are_cut() {
        let mut all = Vec::new();
        for _ in 0..20 {
            all.extend(frame(0x6, 0, &[0; 8]));
            all.extend(frame(DATA, PADDED, &[3, 1, 2, 0, 0, 0]));
            all.extend(frame(DATA, 0, &[9; 300]));
        }
        for piece in [1, 2, 7, 9, 10, 64, all.len()] {
            let mut count = begun();
            for bytes in all.chunks(piece) {
                assert_eq!(count.take(bytes, Timestamp::from_millis(1)), Ok(()), "{piece}");
            }
            // 380 more pings, and the budget of 400 is spent, however the twenty were cut.
            let more = (0..500)
                .take_while(|_| count.take(&frame(0x6, 0, &[0; 8]), Timestamp::from_millis(1)).is_ok());
            assert_eq!(more.count(), 380, "{piece}");
        }
    }
    /// Streams that a tap takes at once, of which so many are answered as they come.
    async fn streams_taken(counts: bool, answered: u32) -> usize {
        let headers = frame(0x1, END_STREAM, &[0x82]);
        let all = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), headers.repeat(3_000)].concat();
        let (mut tap, found) = Tap::around(all.as_slice(), counts, None);
        let (mut bytes, mut read) = ([0; 1_000], 0);
        while found.breach().is_none() {
            match tokio::io::AsyncReadExt::read(&mut tap, &mut bytes).await.expect("bytes") {
                0 => break,
                more => read += more,
            }
            (0..answered).for_each(|_| found.is_answered());
        }
        read / headers.len()
    }

    #[tokio::test]
    async fn who_waits_for_its_answers_may_ask_as_often_as_it_likes_and_so_may_a_trusted_proxy() {
        let flood = streams_taken(true, 0).await;
        assert!((2_000..2_200).contains(&flood), "{flood}");
        assert!(streams_taken(true, 100).await >= 3_000);
        assert!(streams_taken(false, 0).await >= 3_000);
    }

    #[tokio::test]
    async fn nothing_is_read_behind_a_flood() {
        let pings = frame(0x6, 0, &[0; 8]).repeat(1_000);
        let all = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &pings[..]].concat();
        let (mut tap, found) = Tap::around(all.as_slice(), true, None);
        let mut bytes = [0; 100];
        while found.breach().is_none() {
            assert!(tokio::io::AsyncReadExt::read(&mut tap, &mut bytes).await.expect("bytes") > 0);
        }
        let left = tap.io.len();
        let more = tokio::io::AsyncReadExt::read(&mut tap, &mut bytes);
        let more = tokio::time::timeout(std::time::Duration::from_millis(10), more).await;
        assert!(more.is_err() && left > 0 && tap.io.len() == left, "{left} bytes were left");
    }
}
