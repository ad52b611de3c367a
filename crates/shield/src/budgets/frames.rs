//! What one HTTP/2 connection may send: counts for each kind of frame, and the verdict on each.
//!
//! Each kind has a bucket that drains evenly, wide enough for any honest program, and a bound over the
//! whole connection where none is needed honestly. Besides, the share of streams that the visitor
//! resets before their answer began is watched (CVE-2023-44487), and the streams that the edge had to
//! reset because the visitor broke the protocol on them (CVE-2025-8671).

use vocabulary::Timestamp;

/// Streams after which the share of abandoned ones is looked at.
pub const STREAMS_BEFORE_JUDGEMENT: u32 = 200;
/// Streams that the visitor may make the edge reset.
pub const FORCED_RESETS_MAX: u32 = 64;
/// How soon after its opening a reset counts as abandonment, in milliseconds.
pub const ABANDONED_WITHIN_MS: i64 = 1000;

/// What came on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Frame {
    /// A request's HEADERS.
    Headers,
    /// CONTINUATION.
    Continuation,
    /// RST_STREAM from the visitor; whether the stream's answer had begun, and when it was opened.
    Reset {
        /// Whether the head of the answer was already sent.
        answered: bool,
        /// When the stream was opened.
        opened: Timestamp,
    },
    /// The edge reset a stream because of what the visitor did on it.
    ForcedReset,
    /// PING that asks for an answer.
    Ping,
    /// SETTINGS that asks for an answer.
    Settings,
    /// WINDOW_UPDATE.
    WindowUpdate,
    /// PRIORITY or PRIORITY_UPDATE.
    Priority,
    /// DATA with so many bytes, the padding left out, and whether it ends the stream.
    Data {
        /// Bytes of content.
        bytes: u32,
        /// END_STREAM.
        ends: bool,
    },
    /// A frame of an unknown kind, or one that needs no answer.
    Other,
}

/// How many of a kind may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Allowance {
    /// At once.
    burst: u32,
    /// Again, in each second.
    each_second: u32,
}

const fn allow(burst: u32, each_second: u32) -> Allowance {
    Allowance { burst, each_second }
}

/// The kinds that have a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Headers,
    Continuation,
    Reset,
    Ping,
    Settings,
    WindowUpdate,
    Priority,
    EmptyData,
    TinyData,
    Other,
}

const KINDS: usize = 10;

/// The limits of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameLimits([Allowance; KINDS]);

impl FrameLimits {
    /// What any honest program stays far below.
    pub const USUAL: Self = Self([
        allow(2_000, 500),       // HEADERS: 128 streams at once, answered in a quarter of a second
        allow(32, 8),            // CONTINUATION: a head of 32 KiB needs two
        allow(500, 100),         // RST_STREAM
        allow(400, 50),          // PING: gRPC measures the path with one for each round trip
        allow(20, 1),            // SETTINGS
        allow(200_000, 100_000), // WINDOW_UPDATE: two for each DATA frame of a download, at 10 Gbit/s; cheap to read
        allow(1_000, 200),       // PRIORITY
        allow(50, 10),           // DATA without content that ends nothing
        allow(20_000, 10_000),   // DATA of a few bytes: messages of a gRPC stream or a tunnel
        allow(50, 5),
    ]);
    /// For `strict`: half of each.
    pub const STRICT: Self = Self::USUAL.halved();

    const fn halved(self) -> Self {
        let mut all = self.0;
        let mut index = 0;
        while index < KINDS {
            all[index].burst /= 2;
            index += 1;
        }
        Self(all)
    }
}

/// How long one place of a bucket takes to drain, in microseconds.
fn interval(allowance: Allowance) -> u64 {
    1_000_000 / u64::from(allowance.each_second.max(1))
}

/// DATA below this many bytes is tiny.
const TINY_BYTES: u32 = 16;

/// Why a connection is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breach {
    /// Most streams were reset before their answer began.
    RapidReset,
    /// The visitor made the edge reset too many streams.
    ForcedResets,
    /// Too many HEADERS.
    Headers,
    /// Too many CONTINUATION.
    Continuation,
    /// Too many RST_STREAM.
    Resets,
    /// Too many PING.
    Pings,
    /// Too many SETTINGS.
    Settings,
    /// Too many WINDOW_UPDATE.
    WindowUpdates,
    /// Too many PRIORITY.
    Priorities,
    /// Too many DATA without content.
    EmptyData,
    /// Too many DATA with hardly any content.
    TinyData,
    /// Too many of other kinds.
    Other,
}

