//! Finding what an excess of requests has in common: a beam search over conjunctions of attributes.
//!
//! Rows are samples of now, each with a weight; the reference is samples from calm times, or the shared
//! sketch. Rows with a value are a set of bits, so that a conjunction is an `and` of sets. Nothing here
//! is in the way of a request; the work is bounded by the sizes of the slab.

use super::attributes::{Attribute, Attributes};
use super::manners::Manners;
use super::record::SiteKey;
use super::reference::Reference;
use super::usual::{LOOKED_AT, Usual};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The most attributes of a signature.
pub(super) const ATTRIBUTES_MAX: usize = 4;
/// How many candidates live on at each length.
const BEAM: usize = 16;
/// The most values looked at.
const ITEMS_MAX: usize = 48;
/// A value below this share of the excess is not looked at.
const SHARE_MIN: f32 = 0.05;
/// Samples from calm times below which they say nothing.
pub(super) const CALM_MIN: usize = 200;
/// How much more frequent than usual a program must be while the origin is well.
pub(super) const LIFT_HEALTHY: f32 = 8.0;
/// The same, while it is in distress.
pub(super) const LIFT_DISTRESS: f32 = 3.0;
/// The part of the excess that one signature must cover.
const COVERAGE_MIN: f32 = 0.15;
/// The most usual visitors that a challenge may meet.
pub(super) const CHALLENGE_SHARE_MAX: f32 = 0.05;
/// The most usual visitors that a block may meet.
pub(super) const BLOCK_SHARE_MAX: f32 = 0.01;

/// Words of a set of 1,024 rows.
pub(super) const WORDS: usize = 16;

/// What the requests of an attack share: up to four attributes and their hashes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Signature {
    items: [(Attribute, u32); ATTRIBUTES_MAX],
    length: u8,
    /// Of attributes that are to have any unusual value; their hashes say nothing.
    unusual: Option<Arc<[Arc<Usual>]>>,
}

/// Stands for every unusual value.
const ANY: u32 = 0;

impl Signature {
    /// From its attributes; what is over four is left out.
    pub(super) fn of(items: impl IntoIterator<Item = (Attribute, u32)>) -> Self {
        let mut own = Self { items: [(Attribute::Prefix, ANY); ATTRIBUTES_MAX], length: 0, unusual: None };
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

    /// The same, where some attributes are to have any unusual value.
    fn with_unusual(self, unusual: Vec<Arc<Usual>>) -> Self {
        Self { unusual: (!unusual.is_empty()).then(|| unusual.into()), ..self }
    }

    /// Whether an attribute is to have any unusual value, rather than one.
    pub fn is_unusual(&self, attribute: Attribute) -> bool {
        self.usual(attribute).is_some()
    }

    fn usual(&self, attribute: Attribute) -> Option<&Usual> {
        self.unusual
            .iter()
            .flat_map(|all| all.iter())
            .find(|own| own.attribute == attribute)
            .map(|own| &**own)
    }

    /// Whether a request has them all.
    pub fn matches(&self, attributes: &Attributes) -> bool {
        let has = |(attribute, hash): &(Attribute, u32)| match self.usual(*attribute) {
            Some(usual) => usual.is_lacking(attributes),
            None => attributes.hash(*attribute) == *hash,
        };
        self.length > 0 && self.items().iter().all(has)
    }

    /// Whether one of the two is within the other: most of what one matches, the other matches too.
    pub fn is_kin_of(&self, other: &Self) -> bool {
        self.is_within(other) || other.is_within(self)
    }

    /// Whether all that it matches, another matches too.
    pub(super) fn is_within(&self, other: &Self) -> bool {
        let has = |item: &(Attribute, u32)| match other.usual(item.0) {
            Some(usual) => self
                .items()
                .iter()
                .any(|own| own.0 == item.0 && (self.is_unusual(own.0) || !usual.holds(own.1))),
            None => !self.is_unusual(item.0) && self.items().contains(item),
        };
        other.items().iter().all(has)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (attribute, hash)) in self.items().iter().enumerate() {
            let and = if place == 0 { "" } else { " and " };
            match self.is_unusual(*attribute) {
                true => write!(f, "{and}an unusual {}", attribute.name())?,
                false => write!(f, "{and}{} {hash:08x}", attribute.name())?,
            }
        }
        Ok(())
    }
}

/// What was found, and why it was believed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub signature: Signature,
    /// The part of the excess that it covers.
    pub coverage: f32,
    /// The share of the usual visitors that it would meet, estimated from above.
    pub usual_share: f32,
    /// How much more frequent its program's attributes are than usual; of requests that no people send, all of it.
    pub lift: f32,
}

/// What the search looks at.
pub(super) struct Question<'a> {
    pub rows: &'a [(Attributes, f32)],
    pub calm: &'a [Attributes],
    pub shared: (&'a Reference, SiteKey),
    /// The part of the rows' weight that usual visitors make.
    pub usual_weight: f32,
    /// Whether the origin is in distress.
    pub distress: bool,
    /// Whether far more comes than usual.
    pub is_vast: bool,
    /// Whether people are known at the site, so that what is unusual there says something. Programs that are many and new
    /// may come for a feed on the hour.
    pub knows_usual: bool,
    /// Whether the rows come from all sites together; then their addresses are the sites.
    pub is_everywhere: bool,
}

