//! `Accept-Language` in a normal form (RFC 9110 §12.5.4; RFC 9111 §4.1).
//!
//! Ranges in lower case, by falling weight and then by name, weights to one digit, at most
//! [`RANGES_MAX`]: browsers spell one wish in many ways, and each would be a variant of its own. The normal
//! form is what the origin is sent, so it chooses by what the key holds.

use crate::fields::{Fields, elements, is_token_byte, trim};
use std::cmp::Ordering;

/// Most ranges kept; the least wanted are left out.
const RANGES_MAX: usize = 8;
/// Longest range, in bytes (RFC 5646 needs 35 for all registered ones).
const RANGE_BYTES_MAX: usize = 35;

/// The languages a request asks for, in order. Borrows, and does not allocate.
#[derive(Clone, Copy, Default)]
pub(crate) struct Languages<'a> {
    ranges: [Range<'a>; RANGES_MAX],
    count: usize,
    /// A line is there, if only an empty one.
    present: bool,
}

#[derive(Clone, Copy, Default)]
struct Range<'a> {
    name: &'a [u8],
    /// In tenths; 0 refuses the language.
    weight: u8,
}

impl<'a> Languages<'a> {
    pub(crate) fn of(fields: &'a dyn Fields) -> Self {
        let mut read = Self::default();
        fields.each(&mut |name, line| {
            if name.len() == 15 && name.eq_ignore_ascii_case("accept-language") {
                read.present = true;
                elements(line).filter_map(Range::parse).for_each(|range| read.add(range));
            }
        });
        read
    }

    /// The one language of a site's list that serves the request best, in place of its own wishes (RFC 4647
    /// §3.4): of the ranges by falling weight the first that names one, wholly, by its beginning, or by
    /// what is more general; where none does, the first of the list.
    pub(crate) fn within(self, list: &'a [String]) -> Self {
        let Some(usual) = list.first() else { return self };
        let ranges = || self.ranges.iter().take(self.count);
        let is_refused =
            |tag: &[u8]| ranges().any(|range| range.weight == 0 && range.name.eq_ignore_ascii_case(tag));
        let tags = || list.iter().map(String::as_bytes).filter(|tag| !is_refused(tag));
        let mut wanted = ranges().filter(|range| range.weight > 0);
        let served = wanted.find_map(|range| range.served_by(tags)).unwrap_or(usual.as_bytes());
        let mut one = Self { present: true, count: 1, ..Self::default() };
        one.ranges[0] = Range { name: served, weight: 10 };
        one
    }

    /// Whether the request has the field.
    pub(crate) fn is_present(&self) -> bool {
        self.present
    }

    /// The one language wanted before all others, if there is one.
    pub(crate) fn first(&self) -> Option<&'a [u8]> {
        let [first, second, ..] = self.ranges;
        let alone = self.count > 0 && first.weight > 0 && (self.count == 1 || second.weight < first.weight);
        (alone && first.name != b"*").then_some(first.name)
    }

    /// Shows the normal form byte by byte.
    pub(crate) fn each_byte(&self, see: &mut dyn FnMut(u8)) {
        for (at, range) in self.ranges.iter().take(self.count).enumerate() {
            if at > 0 {
                b", ".iter().for_each(|byte| see(*byte));
            }
            range.name.iter().for_each(|byte| see(byte.to_ascii_lowercase()));
            if range.weight < 10 {
                b";q=0".iter().for_each(|byte| see(*byte));
                if range.weight > 0 {
                    see(b'.');
                    see(b'0' + range.weight);
                }
            }
        }
    }

    /// The normal form.
    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.each_byte(&mut |byte| bytes.push(byte));
        bytes
    }

    /// Keeps the order; the last goes when there are too many. A language named twice keeps its first
    /// weight in the order.
    fn add(&mut self, range: Range<'a>) {
        if self.ranges.iter().take(self.count).any(|held| held.name.eq_ignore_ascii_case(range.name)) {
            return;
        }
        let place = self.ranges.iter().take(self.count).position(|held| range.cmp(held) == Ordering::Less);
        let place = place.unwrap_or(self.count);
        if place >= RANGES_MAX {
            return;
        }
        let end = self.count.min(RANGES_MAX - 1);
        self.ranges.copy_within(place..end, place + 1);
        self.ranges[place] = range;
        self.count = end + 1;
    }
}

impl<'a> Range<'a> {
    fn parse(element: &'a [u8]) -> Option<Self> {
        let mut parts = element.split(|byte| *byte == b';').map(trim);
        let name = parts.next()?;
        let legal =
            !name.is_empty() && name.len() <= RANGE_BYTES_MAX && name.iter().all(|byte| is_token_byte(*byte));
        let weight = parts.find_map(|part| part.strip_prefix(b"q=").or_else(|| part.strip_prefix(b"Q=")));
        legal.then(|| Self { name, weight: weight.map_or(10, tenths) })
    }

    /// The one of some tags that this range names.
    fn served_by<T: Iterator<Item = &'a [u8]>>(&self, tags: impl Fn() -> T) -> Option<&'a [u8]> {
        if self.name == b"*" {
            return tags().next();
        }
        tags()
            .find(|tag| tag.eq_ignore_ascii_case(self.name))
            .or_else(|| tags().find(|tag| begins_with(tag, self.name)))
            .or_else(|| tags().find(|tag| begins_with(self.name, tag)))
    }

    fn cmp(&self, other: &Self) -> Ordering {
        let lower = |name: &'a [u8]| name.iter().map(u8::to_ascii_lowercase);
        other.weight.cmp(&self.weight).then_with(|| lower(self.name).cmp(lower(other.name)))
    }
}

/// Whether a tag begins with another, subtag by subtag.
fn begins_with(tag: &[u8], beginning: &[u8]) -> bool {
    let (head, rest) = tag.split_at(beginning.len().min(tag.len()));
    head.eq_ignore_ascii_case(beginning) && rest.first() == Some(&b'-')
}

/// A weight in tenths (RFC 9110 §12.4.2), never 0 unless it is written as 0; an unreadable one counts as 1.
fn tenths(weight: &[u8]) -> u8 {
    match weight {
        [b'1', ..] => 10,
        [b'0', b'.', digit @ b'1'..=b'9', ..] => digit - b'0',
        [b'0', b'.', b'0', rest @ ..] if rest.iter().any(|byte| matches!(byte, b'1'..=b'9')) => 1,
        [b'0', ..] => 0,
        _ => 10,
    }
}
