use super::*;
use crate::fixture::Mote;
use crate::{Roots, Surroundings, Trust, verify};
use policy::Footprint;
use std::time::Duration;
use vocabulary::{SeededRandom, Timestamp};

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

/// A whole bundle with two sites, and the roots it verifies against.
fn bundle() -> (Vec<u8>, Roots) {
    let mut mote = Mote::found(1, now().minus(Duration::from_secs(60)));
    let sites = [mote.site(&["a.test", "*.a.test"], 1), mote.site(&["b.test"], 2)];
    let mut same_account = sites.clone();
    same_account[1].account = same_account[0].account;
    let bytes = mote.block(&same_account, now(), Duration::from_secs(3600));
    (bytes.to_vec(), mote.roots())
}

fn holds(bytes: &[u8], roots: &Roots) -> bool {
    let around = Surroundings { now: now(), footprint: Footprint { sites: 2 }, consistency: &[] };
    verify(bytes, roots, &Trust::default(), &around).is_ok()
}

/// Splits the positions over the machine's cores; what is checked stays the same.
fn at_every_position(bytes: &[u8], check: impl Fn(usize) + Sync) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for first in 0..threads {
            let check = &check;
            scope.spawn(move || (first..bytes.len()).step_by(threads).for_each(check));
        }
    });
}

#[test]
fn a_changed_byte_at_any_position_fails_verification() {
    let (bytes, roots) = bundle();
    assert!(holds(&bytes, &roots));
    at_every_position(&bytes, |at| {
        let mut changed = bytes.clone();
        // A neighbouring letter or digit: the change that most often stays readable.
        changed[at] ^= 1;
        assert!(!holds(&changed, &roots), "byte {at} changed from {:?}", char::from(bytes[at]));
    });
}

#[test]
fn a_letter_in_the_other_case_at_any_position_fails_verification() {
    let (bytes, roots) = bundle();
    at_every_position(&bytes, |at| {
        if bytes[at].is_ascii_alphabetic() {
            let mut changed = bytes.clone();
            changed[at] ^= 0x20;
            assert!(!holds(&changed, &roots), "byte {at} changed from {:?}", char::from(bytes[at]));
        }
    });
}

#[test]
fn cut_and_padded_bundles_fail_verification() {
    let (bytes, roots) = bundle();
    for length in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        assert!(!holds(&bytes[..length], &roots), "{length}");
    }
    for padding in [" ", "\n", "{}", "\0"] {
        assert!(!holds(&[&bytes, padding.as_bytes()].concat(), &roots), "{padding:?}");
        assert!(!holds(&[padding.as_bytes(), &bytes].concat(), &roots), "{padding:?}");
    }
}

/// Seeded; `WARDMOTE_SEED` replays a run.
#[test]
fn mutated_bundles_neither_panic_nor_hold() {
    let (bytes, roots) = bundle();
    let seed = seed();
    println!("seed {seed}");
    let random = SeededRandom::new(seed);
    for _ in 0..2_000 {
        let mut changed = bytes.clone();
        for _ in 0..=random.below(3) {
            mutate(&mut changed, &random);
        }
        if changed != bytes {
            assert!(!holds(&changed, &roots), "seed {seed}: {}", String::from_utf8_lossy(&changed));
        }
        let _ = Bundle::claimed_decision(&changed);
    }
}

#[allow(clippy::disallowed_methods, reason = "a test is told by the environment which run to replay")]
fn seed() -> u64 {
    std::env::var("WARDMOTE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

fn mutate(bytes: &mut Vec<u8>, random: &SeededRandom) {
    let at = |random: &SeededRandom, length: usize| random.below(length as u64) as usize;
    let place = at(random, bytes.len());
    match random.below(5) {
        0 => bytes[place] = random.below(256) as u8,
        1 => drop(bytes.remove(place)),
        2 => bytes.insert(place, b"{}[]\",:0\\\xff"[at(random, 10)]),
        3 => {
            let end = (place + at(random, 200)).min(bytes.len());
            let piece = bytes[place..end].to_vec();
            let target = at(random, bytes.len());
            bytes.splice(target..target, piece);
        }
        _ => {
            let digits: Vec<_> = (0..bytes.len()).filter(|at| bytes[*at].is_ascii_digit()).collect();
            let place = digits[at(random, digits.len())];
            bytes[place] = b'0' + random.below(10) as u8;
        }
    }
    if bytes.is_empty() {
        bytes.push(b' ');
    }
}

#[test]
fn bundles_are_assembled_only_from_what_the_log_holds() {
    let mut mote = Mote::found(1, now());
    let site = mote.site(&["a.test"], 1);
    let draft = mote.draft(std::slice::from_ref(&site), now(), Duration::from_secs(60));
    let early = mote.checkpoint(now());
    let decided = mote.decide(&draft, now());
    let late = mote.checkpoint(now());
    let roster = String::from_utf8(mote.roster().to_bytes()).expect("text");
    let [policy_entry, roster_entry] = [0, 1].map(|place| &mote.entries()[place]);
    let parts = |index| Parts {
        decision: Logged { entry: &decided.entry, index },
        policy: (policy::default_policy_text(), Logged { entry: policy_entry, index: 0 }),
        roster: (&roster, Logged { entry: roster_entry, index: 1 }),
        rosters: &[],
        scope: &decided.scope,
        statement: &decided.statement,
        before: &[],
        ending: None,
    };
    assert!(Bundle::assemble(&parts(2), mote.tree(), &late).is_ok());
    let there = |index| AssembleError::NotThere(index).to_string();
    let error =
        |index, note| Bundle::assemble(&parts(index), mote.tree(), note).expect_err("error").to_string();
    assert_eq!(error(2, &early), there(2));
    assert_eq!(error(1, &late), there(1));
    assert_eq!(error(9, &late), there(9));
    let other = Mote::found(2, now()).checkpoint(now());
    assert_eq!(error(2, &other), AssembleError::Checkpoint.to_string());
}
