//! What is remembered of a busy site: samples of the last seconds, samples from calm times, requests
//! that cost the origin much, and what is being done.

use super::attributes::Attributes;
use super::mitigation::Mitigation;
use super::record::SiteKey;
use super::reference::mixed;
use super::search::Signature;
use std::collections::VecDeque;

/// The most memory of one slab, in bytes.
pub const SLAB_BYTES_MAX: usize = 256 * 1024;
/// Seconds of which samples are kept.
const SECONDS: usize = 3;
/// Samples of a second.
const SAMPLES: usize = 512;
/// Samples from calm times.
pub(super) const CALM_SAMPLES: usize = 1024;
/// How long a slab that is new takes whatever comes for calm, in seconds.
const FILLING_SECONDS: u32 = 60;
/// Samples put among the calm ones in a second after that: each stays about four minutes.
const CALM_EACH_SECOND: u8 = 4;
/// How long a sample waits before it counts as calm, in seconds. An attack that grows slowly is not learnt: it is
/// noticed before its first samples would count.
const CALM_AFTER: u32 = 120;
/// Samples that wait for it.
const WAITING_MAX: usize = CALM_EACH_SECOND as usize * CALM_AFTER as usize;
/// Costly requests kept.
const COSTLY: usize = 256;
/// Mitigations of one site at once.
pub(super) const MITIGATIONS_MAX: usize = 8;
/// Signatures that turned out to be people or harmless, kept so that they are not found again.
const PARDONED_MAX: usize = 16;
/// For how long, in seconds.
const PARDONED_SECONDS: u32 = 600;

/// The samples of one second: a uniform choice of its requests (Vitter 1985, algorithm R).
#[derive(Debug)]
struct Second {
    number: u32,
    seen: u32,
    rows: Vec<Attributes>,
}

/// A request that cost the origin time.
#[derive(Debug, Clone, Copy)]
struct Costly {
    second: u32,
    ms: u32,
    row: Attributes,
}

#[derive(Debug)]
pub(super) struct Slab {
    pub(super) site: SiteKey,
    /// The second in which it was last used.
    pub(super) used: u32,
    /// Whether something unusual goes on: then it is not taken away.
    pub(super) alarmed: bool,
    seconds: [Second; SECONDS],
    calm: Vec<Attributes>,
    /// The second of the first sample.
    calm_since: Option<u32>,
    calm_second: (u32, u8),
    /// Samples that will count as calm, if nothing unusual happens until then, and their seconds.
    waiting: VecDeque<(Attributes, u32)>,
    costly: Vec<Costly>,
    costly_next: usize,
    pub(super) mitigations: Vec<Mitigation>,
    pardoned: Vec<(Signature, Pardon, u32)>,
}

/// Why a signature may not be used for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pardon {
    /// It is that of people, or somebody has undone it.
    People,
    /// The origin does well with it: it is one again where the origin does not.
    Harmless,
}

impl Slab {
    pub(super) fn new(site: SiteKey) -> Self {
        let second = || Second { number: 0, seen: 0, rows: Vec::with_capacity(SAMPLES) };
        Self {
            site,
            used: 0,
            alarmed: false,
            seconds: std::array::from_fn(|_| second()),
            calm: Vec::with_capacity(CALM_SAMPLES),
            calm_since: None,
            calm_second: (0, 0),
            waiting: VecDeque::with_capacity(WAITING_MAX),
            costly: Vec::with_capacity(COSTLY),
            costly_next: 0,
            mitigations: Vec::with_capacity(MITIGATIONS_MAX),
            pardoned: Vec::with_capacity(PARDONED_MAX),
        }
    }

    /// Gives it to another site.
    pub(super) fn give(&mut self, site: SiteKey) {
        self.site = site;
        self.alarmed = false;
        for second in &mut self.seconds {
            second.seen = 0;
            second.rows.clear();
        }
        self.calm.clear();
        self.calm_since = None;
        self.waiting.clear();
        self.costly.clear();
        self.mitigations.clear();
        self.pardoned.clear();
    }

    /// Takes a request of the present second into account, which stands for so many (Chao 1982).
    pub(super) fn sample(&mut self, row: &Attributes, stands_for: u32, second: u32, random: u64) {
        self.used = second;
        let own = &mut self.seconds[second as usize % SECONDS];
        if own.number != second {
            own.number = second;
            own.seen = 0;
            own.rows.clear();
        }
        let stands_for = stands_for.max(1);
        own.seen = own.seen.saturating_add(stands_for);
        let place = random % u64::from(own.seen) / u64::from(stands_for);
        if own.rows.len() < SAMPLES {
            own.rows.push(*row);
        } else if let Some(place) = own.rows.get_mut(place as usize) {
            *place = *row;
        }
    }

