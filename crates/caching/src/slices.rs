//! Large bodies are kept in slices of one size, aligned to it, so that a range touches only its own.

use crate::range::ByteRange;
use std::ops::RangeInclusive;

/// Bytes of every slice but the last.
pub const SLICE_BYTES: u64 = 1 << 20;

/// How many slices a body of this length has.
pub fn count(length: u64) -> u32 {
    index(length.div_ceil(SLICE_BYTES))
}

/// The slices that hold a range of a body; `None` if the range reaches beyond its end.
pub fn of_range(range: ByteRange, length: u64) -> Option<RangeInclusive<u32>> {
    let within = range.first <= range.last && range.last < length;
    within.then(|| index(range.first / SLICE_BYTES)..=index(range.last / SLICE_BYTES))
}

/// The bytes of the body that a slice holds; `None` behind the last slice.
pub fn span(index: u32, length: u64) -> Option<ByteRange> {
    let first = u64::from(index).checked_mul(SLICE_BYTES)?;
    (first < length).then(|| ByteRange { first, last: length.min(first + SLICE_BYTES) - 1 })
}

/// The part of a slice that belongs to a range, as positions within the slice; `None` if they do not meet.
pub fn part(index: u32, range: ByteRange) -> Option<RangeInclusive<usize>> {
    let start = u64::from(index).checked_mul(SLICE_BYTES)?;
    let end = start.checked_add(SLICE_BYTES - 1)?;
    if range.last < start || range.first > end {
        return None;
    }
    let place = |at: u64| usize::try_from(at.clamp(start, end) - start).ok();
    Some(place(range.first)?..=place(range.last)?)
}

/// Bodies of more than 4 PiB do not exist.
fn index(slices: u64) -> u32 {
    u32::try_from(slices).unwrap_or(u32::MAX)
}
