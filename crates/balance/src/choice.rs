//! Who is there to be chosen, and choosing the one with the least to do.

use crate::{FULL, MEMBERS_MAX};

/// An origin as a choice sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its weight, from 1.
    pub weight: u16,
    /// What part of its weight it takes now, in thousandths; 0: none.
    pub share: u16,
    /// Requests that it has not answered yet.
    pub outstanding: u32,
}

impl Candidate {
    /// Weight and share in one: what it is good for now.
    pub(crate) fn strength(&self) -> u64 {
        u64::from(self.weight) * u64::from(self.share)
    }
}

/// The origins that one request has been sent to already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tried(u32);

impl Tried {
    /// Notes one.
    pub fn add(&mut self, member: usize) {
        self.0 |= 1 << (member % u32::BITS as usize);
    }

    /// Whether it has been tried.
    pub fn contains(self, member: usize) -> bool {
        self.0 & (1 << (member % u32::BITS as usize)) != 0
    }

    /// How many were tried.
    pub fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// What is left of the shares once it is seen how many origins are there at all: where the weight of those
/// with a share is below `panic_percent` of the whole, or none has one, all are used as if they were well. A
/// wrong finding about most of them must not bring down the rest.
pub fn effective_shares(candidates: &mut [Candidate], panic_percent: u8) {
    let whole: u64 = candidates.iter().map(|candidate| u64::from(candidate.weight)).sum();
    let there = candidates.iter().filter(|candidate| candidate.share > 0);
    let there: u64 = there.map(|candidate| u64::from(candidate.weight)).sum();
    if there == 0 || there * 100 < whole * u64::from(panic_percent) {
        for candidate in candidates {
            candidate.share = FULL;
        }
    }
}

/// The one with the fewest requests outstanding for its weight; `turn` decides between equals. None: all were
/// tried, or have no share.
pub fn least_outstanding(candidates: &[Candidate], turn: usize, tried: Tried) -> Option<usize> {
    let count = candidates.len().min(MEMBERS_MAX);
    let mut best: Option<(usize, u64, u64)> = None;
    for step in 0..count {
        let member = (turn % count + step) % count;
        let (candidate, strength) = (&candidates[member], candidates[member].strength());
        if strength == 0 || tried.contains(member) {
            continue;
        }
        let load = u64::from(candidate.outstanding) + 1;
        // load / strength, compared without dividing.
        if best.is_none_or(|(_, least, of)| load * of < least * strength) {
            best = Some((member, load, strength));
        }
    }
    best.map(|(member, ..)| member)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(weight: u16, share: u16, outstanding: u32) -> Candidate {
        Candidate { weight, share, outstanding }
    }

    #[test]
    fn the_one_with_the_least_to_do_for_its_weight_is_chosen() {
        for (candidates, turn, tried, expected) in [
            (vec![candidate(1, FULL, 3), candidate(1, FULL, 2)], 0, None, Some(1)),
            (vec![candidate(3, FULL, 3), candidate(1, FULL, 1)], 0, None, Some(0)),
            (vec![candidate(1, FULL, 0), candidate(1, FULL, 0)], 1, None, Some(1)),
            (vec![candidate(1, FULL, 0), candidate(1, FULL, 9)], 0, Some(0), Some(1)),
            (vec![candidate(1, 0, 0), candidate(1, FULL, 9)], 0, None, Some(1)),
            // Back for a moment only: a tenth of its weight.
            (vec![candidate(1, 100, 0), candidate(1, FULL, 5)], 0, None, Some(1)),
            (vec![candidate(1, FULL, 0)], 0, Some(0), None),
            (vec![], 0, None, None),
        ] {
            let mut before = Tried::default();
            tried.into_iter().for_each(|member| before.add(member));
            assert_eq!(least_outstanding(&candidates, turn, before), expected, "{candidates:?}");
        }
    }

    #[test]
    fn where_too_few_are_left_all_are_used() {
        for (shares, percent, expected) in [
            ([0, 0, 0], 0, [FULL; 3]),
            ([FULL, 0, 0], 0, [FULL, 0, 0]),
            ([FULL, 0, 0], 34, [FULL; 3]),
            ([FULL, 300, 0], 50, [FULL, 300, 0]),
            ([FULL, FULL, 0], 67, [FULL; 3]),
        ] {
            let mut candidates = shares.map(|share| candidate(1, share, 0));
            effective_shares(&mut candidates, percent);
            assert_eq!(candidates.map(|one| one.share), expected, "{shares:?} at {percent} %");
        }
    }
}
