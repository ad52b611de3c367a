//! Lifetime and age (RFC 9111 §4.2).

use crate::delta::DeltaSeconds;
use crate::directives::{Argument, ResponseDirectives};
use crate::fields::{date_of, elements};
use crate::reason::Reason;
use http::StatusCode;
use vocabulary::Timestamp;

/// When a request went to the origin and when its response head came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchanged {
    /// `request_time` of RFC 9111 §4.2.3.
    pub requested: Timestamp,
    /// `response_time` of RFC 9111 §4.2.3.
    pub received: Timestamp,
}

/// How old a response was when it came and how long it stays fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    pub(crate) received: Timestamp,
    pub(crate) initial_age_ms: i64,
    pub(crate) lifetime: DeltaSeconds,
    pub(crate) basis: Basis,
}

/// The fields that freshness is computed from.
#[derive(Default)]
pub(crate) struct TimeFields {
    pub(crate) date: Option<Timestamp>,
    pub(crate) expires: Expires,
    age: Option<DeltaSeconds>,
    age_seen: bool,
}

/// What the `Expires` lines say (RFC 9111 §5.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Expires {
    #[default]
    Absent,
    /// Not a date, such as `0`, or two that differ: in the past.
    Invalid,
    At(Timestamp),
}

impl TimeFields {
    /// An unreadable Date counts as none (RFC 9110 §6.6.1 then takes the time of receipt).
    pub(crate) fn date_line(&mut self, value: &[u8]) {
        if self.date.is_none() {
            self.date = date_of(value);
        }
    }

    pub(crate) fn expires_line(&mut self, value: &[u8]) {
        let read = date_of(value).map_or(Expires::Invalid, Expires::At);
        let first = self.expires == Expires::Absent;
        self.expires = if first || self.expires == read { read } else { Expires::Invalid };
    }

    /// The first member of the first line counts; if it is no number the field is ignored (§5.1).
    pub(crate) fn age_line(&mut self, value: &[u8]) {
        if !self.age_seen {
            self.age_seen = true;
            self.age = elements(value).next().and_then(DeltaSeconds::parse);
        }
    }
}

/// On what a lifetime rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The origin said so: in a targeted field, Cache-Control or Expires.
    Explicit,
    /// A guess from Last-Modified (§4.2.2).
    Heuristic,
    /// A rule of the site.
    Rule,
    /// There is none: the response is stale from the start.
    Nothing,
}

/// What besides time fields a lifetime is computed from.
#[derive(Clone, Copy)]
pub(crate) struct Grounds<'a> {
    pub(crate) status: StatusCode,
    pub(crate) directives: &'a ResponseDirectives,
    /// Whether Expires counts: not beside a targeted field (RFC 9213 §2.1).
    pub(crate) expires: bool,
    pub(crate) last_modified: Option<Timestamp>,
    /// A lifetime set by the site.
    pub(crate) rule: Option<DeltaSeconds>,
}

impl Grounds<'_> {
    /// Whether the response may be stored without an explicit lifetime (§3): its status is heuristically
    /// cacheable (RFC 9110 §15.1) or it is marked public (§5.2.2.9).
    pub(crate) fn status_allows_reuse(&self) -> bool {
        HEURISTIC.contains(&self.status.as_u16()) || self.directives.public
    }
}

impl Freshness {
    /// The freshness of a response; the reason when it is stale on arrival.
    pub(crate) fn of(
        grounds: Grounds<'_>,
        times: &TimeFields,
        exchanged: Exchanged,
    ) -> (Self, Result<(), Reason>) {
        let initial_age_ms = initial_age_ms(times, exchanged);
        let found = lifetime(grounds, times, exchanged.received);
        let (lifetime, basis) = found.unwrap_or((DeltaSeconds::ZERO, Basis::Nothing));
        let freshness = Self { received: exchanged.received, initial_age_ms, lifetime, basis };
        let fresh = freshness.is_fresh(exchanged.received);
        (freshness, found.and(if fresh { Ok(()) } else { Err(Reason::Expired) }))
    }

    /// On what the lifetime rests.
    pub fn basis(&self) -> Basis {
        self.basis
    }

