//! Finding what an excess of requests has in common: a beam search over conjunctions of attributes.
//!
//! Rows are samples of now, each with a weight; the reference is samples from calm times, or the shared
//! sketch. Rows with a value are a set of bits, so that a conjunction is an `and` of sets. Nothing here
//! is in the way of a request; the work is bounded by the sizes of the slab.

use super::attributes::{Attribute, Attributes};
use super::record::SiteKey;
use super::reference::Reference;
use std::collections::HashMap;
use std::fmt;

/// The most attributes of a signature.
pub(super) const ATTRIBUTES_MAX: usize = 4;
/// How many candidates live on at each length.
const BEAM: usize = 16;
/// The most values looked at.
const ITEMS_MAX: usize = 48;
/// A value below this share of the excess is not looked at.
const SHARE_MIN: f32 = 0.05;
/// Samples from calm times below which they say nothing.
const CALM_MIN: usize = 200;
/// The part of the excess that one signature must cover.
const COVERAGE_MIN: f32 = 0.15;
/// The most usual visitors that a challenge may meet.
pub(super) const CHALLENGE_SHARE_MAX: f32 = 0.05;
/// The most usual visitors that a block may meet.
pub(super) const BLOCK_SHARE_MAX: f32 = 0.01;

/// Words of a set of 1,024 rows.
const WORDS: usize = 16;

/// What the requests of an attack share: up to four attributes and their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature {
    items: [(Attribute, u32); ATTRIBUTES_MAX],
    length: u8,
}

impl Signature {
    /// From its attributes; what is over four is left out.
    pub(super) fn of(items: impl IntoIterator<Item = (Attribute, u32)>) -> Self {
        let mut own = Self { items: [(Attribute::Prefix, 0); ATTRIBUTES_MAX], length: 0 };
        for (slot, item) in own.items.iter_mut().zip(items) {
            *slot = item;
            own.length += 1;
        }
        own.items[..usize::from(own.length)].sort_unstable();
        own
    }

    /// Its attributes and their hashes.
    pub fn items(&self) -> &[(Attribute, u32)] {
        &self.items[..usize::from(self.length)]
    }

    /// Whether a request has them all.
    pub fn matches(&self, attributes: &Attributes) -> bool {
        self.length > 0 && self.items().iter().all(|(attribute, hash)| attributes.hash(*attribute) == *hash)
    }

    /// Whether all that it matches, another matches too.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        other.items().iter().all(|item| self.items().contains(item))
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (attribute, hash)) in self.items().iter().enumerate() {
            let and = if place == 0 { "" } else { " and " };
            write!(f, "{and}{} {hash:08x}", attribute.name())?;
        }
        Ok(())
    }
}

/// What was found, and why it was believed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Found {
    pub signature: Signature,
    /// The part of the excess that it covers.
    pub coverage: f32,
    /// The share of the usual visitors that it would meet, estimated from above.
    pub usual_share: f32,
    /// How much more frequent its program's attributes are than usual.
    pub lift: f32,
}

/// What the search looks at.
pub(super) struct Question<'a> {
    pub rows: &'a [(Attributes, f32)],
    pub calm: &'a [Attributes],
    pub shared: (&'a Reference, SiteKey),
    /// The part of the rows' weight that usual visitors make.
    pub usual_weight: f32,
    /// How much more frequent than usual a program must be.
    pub lift_min: f32,
}

type Bits = [u64; WORDS];

/// One value of one attribute.
struct Item {
    attribute: Attribute,
    hash: u32,
    now: Bits,
    calm: Bits,
    /// The share of calm requests that have it, from above, where only the sketch knows.
    sketched: f32,
}

/// A conjunction on its way.
#[derive(Clone)]
struct Candidate {
    items: Vec<usize>,
    now: Bits,
    calm: Bits,
    sketched: f32,
}

/// Searches; `None` when nothing can be acted upon without meeting too many usual visitors.
pub(super) fn search(question: &Question<'_>) -> Option<Found> {
    let total: f32 = question.rows.iter().map(|(_, weight)| weight).sum();
    let excess = total - question.usual_weight;
    if excess <= 0.0 || question.rows.len() < 20 {
        return None;
    }
    let items = items(question, total)?;
    let mut beam =
        vec![Candidate { items: Vec::new(), now: [u64::MAX; WORDS], calm: [u64::MAX; WORDS], sketched: 1.0 }];
    let mut best: Option<Found> = None;
    for _ in 0..ATTRIBUTES_MAX {
        let mut next: Vec<(f32, Candidate)> = Vec::new();
        for candidate in &beam {
            let after = candidate.items.last().map_or(0, |last| last + 1);
            for index in after..items.len() {
                if candidate.items.iter().any(|own| items[*own].attribute == items[index].attribute) {
                    continue;
                }
                let longer = candidate.with(index, &items[index]);
                let found = longer.judged(question, &items, total, excess);
                if found.coverage < COVERAGE_MIN {
                    continue;
                }
                if found.is_better_than(best.as_ref(), question) {
                    best = Some(found);
                }
                next.push((found.promise(), longer));
            }
        }
        next.sort_by(|one, other| other.0.total_cmp(&one.0));
        next.truncate(BEAM);
        beam = next.into_iter().map(|(_, candidate)| candidate).collect();
    }
    best
}

