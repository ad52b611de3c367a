//! Lifetime and age (RFC 9111 §4.2).

use crate::delta::DeltaSeconds;
use crate::directives::{Argument, ResponseDirectives};
use crate::fields::{date_of, elements};
use crate::reason::Reason;
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
    received: Timestamp,
    initial_age_ms: i64,
    lifetime: DeltaSeconds,
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

impl Freshness {
    /// The freshness of a response with an explicit lifetime that has not run out yet.
    pub(crate) fn explicit(
        directives: &ResponseDirectives,
        times: &TimeFields,
        exchanged: Exchanged,
    ) -> Result<Self, Reason> {
        let lifetime = explicit_lifetime(directives, times, exchanged.received)?;
        let initial_age_ms = initial_age_ms(times, exchanged);
        let freshness = Self { received: exchanged.received, initial_age_ms, lifetime };
        if freshness.is_fresh(exchanged.received) { Ok(freshness) } else { Err(Reason::Expired) }
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

/// s-maxage, else max-age, else Expires less Date (§4.2.1). A directive that is there and unreadable does
/// not fall back to the next: the response is stale.
fn explicit_lifetime(
    directives: &ResponseDirectives,
    times: &TimeFields,
    received: Timestamp,
) -> Result<DeltaSeconds, Reason> {
    if directives.malformed {
        return Err(Reason::Malformed);
    }
    for argument in [directives.s_maxage, directives.max_age] {
        match argument {
            Argument::Absent => {}
            Argument::Invalid => return Err(Reason::Malformed),
            Argument::Seconds(seconds) => return Ok(seconds),
        }
    }
    match times.expires {
        Expires::Absent => Err(Reason::NoFreshness),
        Expires::Invalid => Err(Reason::Expired),
        Expires::At(expires) => {
            let date = times.date.unwrap_or(received);
            Ok(DeltaSeconds::new(expires.since(date).as_secs()))
        }
    }
}

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
