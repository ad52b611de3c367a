//! The usual values of an attribute at a site, so that a signature may ask for any other one: an attack with many
//! tools, or with one that shuffles what it says of itself, shares nothing but that.

use super::attributes::{Attribute, Attributes, NO_COOKIES, OWN_REFERRER};
use std::collections::{HashMap, HashSet};

/// Attributes of which unusual values are looked at. Networks are not among them: a crowd of people comes from new ones.
pub(super) const LOOKED_AT: [Attribute; 6] = [
    Attribute::Tls,
    Attribute::Http2,
    Attribute::HeaderOrder,
    Attribute::UserAgent,
    Attribute::PathTemplate,
    Attribute::QueryKeys,
];

/// An attribute with more usual values has none that are unusual.
const VALUES_MAX: usize = 256;
/// Values that are seen less often among the calm samples are not usual. By how many are seen once it is estimated how
/// often something comes that was never seen (Good 1953).
const SEEN_MIN: u32 = 2;
const WORDS: usize = 32;

/// A filter of 2,048 bits, two for each value (Bloom 1970): of 256 usual values at most one unusual in twenty looks
/// like one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Usual {
    pub(super) attribute: Attribute,
    bits: [u64; WORDS],
}

impl Usual {
    /// What is usual among calm samples; none where too much is.
    pub(super) fn among(calm: &[Attributes], attribute: Attribute) -> Option<Self> {
        let mut seen: HashMap<u32, u32> = HashMap::new();
        for row in calm {
            *seen.entry(row.hash(attribute)).or_default() += 1;
        }
        seen.retain(|_, count| *count >= SEEN_MIN);
        if seen.len() > VALUES_MAX {
            return None;
        }
        let mut bits = [0; WORDS];
        for place in seen.keys().flat_map(|hash| places(*hash)) {
            bits[place / 64] |= 1 << (place % 64);
        }
        Some(Self { attribute, bits })
    }

    /// Whether a value is usual.
    pub(super) fn holds(&self, hash: u32) -> bool {
        places(hash).into_iter().all(|place| self.bits[place / 64] & (1 << (place % 64)) != 0)
    }

    /// Whether a request has another value.
    pub(super) fn is_lacking(&self, row: &Attributes) -> bool {
        !self.holds(row.hash(self.attribute))
    }
}

/// Calm samples of which one in so many is a visit of people.
const PEOPLE_ONE_IN: usize = 10;
/// From so many programs.
const PROGRAMS_MIN: usize = 3;

/// Whether people are among the usual visitors. They follow links and keep cookies, and use several programs; where only
/// monitors and the like are known, every browser is unusual.
pub(super) fn knows_people(calm: &[Attributes]) -> bool {
    let is_visit = |row: &&Attributes| {
        row.hash(Attribute::Cookies) != NO_COOKIES || row.hash(Attribute::Referer) == OWN_REFERRER
    };
    let visits: Vec<_> = calm.iter().filter(is_visit).collect();
    let programs: HashSet<u32> = visits.iter().map(|row| row.hash(Attribute::UserAgent)).collect();
    visits.len() * PEOPLE_ONE_IN >= calm.len().max(1) && programs.len() >= PROGRAMS_MIN
}

fn places(hash: u32) -> [usize; 2] {
    let bits = WORDS * 64;
    [hash as usize % bits, (hash >> 16) as usize % bits]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adaptive::reference::mixed;

    #[test]
    fn what_was_seen_twice_is_usual_and_hardly_anything_else() {
        let row = |number: u64| Attributes::from_hashes([mixed(number) as u32; 16]);
        let calm: Vec<Attributes> = (0..1000).map(|number| row(number % 200)).chain([row(9_999)]).collect();
        let usual = Usual::among(&calm, Attribute::UserAgent).expect("few values");
        assert!((0..200).all(|number| !usual.is_lacking(&row(number))));
        assert!(usual.is_lacking(&row(9_999)), "seen once");
        let others = (10_000..20_000).filter(|number| usual.is_lacking(&row(*number))).count();
        assert!(others > 9_500, "{others} of 10,000");
        let many: Vec<Attributes> = (0..1000).map(|number| row(number % 300)).collect();
        assert_eq!(Usual::among(&many, Attribute::UserAgent), None);
    }
}
