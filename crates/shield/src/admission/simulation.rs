//! An origin with a few workers, a flood from some networks and visitors from others, in steps of a millisecond.

use super::*;
use crate::budgets::Prefix;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use vocabulary::{Random, SeededRandom};

/// How long one waits for a place before it is refused, as the edge has it.
const PATIENCE_MS: u64 = 3_000;

struct Scenario {
    workers: usize,
    service_ms: u64,
    /// Requests a second: of visitors, of the flood.
    rates: (u64, u64),
    /// Networks that they come from.
    networks: (u64, u64),
    seconds: u64,
}

#[derive(Default, Debug)]
struct Told {
    served: [u64; 2],
    refused: [u64; 2],
    /// Of visitors, from the first byte to the answer.
    waits_ms: Vec<u64>,
    /// Of all that the origin answered, from when it got them.
    origin_ms: Vec<u64>,
}

impl Told {
    fn p99(times: &[u64]) -> u64 {
        let mut times = times.to_vec();
        times.sort_unstable();
        times.get(times.len().saturating_sub(1) * 99 / 100).copied().unwrap_or_default()
    }
}

#[derive(Clone, Copy)]
struct One {
    flood: bool,
    came_ms: u64,
    began_ms: u64,
}

/// The flood begins after ten seconds. `limited`: with admission; else everything goes to the origin.
fn run(scenario: &Scenario, seed: u64, limited: bool) -> Told {
    let random = SeededRandom::new(seed);
    let mut draw = {
        let mut state = u64::from_le_bytes((&random as &dyn Random).bytes());
        move |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    };
    let mut admission = Admission::new(100_000);
    let mut told = Told::default();
    let mut waiting: HashMap<u64, (One, Asking)> = HashMap::new();
    let mut order: VecDeque<u64> = VecDeque::new();
    let (mut backlog, mut workers) = (VecDeque::new(), vec![None::<(u64, One)>; scenario.workers]);
    let mut ticket = 0;
    for ms in 0..scenario.seconds * 1_000 {
        let now = Duration::from_millis(ms);
        for (flood, rate) in [(false, scenario.rates.0), (true, scenario.rates.1)] {
            if flood && ms < 10_000 {
                continue;
            }
            let comes = rate / 1_000 + u64::from(draw(1_000) < rate % 1_000);
            for _ in 0..comes {
                ticket += 1;
                let (base, networks) =
                    if flood { (10, scenario.networks.1) } else { (172, scenario.networks.0) };
                let network = draw(networks);
                let address = IpAddr::from([base, (network >> 8) as u8, network as u8, 1]);
                let asking =
                    Asking { ticket, class: Class::Usual, network: Prefix::of(address), sends: false };
                let one = One { flood, came_ms: ms, began_ms: ms };
                match if limited { admission.ask(&asking, now) } else { Entry::Now } {
                    Entry::Now => backlog.push_back(one),
                    Entry::Refused => told.refused[usize::from(flood)] += 1,
                    Entry::Wait { dropped } => {
                        waiting.insert(ticket, (one, asking));
                        order.push_back(ticket);
                        if let Some((lost, _)) = dropped.and_then(|dropped| waiting.remove(&dropped)) {
                            told.refused[usize::from(lost.flood)] += 1;
                        }
                    }
                }
            }
        }
        while let Some(oldest) = order.front().copied() {
            match waiting.get(&oldest) {
                Some((one, _)) if one.came_ms + PATIENCE_MS > ms => break,
                Some((one, asking)) => {
                    told.refused[usize::from(one.flood)] += 1;
                    admission.leave(asking);
                    waiting.remove(&oldest);
                }
                None => {}
            }
            order.pop_front();
        }
        for worker in &mut workers {
            if let Some((_, one)) = worker.take_if(|(until, _)| *until <= ms) {
                let took = ms - one.began_ms;
                told.served[usize::from(one.flood)] += 1;
                told.origin_ms.push(took);
                if !one.flood && ms > 15_000 {
                    told.waits_ms.push(ms - one.came_ms);
                }
                if limited {
                    admission.done(now, Some(Duration::from_millis(took.max(1))));
                }
            }
            while let Some(next) = admission.let_in_next() {
                if let Some((one, _)) = waiting.remove(&next) {
                    backlog.push_back(One { began_ms: ms, ..one });
                }
            }
            if worker.is_none() {
                let takes = scenario.service_ms / 2 + draw(scenario.service_ms + 1);
                *worker = backlog.pop_front().map(|one| (ms + takes, one));
            }
        }
    }
    told
}

/// An origin for 400 requests a second, visitors that want 60, and a flood of 2,000 from a few networks.
const FLOOD: Scenario =
    Scenario { workers: 8, service_ms: 20, rates: (60, 2_000), networks: (400, 20), seconds: 40 };

#[test]
fn an_origin_survives_a_flood_and_visitors_of_other_networks_are_served() {
    for seed in 0..10 {
        let told = run(&FLOOD, seed, true);
        let (served, refused) = (told.served[0], told.refused[0]);
        assert!(refused * 100 <= served, "seed {seed}: {refused} visitors refused, {served} served");
        let (waits, origin) = (Told::p99(&told.waits_ms), Told::p99(&told.origin_ms));
        assert!(origin < 500, "seed {seed}: the origin's p99 is {origin} ms");
        assert!(waits < 1_500, "seed {seed}: the visitors' p99 is {waits} ms");
        let busy = told.served.iter().sum::<u64>();
        assert!(busy > 400 * 30 * 9 / 10, "seed {seed}: the origin is used, {busy}");
        let bare = run(&FLOOD, seed, false);
        assert!(Told::p99(&bare.origin_ms) > 10 * origin, "seed {seed}: without it the origin drowns");
    }
}

#[test]
fn visitors_alone_meet_no_refusal_however_many_come_at_once() {
    let busy = Scenario { workers: 64, rates: (3_000, 0), networks: (5, 1), ..FLOOD };
    for seed in 0..5 {
        let told = run(&busy, seed, true);
        assert_eq!(told.refused, [0, 0], "seed {seed}");
    }
}
