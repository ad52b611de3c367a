//! A stored response's knowledge as bytes, for a store that outlives the process.
//!
//! One form and no other: bytes of another version, cut short or with anything left over are refused, and a
//! cache that cannot read an entry has none. Integrity is the store's: what was damaged and still reads is
//! taken for what it says.

use crate::conditional::{Validators, is_entity_tag};
use crate::delta::DeltaSeconds;
use crate::freshness::{Basis, Freshness};
use crate::stale::StaleRules;
use crate::stored::Stored;
use crate::tags::{TAGS_MAX, Tags};
use crate::vary::Variant;
use http::StatusCode;
use vocabulary::Timestamp;

/// Changes with every change of the form.
const VERSION: u8 = 1;

impl Stored {
    /// Appends the bytes of [`Stored::decode`].
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut to = Writer(out);
        to.byte(VERSION);
        to.bytes_of(&self.status.as_u16().to_be_bytes());
        to.bytes_of(&self.length.to_be_bytes());
        to.byte(u8::from(self.cookieless) | u8::from(self.no_transform) << 1);
        self.freshness.encode(&mut to);
        self.stale.encode(&mut to);
        to.optional(self.validators.etag());
        to.instant(self.validators.last_modified);
        to.instant(self.validators.date);
        self.variant.encode(&mut to);
        to.byte(u8::from(self.tags.more));
        to.count(self.tags.each.len());
        self.tags.each().for_each(|tag| to.text(tag));
    }

    /// Reads what [`Stored::encode`] wrote; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut from = Reader(bytes);
        if from.byte()? != VERSION {
            return None;
        }
        let status = StatusCode::from_u16(u16::from_be_bytes(from.array()?)).ok()?;
        let length = u64::from_be_bytes(from.array()?);
        let flags = from.byte().filter(|flags| *flags < 4)?;
        let freshness = Freshness::decode(&mut from)?;
        let stale = StaleRules::decode(&mut from)?;
        let etag = from.optional()?;
        if etag.is_some_and(|tag| !is_entity_tag(tag)) {
            return None;
        }
        let (last_modified, date) = (from.instant()?, from.instant()?);
        let validators = Validators { etag: etag.map(Box::from), last_modified, date };
        let variant = Variant::decode(&mut from)?;
        let more = from.flag()?;
        let count = from.count().filter(|count| *count <= TAGS_MAX)?;
        let each = (0..count).map(|_| from.text().map(Box::from)).collect::<Option<_>>()?;
        let (cookieless, no_transform) = (flags & 1 == 1, flags & 2 == 2);
        let tags = Tags { each, more };
        let whole =
            Self { status, freshness, stale, variant, validators, tags, length, cookieless, no_transform };
        from.0.is_empty().then_some(whole)
    }
}

impl Freshness {
    fn encode(&self, to: &mut Writer<'_>) {
        to.bytes_of(&self.received().as_millis().to_be_bytes());
        to.bytes_of(&self.initial_age_ms.to_be_bytes());
        to.seconds(self.lifetime());
        to.byte(match self.basis() {
            Basis::Explicit => 0,
            Basis::Heuristic => 1,
            Basis::Rule => 2,
            Basis::Nothing => 3,
        });
    }

    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let received = from.moment()?;
        let initial_age_ms = i64::from_be_bytes(from.array()?);
        let lifetime = from.seconds()?;
        let basis = match from.byte()? {
            0 => Basis::Explicit,
            1 => Basis::Heuristic,
            2 => Basis::Rule,
            3 => Basis::Nothing,
            _ => return None,
        };
        (initial_age_ms >= 0).then_some(Self { received, initial_age_ms, lifetime, basis })
    }
}

impl StaleRules {
    fn encode(&self, to: &mut Writer<'_>) {
        let named = u8::from(self.if_error.is_some()) << 3;
        let last = u8::from(self.only_if_named) << 2;
        to.byte(u8::from(self.always_revalidate) | u8::from(self.forbidden) << 1 | last | named);
        to.seconds(self.while_revalidate);
        to.seconds(self.if_error.unwrap_or_default());
    }

    fn decode(from: &mut Reader<'_>) -> Option<Self> {
        let flags = from.byte().filter(|flags| *flags < 16)?;
        let while_revalidate = from.seconds()?;
        let if_error = from.seconds()?;
        let named = flags & 8 == 8;
        if !named && if_error != DeltaSeconds::ZERO {
            return None;
        }
        Some(Self {
            always_revalidate: flags & 1 == 1,
            forbidden: flags & 2 == 2,
            only_if_named: flags & 4 == 4,
            while_revalidate,
            if_error: named.then_some(if_error),
        })
    }
}

/// Appends numbers big-endian and texts with their length.
pub(crate) struct Writer<'a>(&'a mut Vec<u8>);

impl Writer<'_> {
    pub(crate) fn byte(&mut self, byte: u8) {
        self.0.push(byte);
    }

    fn bytes_of(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn seconds(&mut self, seconds: DeltaSeconds) {
        self.bytes_of(&seconds.as_secs().to_be_bytes());
    }

    /// Tags and selecting fields are far fewer than 256; more would not be read back.
    pub(crate) fn count(&mut self, count: usize) {
        self.byte(u8::try_from(count).unwrap_or(u8::MAX));
    }

    /// Response heads are far smaller than 4 GiB.
    pub(crate) fn text(&mut self, text: &[u8]) {
        self.bytes_of(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
        self.bytes_of(text);
    }

    pub(crate) fn optional(&mut self, text: Option<&[u8]>) {
        self.byte(u8::from(text.is_some()));
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn instant(&mut self, instant: Option<Timestamp>) {
        self.byte(u8::from(instant.is_some()));
        if let Some(instant) = instant {
            self.bytes_of(&instant.as_millis().to_be_bytes());
        }
    }
}

/// What is left to read.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn flag(&mut self) -> Option<bool> {
        self.byte().filter(|byte| *byte < 2).map(|byte| byte == 1)
    }

    fn seconds(&mut self) -> Option<DeltaSeconds> {
        let number = u32::from_be_bytes(self.array()?);
        let seconds = DeltaSeconds::new(u64::from(number));
        (seconds.as_secs() == number).then_some(seconds)
    }

    pub(crate) fn count(&mut self) -> Option<usize> {
        self.byte().map(usize::from)
    }

    pub(crate) fn text(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_be_bytes(self.array()?);
        self.take(usize::try_from(length).ok()?)
    }

    /// The outer option is whether it could be read.
    pub(crate) fn optional(&mut self) -> Option<Option<&'a [u8]>> {
        if self.flag()? { self.text().map(Some) } else { Some(None) }
    }

    fn instant(&mut self) -> Option<Option<Timestamp>> {
        if !self.flag()? {
            return Some(None);
        }
        self.moment().map(Some)
    }

    fn moment(&mut self) -> Option<Timestamp> {
        let millis = i64::from_be_bytes(self.array()?);
        let moment = Timestamp::from_millis(millis);
        (moment.as_millis() == millis).then_some(moment)
    }
}
