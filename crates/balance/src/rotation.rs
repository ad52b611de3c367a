//! Smooth weighted rotation: in each round every origin comes as often as its weight says, and never in a run
//! where that can be helped (the smooth weighted round robin of nginx).

use crate::choice::{Candidate, Tried};
use crate::rendezvous::mixed;
use crate::{FULL, MEMBERS_MAX};

/// The order of one round, made once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotation {
    order: Box<[u8]>,
}

impl Rotation {
    /// The order for these weights, each from 1; as long as their sum, made smaller by what divides them all.
    pub fn new(weights: &[u16]) -> Self {
        let weights = &weights[..weights.len().min(MEMBERS_MAX)];
        let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
        let weights: Vec<i64> = weights.iter().map(|weight| i64::from(*weight / divisor)).collect();
        let total: i64 = weights.iter().sum();
        let mut current = vec![0; weights.len()];
        let order = (0..total).filter_map(|_| {
            for (value, weight) in current.iter_mut().zip(&weights) {
                *value += weight;
            }
            // The first of equals: `max_by_key` would take the last.
            let chosen = (0..current.len()).rev().max_by_key(|member| current[*member])?;
            current[chosen] -= total;
            u8::try_from(chosen).ok()
        });
        Self { order: order.collect() }
    }

    /// Whose turn it is. Who has no share is passed over, and who has a part of one takes that part of its
    /// turns. None: all were tried, or have no share.
    pub fn choose(&self, candidates: &[Candidate], turn: usize, tried: Tried) -> Option<usize> {
        let places = self.order.len();
        let from = turn.checked_rem(places)?;
        let turns = (0..places).map(|step| usize::from(self.order[(from + step) % places]));
        let mut partly = None;
        for (step, member) in turns.enumerate() {
            let share = candidates.get(member).map_or(0, |candidate| candidate.share);
            if share == 0 || tried.contains(member) {
                continue;
            }
            let drawn = mixed(turn as u64 ^ ((step as u64) << 48)) % u64::from(FULL);
            if drawn < u64::from(share) {
                return Some(member);
            }
            partly = partly.or(Some(member));
        }
        partly
    }
}

fn greatest_common_divisor(mut one: u16, mut other: u16) -> u16 {
    while other != 0 {
        (one, other) = (other, one % other);
    }
    one
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn well(weights: &[u16]) -> Vec<Candidate> {
        weights.iter().map(|weight| Candidate { weight: *weight, share: FULL, outstanding: 0 }).collect()
    }

    fn round(weights: &[u16]) -> String {
        let (rotation, candidates) = (Rotation::new(weights), well(weights));
        let turns = 0..rotation.order.len();
        let chosen = turns.filter_map(|turn| rotation.choose(&candidates, turn, Tried::default()));
        chosen.map(|member| char::from(b'a' + member as u8)).collect()
    }

    #[test]
    fn a_round_is_smooth() {
        for (weights, expected) in [
            (vec![1], "a"),
            (vec![1, 1, 1], "abc"),
            (vec![5, 1, 1], "aabacaa"),
            (vec![10, 20], "bab"),
            (vec![2, 3], "babab"),
            (vec![7, 7], "ab"),
        ] {
            assert_eq!(round(&weights), expected, "{weights:?}");
        }
    }

    #[test]
    fn who_is_away_or_was_tried_is_passed_over_and_who_comes_back_takes_a_part() {
        let rotation = Rotation::new(&[1, 1, 1]);
        let mut candidates = well(&[1, 1, 1]);
        candidates[1].share = 0;
        let mut tried = Tried::default();
        tried.add(0);
        assert!((0..30).all(|turn| rotation.choose(&candidates, turn, tried) == Some(2)));
        tried.add(2);
        assert_eq!(rotation.choose(&candidates, 0, tried), None);
        candidates[1].share = 1;
        assert_eq!(rotation.choose(&candidates, 0, tried), Some(1), "better a part than nobody");
        candidates[1].share = 100;
        let turns = 0..3000;
        let drawn = turns.filter(|turn| rotation.choose(&candidates, *turn, Tried::default()) == Some(1));
        let count = drawn.count();
        assert!((60..150).contains(&count), "about a tenth of its thousand turns: {count}");
    }

    #[test]
    fn without_origins_there_is_no_choice() {
        assert_eq!(Rotation::new(&[]).choose(&[], 3, Tried::default()), None);
    }

    proptest! {
        #[test]
        fn everyone_comes_as_often_as_its_weight_says(weights in prop::collection::vec(1_u16..=100, 1..=16)) {
            let round = round(&weights);
            let total: u16 = weights.iter().sum();
            for (member, weight) in weights.iter().enumerate() {
                let came = round.bytes().filter(|byte| usize::from(byte - b'a') == member).count();
                prop_assert_eq!(came * usize::from(total), usize::from(*weight) * round.len());
            }
        }
    }
}