impl Found {
    /// How worth pursuing: what it covers, less what it would cost.
    fn promise(&self) -> f32 {
        self.coverage - 4.0 * self.usual_share.min(0.2) + 0.05 * self.lift.max(1.0).ln().min(4.0)
    }

    fn is_better_than(&self, best: Option<&Self>, question: &Question<'_>) -> bool {
        if self.usual_share > CHALLENGE_SHARE_MAX || self.lift < question.lift_min {
            return false;
        }
        // What covers clearly more wins; among equals what meets fewer visitors, then what is shorter.
        best.is_none_or(|best| {
            let worth = |found: &Self| {
                found.coverage - 2.0 * found.usual_share - 0.004 * found.signature.items().len() as f32
            };
            worth(self) > worth(best)
        })
    }
}

impl Candidate {
    fn with(&self, index: usize, item: &Item) -> Self {
        let mut items = self.items.clone();
        items.push(index);
        Self {
            items,
            now: and(&self.now, &item.now),
            calm: and(&self.calm, &item.calm),
            sketched: self.sketched.min(item.sketched),
        }
    }

    fn judged(&self, question: &Question<'_>, items: &[Item], total: f32, excess: f32) -> Found {
        let weight = weight(&self.now, question.rows);
        let usual_share = self.usual_share(question, &self.calm, self.sketched);
        let expected = question.usual_weight * usual_share;
        let programs =
            self.items.iter().map(|index| &items[*index]).filter(|item| item.attribute.is_of_program());
        let (mut now, mut calm, mut sketched, mut any) =
            ([u64::MAX; WORDS], [u64::MAX; WORDS], 1.0f32, false);
        for item in programs {
            now = and(&now, &item.now);
            calm = and(&calm, &item.calm);
            sketched = sketched.min(item.sketched);
            any = true;
        }
        let lift = if any {
            self::weight(&now, question.rows) / total / self.usual_share(question, &calm, sketched).max(1e-4)
        } else {
            0.0
        };
        Found {
            signature: Signature::of(
                self.items.iter().map(|index| (items[*index].attribute, items[*index].hash)),
            ),
            coverage: ((weight - expected) / excess).clamp(0.0, 1.0),
            usual_share,
            lift,
        }
    }

    /// From above: the upper end of a 95 % interval (Wilson 1927, simplified for small shares).
    fn usual_share(&self, question: &Question<'_>, calm: &Bits, sketched: f32) -> f32 {
        let samples = question.calm.len();
        if samples < CALM_MIN {
            return sketched;
        }
        let hits = calm.iter().map(|word| word.count_ones()).sum::<u32>() as f32;
        ((hits + 1.0 + 1.65 * (hits + 0.7).sqrt()) / samples as f32).min(1.0)
    }
}

/// The values that are frequent now, the most frequent first.
fn items(question: &Question<'_>, total: f32) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    for (place, attribute) in Attribute::ALL.into_iter().enumerate() {
        let mut weights: HashMap<u32, f32> = HashMap::new();
        for (row, weight) in question.rows {
            *weights.entry(row.0[place]).or_default() += weight;
        }
        for (hash, weight) in weights {
            if weight >= total * SHARE_MIN {
                items.push((weight, attribute, hash));
            }
        }
    }
    items.sort_by(|one, other| other.0.total_cmp(&one.0).then((one.1, one.2).cmp(&(other.1, other.2))));
    items.truncate(ITEMS_MAX);
    let (shared, site) = question.shared;
    let known = |attribute: Attribute, hash| {
        let (seen, all) = shared.seen(site, attribute as usize, hash);
        if (all as usize) < CALM_MIN { 1.0 } else { ((seen as f32 + 4.0) / all as f32).min(1.0) }
    };
    let items: Vec<Item> = items
        .into_iter()
        .map(|(_, attribute, hash)| Item {
            attribute,
            hash,
            now: bits(question.rows.iter().map(|(row, _)| row), attribute, hash),
            calm: bits(question.calm.iter(), attribute, hash),
            sketched: if question.calm.len() < CALM_MIN { known(attribute, hash) } else { 1.0 },
        })
        .collect();
    (!items.is_empty()).then_some(items)
}

fn bits<'r>(rows: impl Iterator<Item = &'r Attributes>, attribute: Attribute, hash: u32) -> Bits {
    let mut bits = [0; WORDS];
    for (index, row) in rows.take(WORDS * 64).enumerate() {
        if row.hash(attribute) == hash {
            bits[index / 64] |= 1 << (index % 64);
        }
    }
    bits
}

fn and(one: &Bits, other: &Bits) -> Bits {
    std::array::from_fn(|word| one[word] & other[word])
}

fn weight(bits: &Bits, rows: &[(Attributes, f32)]) -> f32 {
    let mut sum = 0.0;
    for (place, word) in bits.iter().enumerate() {
        let mut left = *word;
        while left != 0 {
            let index = place * 64 + left.trailing_zeros() as usize;
            sum += rows.get(index).map_or(0.0, |(_, weight)| *weight);
            left &= left - 1;
        }
    }
    sum
}
