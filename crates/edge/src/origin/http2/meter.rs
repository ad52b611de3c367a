//! Frames counted as they come in: an origin that sends many and says nothing with them is hung up on.
//!
//! Reads the nine bytes in front of each frame (RFC 9113 §4.1) and skips the rest. Frames with content or fields
//! earn room for others, as do bytes that were sent up, which the origin has to acknowledge; so does time, slowly.

use super::vitals::Vitals;
use crate::origin::OriginStream;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// Frames without content or fields that may come at once.
pub(crate) const IDLE_FRAMES_MAX: u32 = 4096;
/// How many more may come with each second.
const FRAMES_PER_SECOND: u32 = 64;
/// How many more may come with each frame that says something.
const FRAMES_PER_WORD: u32 = 4;
/// How many bytes sent up let one more come.
const BYTES_PER_FRAME: u32 = 1024;

const HEAD_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;

/// A connection whose incoming frames are counted.
pub(super) struct Metered {
    stream: OriginStream,
    frames: Frames,
    vitals: Arc<Vitals>,
}

/// How far the reading of frames has come.
struct Frames {
    head: [u8; HEAD_BYTES],
    /// Bytes of the head that are there.
    have: usize,
    /// Bytes of the payload that are still to come.
    skip: usize,
    /// Frames that may still come without saying anything.
    room: u32,
    refilled: Instant,
    /// Bytes sent up that have not yet made room.
    sent: u32,
}

/// What was among some bytes.
#[derive(Default)]
struct Heard {
    settings: bool,
    words: u32,
}

impl Metered {
    pub(super) fn new(stream: OriginStream, vitals: Arc<Vitals>) -> Self {
        Self { stream, frames: Frames::new(Instant::now()), vitals }
    }
}

impl Frames {
    fn new(now: Instant) -> Self {
        let (head, room) = ([0; HEAD_BYTES], IDLE_FRAMES_MAX);
        Self { head, have: 0, skip: 0, room, refilled: now, sent: 0 }
    }

    /// Reads what has come. None: too many frames have said too little.
    fn read(&mut self, mut bytes: &[u8], now: Instant) -> Option<Heard> {
        let mut heard = Heard::default();
        while !bytes.is_empty() {
            if self.skip > 0 {
                let skipped = self.skip.min(bytes.len());
                (self.skip, bytes) = (self.skip - skipped, &bytes[skipped..]);
                continue;
            }
            let taken = (HEAD_BYTES - self.have).min(bytes.len());
            self.head[self.have..self.have + taken].copy_from_slice(&bytes[..taken]);
            (self.have, bytes) = (self.have + taken, &bytes[taken..]);
            if self.have == HEAD_BYTES {
                self.have = 0;
                self.count(&mut heard, now)?;
            }
        }
        Some(heard)
    }

    fn count(&mut self, heard: &mut Heard, now: Instant) -> Option<()> {
        let [a, b, c, kind, ..] = self.head;
        self.skip = u32::from_be_bytes([0, a, b, c]) as usize;
        heard.settings |= kind == SETTINGS;
        if kind == HEADERS || (kind == DATA && self.skip > 0) {
            heard.words += 1;
            self.refill(FRAMES_PER_WORD);
            return Some(());
        }
        let seconds = now.saturating_duration_since(self.refilled).as_secs();
        if seconds > 0 {
            self.refilled = now;
            self.refill(FRAMES_PER_SECOND.saturating_mul(u32::try_from(seconds).unwrap_or(u32::MAX)));
        }
        self.room = self.room.checked_sub(1)?;
        Some(())
    }

    fn refill(&mut self, frames: u32) {
        self.room = self.room.saturating_add(frames).min(IDLE_FRAMES_MAX);
    }

    fn sends(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(u32::try_from(bytes).unwrap_or(u32::MAX));
        self.refill(self.sent / BYTES_PER_FRAME);
        self.sent %= BYTES_PER_FRAME;
    }
}

impl AsyncRead for Metered {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let Self { stream, frames, vitals } = self.get_mut();
        let before = buf.filled().len();
        ready!(Pin::new(stream).poll_read(cx, buf))?;
        let bytes = &buf.filled()[before..];
        if bytes.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let Some(heard) = frames.read(bytes, Instant::now()) else {
            return Poll::Ready(Err(io::Error::other("too many frames that bring nothing")));
        };
        vitals.hears();
        if heard.settings {
            vitals.greets();
        }
        if heard.words > 0 {
            vitals.hears_word();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let Self { stream, frames, .. } = self.get_mut();
        let written = ready!(Pin::new(stream).poll_write(cx, bytes))?;
        frames.sends(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self { stream, frames, .. } = self.get_mut();
        let written = ready!(Pin::new(stream).poll_write_vectored(cx, slices))?;
        frames.sends(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PING: u8 = 6;

    fn frame(kind: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).expect("short").to_be_bytes();
        [&length[1..], &[kind, 0, 0, 0, 0, 1], &vec![9; payload]].concat()
    }

    /// How many frames pass of so many.
    fn passing(frames: &mut Frames, bytes: &[u8], count: u32, now: Instant) -> u32 {
        (0..count).take_while(|_| frames.read(bytes, now).is_some()).count() as u32
    }

    #[test]
    fn frames_that_say_nothing_are_bounded_and_those_that_do_are_not() {
        let now = Instant::now();
        for (bytes, bounded) in [
            (frame(PING, 8), true),
            (frame(SETTINGS, 0), true),
            (frame(DATA, 0), true),
            (frame(0xfa, 5), true),
            (frame(DATA, 1), false),
            (frame(HEADERS, 3), false),
        ] {
            let passed = passing(&mut Frames::new(now), &bytes, IDLE_FRAMES_MAX + 1, now);
            assert_eq!(passed == IDLE_FRAMES_MAX, bounded, "{bytes:?}: {passed}");
        }
    }

    #[test]
    fn time_and_bytes_sent_up_make_room() {
        let (now, ping) = (Instant::now(), frame(PING, 8));
        let full = || Frames { room: 0, ..Frames::new(now) };
        assert_eq!(passing(&mut full(), &ping, u32::MAX, now), 0);
        let mut sending = full();
        sending.sends(10 * 1024);
        assert_eq!(passing(&mut sending, &ping, u32::MAX, now), 10);
        let later = now + Duration::from_secs(2);
        assert_eq!(passing(&mut full(), &ping, u32::MAX, later), 2 * FRAMES_PER_SECOND);
    }

    #[test]
    fn frames_are_found_wherever_the_bytes_are_cut() {
        let bytes = [frame(SETTINGS, 6), frame(HEADERS, 20), frame(DATA, 300), frame(PING, 8)].concat();
        for size in 1..40 {
            let mut frames = Frames::new(Instant::now());
            let (mut words, mut settings) = (0, false);
            for piece in bytes.chunks(size) {
                let heard = frames.read(piece, Instant::now()).expect("few frames");
                (words, settings) = (words + heard.words, settings | heard.settings);
            }
            assert_eq!((words, settings, frames.have, frames.skip), (2, true, 0, 0), "by {size}");
        }
    }
}