    /// Seconds since it turned stale; 0 while it is fresh.
    pub(crate) fn stale_secs(&self, now: Timestamp) -> i64 {
        (self.age_ms(now).saturating_sub(self.lifetime.as_millis()) / 1000).max(0)
    }

    /// `current_age` (§4.2.3). A clock set back counts as no time passed.
    pub fn age(&self, now: Timestamp) -> DeltaSeconds {
        DeltaSeconds::new(u64::try_from(self.age_ms(now) / 1000).unwrap_or(0))
    }

    /// `freshness_lifetime > current_age` (§4.2), in milliseconds.
    pub fn is_fresh(&self, now: Timestamp) -> bool {
        self.lifetime.as_millis() > self.age_ms(now)
    }

    /// Seconds until the response turns stale, negative after that: `ttl` of RFC 9211 §2.4.
    pub fn remaining(&self, now: Timestamp) -> i64 {
        i64::from(self.lifetime.as_secs()) - i64::from(self.age(now).as_secs())
    }

    /// How long it stays fresh, counted from its making.
    pub fn lifetime(&self) -> DeltaSeconds {
        self.lifetime
    }

    /// When it was received.
    pub fn received(&self) -> Timestamp {
        self.received
    }

    fn age_ms(&self, now: Timestamp) -> i64 {
        let resident = now.as_millis().saturating_sub(self.received.as_millis()).max(0);
        self.initial_age_ms.saturating_add(resident)
    }
}

/// The site's rule, else s-maxage, max-age, Expires less Date (§4.2.1), else a guess. A directive that is
/// there and unreadable does not fall back to the next: the response is stale.
fn lifetime(
    grounds: Grounds<'_>,
    times: &TimeFields,
    received: Timestamp,
) -> Result<(DeltaSeconds, Basis), Reason> {
    if let Some(seconds) = grounds.rule {
        return Ok((seconds, Basis::Rule));
    }
    if grounds.directives.malformed {
        return Err(Reason::Malformed);
    }
    for argument in [grounds.directives.s_maxage, grounds.directives.max_age] {
        match argument {
            Argument::Absent => {}
            Argument::Invalid => return Err(Reason::Malformed),
            Argument::Seconds(seconds) => return Ok((seconds, Basis::Explicit)),
        }
    }
    let date = times.date.unwrap_or(received);
    match times.expires {
        Expires::Invalid if grounds.expires => Err(Reason::Expired),
        Expires::At(expires) if grounds.expires => {
            Ok((DeltaSeconds::new(expires.since(date).as_secs()), Basis::Explicit))
        }
        Expires::Absent | Expires::Invalid | Expires::At(_) => heuristic(grounds, date),
    }
}

/// A tenth of the time since the last modification, at most a day (§4.2.2).
fn heuristic(grounds: Grounds<'_>, date: Timestamp) -> Result<(DeltaSeconds, Basis), Reason> {
    const DAY: u64 = 24 * 60 * 60;
    if !grounds.status_allows_reuse() {
        return Err(Reason::NoFreshness);
    }
    let modified = grounds.last_modified.ok_or(Reason::NoFreshness)?;
    let guess = (date.since(modified).as_secs() / 10).min(DAY);
    if guess == 0 { Err(Reason::NoFreshness) } else { Ok((DeltaSeconds::new(guess), Basis::Heuristic)) }
}

/// RFC 9110 §15.1, without 206: parts have their own way in.
const HEURISTIC: [u16; 11] = [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501];

/// `corrected_initial_age` (§4.2.3).
fn initial_age_ms(times: &TimeFields, exchanged: Exchanged) -> i64 {
    let received = exchanged.received.as_millis();
    // Date has whole seconds; the fraction of the receipt is dropped so that a prompt answer has age 0.
    let date = times.date.map_or(received, Timestamp::as_millis);
    let apparent = (received - received.rem_euclid(1000)).saturating_sub(date).max(0);
    let delay = received.saturating_sub(exchanged.requested.as_millis()).max(0);
    let stated = times.age.map_or(0, DeltaSeconds::as_millis);
    apparent.max(stated.saturating_add(delay))
}