    /// Takes a request of a calm second into the reference: at once while the slab is new, later only when nothing
    /// unusual has followed for a while.
    pub(super) fn learn(&mut self, row: &Attributes, second: u32, random: u64) {
        if self.calm_second.0 != second {
            self.calm_second = (second, 0);
        }
        let since = *self.calm_since.get_or_insert(second);
        if second < since + FILLING_SECONDS {
            self.know(row, random);
        } else if self.calm_second.1 < CALM_EACH_SECOND && self.waiting.len() < WAITING_MAX {
            self.calm_second.1 += 1;
            self.waiting.push_back((*row, second));
        }
        let mut random = random;
        while let Some((row, _)) = self.waiting.pop_front_if(|(_, since)| *since + CALM_AFTER <= second) {
            random = mixed(random);
            self.know(&row, random);
        }
    }

    fn know(&mut self, row: &Attributes, random: u64) {
        if self.calm.len() < CALM_SAMPLES {
            self.calm.push(*row);
        } else if let Some(place) = self.calm.get_mut((random % CALM_SAMPLES as u64) as usize) {
            *place = *row;
        }
    }

    /// Something unusual goes on: what came just before may belong to it.
    pub(super) fn doubt(&mut self) {
        self.waiting.clear();
    }

    /// Takes a request that cost the origin time into account.
    pub(super) fn costly(&mut self, row: &Attributes, ms: u32, second: u32) {
        let entry = Costly { second, ms, row: *row };
        if self.costly.len() < COSTLY {
            self.costly.push(entry);
        } else {
            self.costly[self.costly_next % COSTLY] = entry;
            self.costly_next += 1;
        }
    }

    /// The samples of the last two whole seconds, each with the rate that it stands for.
    pub(super) fn recent(&self, second: u32) -> Vec<(Attributes, f32)> {
        let mut all = Vec::with_capacity(2 * SAMPLES);
        for own in &self.seconds {
            if own.number < second && own.number + 2 >= second && !own.rows.is_empty() {
                let weight = own.seen as f32 / own.rows.len() as f32 / 2.0;
                all.extend(own.rows.iter().map(|row| (*row, weight)));
            }
        }
        all
    }

    /// What cost the origin time lately, weighted by it.
    pub(super) fn expensive(&self, second: u32) -> Vec<(Attributes, f32)> {
        let recent = self.costly.iter().filter(|costly| costly.second + 10 >= second);
        recent.map(|costly| (costly.row, costly.ms as f32 / 1000.0)).collect()
    }

    pub(super) fn calm(&self) -> &[Attributes] {
        &self.calm
    }

    /// Notes that a signature is not to be used.
    pub(super) fn pardon(&mut self, signature: Signature, pardon: Pardon, second: u32) {
        if self.pardoned.len() == PARDONED_MAX {
            self.pardoned.remove(0);
        }
        self.pardoned.push((signature, pardon, second));
    }

    /// The signatures that may not be used, for ten minutes after each was undone.
    pub(super) fn pardoned(&self, second: u32, distress: bool) -> impl Iterator<Item = &Signature> {
        let holds = move |pardon: Pardon, since: u32| {
            since + PARDONED_SECONDS >= second && !(distress && pardon == Pardon::Harmless)
        };
        self.pardoned
            .iter()
            .filter(move |(_, pardon, since)| holds(*pardon, *since))
            .map(|(signature, ..)| signature)
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let row = size_of::<Attributes>();
        size_of::<Self>()
            + self.seconds.iter().map(|second| second.rows.capacity() * row).sum::<usize>()
            + self.calm.capacity() * row
            + self.waiting.capacity() * size_of::<(Attributes, u32)>()
            + self.costly.capacity() * size_of::<Costly>()
            + self.mitigations.capacity() * size_of::<Mitigation>()
            + self.pardoned.capacity() * size_of::<(Signature, Pardon, u32)>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_before_an_alarm_is_not_learnt_and_what_was_followed_by_calm_is() {
        let row = |value| Attributes::from_hashes([value; 16]);
        let mut slab = Slab::new(SiteKey(1));
        let learn = |slab: &mut Slab, seconds: std::ops::Range<u32>, value: u32| {
            for second in seconds {
                (0..20).for_each(|place| slab.learn(&row(value), second, u64::from(second * 20 + place)));
            }
        };
        let known = |slab: &Slab, value| slab.calm().iter().filter(|own| **own == row(value)).count();
        learn(&mut slab, 1_000..1_060, 1);
        assert_eq!(known(&slab, 1), CALM_SAMPLES, "a new slab learns at once");
        learn(&mut slab, 1_060..1_120, 2);
        slab.doubt();
        learn(&mut slab, 1_120..1_300, 3);
        assert_eq!(known(&slab, 2), 0);
        assert!(known(&slab, 3) > 100, "{}", known(&slab, 3));
        learn(&mut slab, 1_300..3_000, 4);
        assert!(slab.waiting.len() <= WAITING_MAX && slab.waiting.capacity() <= WAITING_MAX);
    }
}
