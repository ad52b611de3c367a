//! Prints how long one proof of a large log takes, and how long an edge takes to verify one decision.
//!
//! `cargo run --release -p snapshot --features testing --example proof_figures -- [ENTRIES]`

#![allow(clippy::print_stdout, reason = "it prints figures")]
#![allow(clippy::disallowed_methods, reason = "it measures real time")]

use ledger::merkle::{Tree, leaf_hash, verify_inclusion};
use policy::Footprint;
use snapshot::fixture::Mote;
use snapshot::{Surroundings, Trust, verify};
use std::time::{Duration, Instant};
use vocabulary::Timestamp;

const ROUNDS: u64 = 1_000;

fn main() {
    let entries: u64 = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(1_000_000);
    let tree: Tree = (0..entries).map(|n| leaf_hash(&n.to_be_bytes())).collect();
    let root = tree.root();
    told(&format!("proof made and checked, {entries} entries"), |round| {
        let index = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) % entries;
        let path = tree.inclusion(index, entries).expect("it is in the tree");
        let leaf = leaf_hash(&index.to_be_bytes());
        verify_inclusion(&leaf, index, entries, &path, &root).expect("it proves itself");
    });
    let now = Timestamp::from_secs(1_790_000_000);
    let mut mote = Mote::found(1, now);
    let sites = [mote.site(&["board.test", "*.board.test"], 1)];
    let bundle = mote.block(&sites, now, Duration::from_secs(3_600));
    let (roots, trust) = (mote.roots(), Trust::default());
    told("decision verified by an edge", |_| {
        let around = Surroundings { now, footprint: Footprint { sites: 1 }, consistency: &[] };
        verify(&bundle, &roots, &trust, &around).expect("it holds");
    });
}

/// Runs something many times and prints the middle and the slowest hundredth.
fn told(what: &str, mut work: impl FnMut(u64)) {
    let mut took: Vec<Duration> = (0..ROUNDS)
        .map(|round| {
            let begun = Instant::now();
            work(round);
            begun.elapsed()
        })
        .collect();
    took.sort_unstable();
    println!("{what}: p50 {:?}, p99 {:?}", took[took.len() / 2], took[took.len() * 99 / 100]);
}
