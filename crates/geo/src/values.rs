//! The values of a data section: maps, texts, numbers, and pointers to any of them.
//!
//! A value begins with its type and size; maps and arrays are followed by what they hold. Offsets count from
//! the beginning of the section. Nothing recurses, and each value looked at costs a step, of which one look-up
//! has [`STEPS_MAX`]: whatever a file says, reading it ends.

use std::cell::Cell;

/// Values that one look-up may look at. A record of the largest databases has under 300.
const STEPS_MAX: u32 = 4096;

/// One look-up in a section.
pub(crate) struct Walk<'a> {
    section: &'a [u8],
    steps: Cell<u32>,
}

/// A value without what it holds.
enum Kind<'a> {
    /// Where the value really is.
    Pointer(usize),
    Text(&'a [u8]),
    Unsigned(u64),
    /// With its number of pairs.
    Map(usize),
    /// With its number of elements.
    Array(usize),
    /// Of no use here.
    Other,
}

/// A value, and the offset behind it: of its first element where it holds any, else of what follows.
struct Value<'a> {
    kind: Kind<'a>,
    behind: usize,
}

impl<'a> Walk<'a> {
    pub(crate) fn new(section: &'a [u8]) -> Self {
        Self { section, steps: Cell::new(STEPS_MAX) }
    }

    /// The pairs of the map at `at`, each with its key and the offset of its value; none where there is no map.
    /// Ends early at whatever cannot be read.
    pub(crate) fn pairs(&self, at: usize) -> Pairs<'_, 'a> {
        match self.resolved(at) {
            Some(Value { kind: Kind::Map(pairs), behind }) => Pairs { walk: self, left: pairs, at: behind },
            _ => Pairs { walk: self, left: 0, at },
        }
    }

    /// The text at `at`.
    pub(crate) fn text(&self, at: usize) -> Option<&'a [u8]> {
        match self.resolved(at)?.kind {
            Kind::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The unsigned number at `at`.
    pub(crate) fn number(&self, at: usize) -> Option<u64> {
        match self.resolved(at)?.kind {
            Kind::Unsigned(number) => Some(number),
            _ => None,
        }
    }

    /// The value at `at`, or the one it points to. A pointer to a pointer is against the format.
    fn resolved(&self, at: usize) -> Option<Value<'a>> {
        match self.value(at)? {
            Value { kind: Kind::Pointer(target), .. } => self.value(target),
            value => Some(value),
        }
    }

    /// The offset behind the value at `at` and everything it holds.
    fn behind(&self, at: usize) -> Option<usize> {
        let (mut at, mut left) = (at, 1_usize);
        while left > 0 {
            let value = self.value(at)?;
            at = value.behind;
            left -= 1;
            left = match value.kind {
                Kind::Map(pairs) => left.checked_add(pairs.checked_mul(2)?)?,
                Kind::Array(elements) => left.checked_add(elements)?,
                _ => left,
            };
        }
        Some(at)
    }

    fn value(&self, at: usize) -> Option<Value<'a>> {
        self.steps.set(self.steps.get().checked_sub(1)?);
        let mut rest = Bytes { section: self.section, at };
        let control = rest.byte()?;
        let (kind, low) = (control >> 5, control & 0x1f);
        if kind == 1 {
            return Some(Value { kind: Kind::Pointer(rest.pointer(low)?), behind: rest.at });
        }
        // Types above 7 follow in a byte of their own.
        let kind = if kind == 0 { rest.byte()?.checked_add(7)? } else { kind };
        let size = rest.size(low)?;
        let kind = match kind {
            2 => Kind::Text(rest.take(size)?),
            5 | 6 | 9 => Kind::Unsigned(rest.number(size)?),
            7 => Kind::Map(size),
            11 => Kind::Array(size),
            // Its size is its value.
            14 => Kind::Other,
            3 | 4 | 8 | 10 | 15 => rest.take(size).map(|_| Kind::Other)?,
            _ => return None,
        };
        Some(Value { kind, behind: rest.at })
    }
}

/// What [`Walk::pairs`] yields.
pub(crate) struct Pairs<'w, 'a> {
    walk: &'w Walk<'a>,
    left: usize,
    at: usize,
}

impl<'a> Iterator for Pairs<'_, 'a> {
    type Item = (&'a [u8], usize);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let key = self.walk.text(self.at)?;
        let value = self.walk.behind(self.at)?;
        match self.walk.behind(value) {
            Some(behind) => self.at = behind,
            // This pair is good, whatever comes after it is not.
            None => self.left = 0,
        }
        Some((key, value))
    }
}

/// Bytes of a section from an offset on.
struct Bytes<'a> {
    section: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(count)?;
        let taken = self.section.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    /// A number of up to eight bytes, the most significant first.
    fn number(&mut self, count: usize) -> Option<u64> {
        if count > 8 {
            return None;
        }
        Some(self.take(count)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn offset(&mut self, count: usize) -> Option<usize> {
        usize::try_from(self.number(count)?).ok()
    }

    /// Sizes from 29 on are written in further bytes.
    fn size(&mut self, low: u8) -> Option<usize> {
        match low {
            29 => Some(29 + self.offset(1)?),
            30 => Some(285 + self.offset(2)?),
            31 => Some(65_821 + self.offset(3)?),
            small => Some(usize::from(small)),
        }
    }

    /// A pointer's first bits stand in its control byte, but not those of the longest form.
    fn pointer(&mut self, low: u8) -> Option<usize> {
        let first = usize::from(low & 7);
        match low >> 3 {
            0 => Some((first << 8) + self.offset(1)?),
            1 => Some((first << 16) + self.offset(2)? + 2048),
            2 => Some((first << 24) + self.offset(3)? + 526_336),
            _ => self.offset(4),
        }
    }
}