impl Question<'_> {
    /// How much more frequent than usual a program must be.
    fn lift_min(&self) -> f32 {
        if self.distress { LIFT_DISTRESS } else { LIFT_HEALTHY }
    }
}

/// A set of rows.
pub(super) type Bits = [u64; WORDS];

/// One value of one attribute.
struct Item {
    attribute: Attribute,
    hash: u32,
    /// It stands for every value but these.
    unusual: Option<Arc<Usual>>,
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
    let manners = Manners::of(question);
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
                let mut found = longer.judged(question, &items, total, excess);
                if found.coverage < COVERAGE_MIN {
                    continue;
                }
                let asks_manners = !question.is_everywhere && found.lift < question.lift_min();
                if asks_manners && manners.are_mechanical(&longer.now, found.coverage) {
                    found.lift = weight(&longer.now, question.rows) / total / found.usual_share.max(1e-4);
                }
                next.push((found.promise(), longer));
                if found.is_better_than(best.as_ref(), question) {
                    best = Some(found);
                }
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
        // What meets few of all visitors may meet all those of one site.
        let share_max = if question.is_everywhere { BLOCK_SHARE_MAX } else { CHALLENGE_SHARE_MAX };
        if self.usual_share > share_max || self.lift < question.lift_min() {
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
        // All who are behind one address share nothing else: a school comes as one network when a lesson begins.
        let is_telling = question.distress || question.is_vast;
        for item in programs {
            now = and(&now, &item.now);
            calm = and(&calm, &item.calm);
            sketched = sketched.min(item.sketched);
            any |= is_telling || !item.attribute.is_of_network();
        }
        let lift = if any {
            let share = self::weight(&now, question.rows) / total * certain_part(count(&now));
            share / self.usual_share(question, &calm, sketched).max(1e-4)
        } else {
            0.0
        };
        let own = || self.items.iter().map(|index| &items[*index]);
        Found {
            signature: Signature::of(own().map(|item| (item.attribute, item.hash)))
                .with_unusual(own().filter_map(|item| item.unusual.clone()).collect()),
            coverage: ((weight - expected) / excess).clamp(0.0, 1.0),
            usual_share,
            lift,
        }
    }

    fn usual_share(&self, question: &Question<'_>, calm: &Bits, sketched: f32) -> f32 {
        let samples = question.calm.len();
        if samples < CALM_MIN {
            return sketched;
        }
        share_from_above(count(calm), samples as u32)
    }
}

/// The upper end of a 95 % interval (Wilson 1927, simplified for small shares).
pub(super) fn share_from_above(hits: u32, samples: u32) -> f32 {
    let hits = hits as f32;
    ((hits + 1.0 + 1.65 * (hits + 0.7).sqrt()) / samples.max(1) as f32).min(1.0)
}

/// The part of so many rows that is no chance: the lower end of a 95 % interval. Of few failures some visitor has several.
fn certain_part(hits: u32) -> f32 {
    (1.0 - 1.65 / (hits.max(1) as f32).sqrt()).max(0.0)
}

/// The values that are frequent now, the most frequent first.
fn items(question: &Question<'_>, total: f32) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let looked_at = |attribute: &Attribute| !(question.is_everywhere && *attribute == Attribute::Address);
    for attribute in Attribute::ALL.into_iter().filter(looked_at) {
        let mut weights: HashMap<u32, f32> = HashMap::new();
        for (row, weight) in question.rows {
            *weights.entry(row.hash(attribute)).or_default() += weight;
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
    let mut items: Vec<Item> = items
        .into_iter()
        .map(|(_, attribute, hash)| Item {
            attribute,
            hash,
            unusual: None,
            now: bits(question.rows.iter().map(|(row, _)| row), |row| row.hash(attribute) == hash),
            calm: bits(question.calm.iter(), |row| row.hash(attribute) == hash),
            sketched: if question.calm.len() < CALM_MIN { known(attribute, hash) } else { 1.0 },
        })
        .collect();
    items.extend(unusual_items(question, total));
    (!items.is_empty()).then_some(items)
}

/// What has in common that it is unusual, where the site's own samples say what is usual.
fn unusual_items(question: &Question<'_>, total: f32) -> impl Iterator<Item = Item> {
    let is_known = question.is_vast && question.knows_usual && question.calm.len() >= CALM_MIN;
    let looked_at = LOOKED_AT.into_iter().filter(move |_| is_known);
    looked_at.filter_map(move |attribute| {
        let usual = Arc::new(Usual::among(question.calm, attribute)?);
        let now = bits(question.rows.iter().map(|(row, _)| row), |row| usual.is_lacking(row));
        let calm = bits(question.calm.iter(), |row| usual.is_lacking(row));
        let is_frequent = weight(&now, question.rows) >= total * COVERAGE_MIN;
        is_frequent.then_some(Item { attribute, hash: ANY, unusual: Some(usual), now, calm, sketched: 1.0 })
    })
}

pub(super) fn bits<'r>(rows: impl Iterator<Item = &'r Attributes>, is: impl Fn(&Attributes) -> bool) -> Bits {
    let mut bits = [0; WORDS];
    for (index, row) in rows.take(WORDS * 64).enumerate() {
        if is(row) {
            bits[index / 64] |= 1 << (index % 64);
        }
    }
    bits
}

pub(super) fn count(bits: &Bits) -> u32 {
    bits.iter().map(|word| word.count_ones()).sum()
}

pub(super) fn and(one: &Bits, other: &Bits) -> Bits {
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
