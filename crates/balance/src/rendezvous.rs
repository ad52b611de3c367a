//! Consistent hashing: every key has its own order of the origins (rendezvous hashing, Thaler and Ravishankar
//! 1998), weighted by -weight ÷ ln(hash) as Schindelhauer and Schomaker do. When one goes, only its keys move;
//! when it comes back they return.

use crate::MEMBERS_MAX;
use crate::choice::{Candidate, Tried};

/// How much more than its part one origin may have outstanding before its keys go on to their next one, in
/// hundredths (Mirrokni et al., consistent hashing with bounded loads).
const LOAD_PERCENT: u64 = 125;

/// The same number for the same bytes on every machine, so that several edges agree.
pub fn hash_of(bytes: &[u8]) -> u64 {
    // FNV-1a, then mixed: alone, its high bits say little of the last byte.
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    mixed(bytes.iter().fold(0xcbf2_9ce4_8422_2325, fold))
}

/// The finaliser of SplitMix64: every bit of the input changes half of the output.
pub(crate) fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The origin of a key: the first of the key's order that has a share, was not tried and is not loaded far
/// beyond its part; where all are, the first. `names` are the origins' own hashes, in the candidates' order.
pub fn rendezvous(candidates: &[Candidate], names: &[u64], key: u64, tried: Tried) -> Option<usize> {
    let strength: u64 = candidates.iter().map(Candidate::strength).sum();
    let outstanding: u64 = candidates.iter().map(|candidate| u64::from(candidate.outstanding)).sum();
    let (mut first, mut with_room) = (None, None);
    for (member, (candidate, name)) in candidates.iter().zip(names).enumerate().take(MEMBERS_MAX) {
        if candidate.strength() == 0 || tried.contains(member) {
            continue;
        }
        let score = score(candidate.strength(), key, *name);
        better(&mut first, member, score);
        // Rounded up: one request always has room.
        let part = LOAD_PERCENT * (outstanding + 1) * candidate.strength();
        if u64::from(candidate.outstanding) < part.div_ceil(100 * strength) {
            better(&mut with_room, member, score);
        }
    }
    with_room.or(first).map(|(member, _)| member)
}

fn better(best: &mut Option<(usize, f64)>, member: usize, score: f64) {
    if best.is_none_or(|(_, before)| score > before) {
        *best = Some((member, score));
    }
}

fn score(strength: u64, key: u64, name: u64) -> f64 {
    // In (0, 1): 53 bits are what a float holds, and a half keeps it off zero.
    let drawn = ((mixed(key ^ name) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -(strength as f64) / drawn.ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FULL;
    use proptest::prelude::*;

    fn origins(weights: &[u16]) -> (Vec<Candidate>, Vec<u64>) {
        let candidates =
            weights.iter().map(|weight| Candidate { weight: *weight, share: FULL, outstanding: 0 });
        let names = (0..weights.len()).map(|member| hash_of(format!("origin-{member}").as_bytes()));
        (candidates.collect(), names.collect())
    }

    fn keys() -> impl Iterator<Item = u64> {
        (0..20_000_u32).map(|key| hash_of(&key.to_le_bytes()))
    }

    #[test]
    fn keys_are_spread_by_weight() {
        let (candidates, names) = origins(&[1, 2, 5]);
        let mut count = [0_u32; 3];
        for key in keys() {
            count[rendezvous(&candidates, &names, key, Tried::default()).expect("one")] += 1;
        }
        for (count, weight) in count.iter().zip([1, 2, 5]) {
            let expected = 20_000 * weight / 8;
            assert!(count.abs_diff(expected) < expected / 10, "{count} for {expected}");
        }
    }

    #[test]
    fn where_all_have_more_than_their_part_the_first_is_taken() {
        let (mut candidates, names) = origins(&[1, 1]);
        let key = hash_of(b"key");
        let first = rendezvous(&candidates, &names, key, Tried::default()).expect("one");
        candidates[first].outstanding = 10;
        let next = rendezvous(&candidates, &names, key, Tried::default()).expect("one");
        assert_ne!(next, first, "loaded beyond its part");
        candidates[next].outstanding = 10;
        assert_eq!(rendezvous(&candidates, &names, key, Tried::default()), Some(first), "in balance again");
        let mut tried = Tried::default();
        tried.add(0);
        tried.add(1);
        assert_eq!(rendezvous(&candidates, &names, key, tried), None);
    }

    #[test]
    fn the_numbers_stay_the_same_from_release_to_release() {
        assert_eq!(hash_of(b""), mixed(0xcbf2_9ce4_8422_2325));
        assert_eq!(hash_of(b"192.0.2.7"), 0x6053_c397_0e6a_076d);
    }

    proptest! {
        #[test]
        fn when_one_goes_only_its_keys_move(
            weights in prop::collection::vec(1_u16..=100, 2..=16),
            gone in any::<prop::sample::Index>(),
        ) {
            let (candidates, names) = origins(&weights);
            let gone = gone.index(weights.len());
            let mut without = candidates.clone();
            without[gone].share = 0;
            for key in keys().take(300) {
                let before = rendezvous(&candidates, &names, key, Tried::default());
                let after = rendezvous(&without, &names, key, Tried::default());
                prop_assert!(after.is_some() && after != Some(gone));
                prop_assert!(before == after || before == Some(gone));
            }
        }
    }
}