impl Breach {
    /// The name in metrics and events.
    pub fn name(self) -> &'static str {
        match self {
            Self::RapidReset => "h2-rapid-reset",
            Self::ForcedResets => "h2-forced-resets",
            Self::Headers => "h2-headers-flood",
            Self::Continuation => "h2-continuation-flood",
            Self::Resets => "h2-reset-flood",
            Self::Pings => "h2-ping-flood",
            Self::Settings => "h2-settings-flood",
            Self::WindowUpdates => "h2-window-update-flood",
            Self::Priorities => "h2-priority-flood",
            Self::EmptyData => "h2-empty-data-flood",
            Self::TinyData => "h2-tiny-data-flood",
            Self::Other => "h2-frame-flood",
        }
    }
}

/// What follows from a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameVerdict {
    /// Go on.
    Fine,
    /// Announce the end (graceful GOAWAY): no new streams are taken, those open are answered.
    Goaway(Breach),
    /// End now, with ENHANCE_YOUR_CALM (RFC 9113 §7).
    Calm(Breach),
}

/// The counters of one connection: about 130 bytes.
#[derive(Debug, Clone)]
pub struct FrameBudget {
    limits: &'static FrameLimits,
    /// When each bucket will be empty, in microseconds since `began`.
    empty_at: [u64; KINDS],
    began: Timestamp,
    opened: u32,
    abandoned: u32,
    forced: u32,
    warned: bool,
}

impl FrameBudget {
    /// A connection that begins now.
    pub fn new(limits: &'static FrameLimits, now: Timestamp) -> Self {
        Self { limits, empty_at: [0; KINDS], began: now, opened: 0, abandoned: 0, forced: 0, warned: false }
    }

    /// Gives back the places of so many HEADERS, whose streams were answered: they were worth their while.
    pub fn answered(&mut self, streams: u32) {
        let kind = Kind::Headers as usize;
        let given = interval(self.limits.0[kind]).saturating_mul(streams.into());
        self.empty_at[kind] = self.empty_at[kind].saturating_sub(given);
    }

    /// Counts what came.
    pub fn count(&mut self, frame: Frame, now: Timestamp) -> FrameVerdict {
        match frame {
            Frame::Headers => {
                self.opened = self.opened.saturating_add(1);
                self.bucket(Kind::Headers, Breach::Headers, now)
            }
            Frame::Reset { answered, opened } => {
                if !answered && now.as_millis() - opened.as_millis() <= ABANDONED_WITHIN_MS {
                    self.abandoned = self.abandoned.saturating_add(1);
                }
                self.judged().unwrap_or_else(|| self.bucket(Kind::Reset, Breach::Resets, now))
            }
            Frame::ForcedReset => {
                self.forced = self.forced.saturating_add(1);
                if self.forced > FORCED_RESETS_MAX {
                    self.end(Breach::ForcedResets)
                } else {
                    FrameVerdict::Fine
                }
            }
            Frame::Continuation => self.bucket(Kind::Continuation, Breach::Continuation, now),
            Frame::Ping => self.bucket(Kind::Ping, Breach::Pings, now),
            Frame::Settings => self.bucket(Kind::Settings, Breach::Settings, now),
            Frame::WindowUpdate => self.bucket(Kind::WindowUpdate, Breach::WindowUpdates, now),
            Frame::Priority => self.bucket(Kind::Priority, Breach::Priorities, now),
            Frame::Data { ends: true, .. } => FrameVerdict::Fine,
            Frame::Data { bytes: 0, .. } => self.bucket(Kind::EmptyData, Breach::EmptyData, now),
            Frame::Data { bytes, .. } if bytes < TINY_BYTES => {
                self.bucket(Kind::TinyData, Breach::TinyData, now)
            }
            Frame::Data { .. } => FrameVerdict::Fine,
            Frame::Other => self.bucket(Kind::Other, Breach::Other, now),
        }
    }

    /// Whether more than half of many streams were abandoned.
    fn judged(&mut self) -> Option<FrameVerdict> {
        let guilty = self.opened >= STREAMS_BEFORE_JUDGEMENT && self.abandoned > self.opened / 2;
        guilty.then(|| self.end(Breach::RapidReset))
    }

    /// First the announcement, then the end.
    fn end(&mut self, breach: Breach) -> FrameVerdict {
        if std::mem::replace(&mut self.warned, true) {
            FrameVerdict::Calm(breach)
        } else {
            FrameVerdict::Goaway(breach)
        }
    }

    fn bucket(&mut self, kind: Kind, breach: Breach, now: Timestamp) -> FrameVerdict {
        let allowance = self.limits.0[kind as usize];
        let interval = interval(allowance);
        let now_us = u64::try_from(now.since(self.began).as_micros()).unwrap_or(u64::MAX / 2);
        let empty_at = &mut self.empty_at[kind as usize];
        *empty_at = (*empty_at).max(now_us).saturating_add(interval);
        // What floods costs us for each frame, so that there is nothing to announce.
        if *empty_at - now_us > interval * u64::from(allowance.burst) {
            FrameVerdict::Calm(breach)
        } else {
            FrameVerdict::Fine
        }
    }
}
