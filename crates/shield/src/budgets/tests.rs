use super::*;
use vocabulary::{SeededRandom, Timestamp};

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(1_795_000_000_000 + ms)
}

fn budget() -> FrameBudget {
    FrameBudget::new(&FrameLimits::USUAL, at(0))
}

fn prefix(number: u32) -> Prefix {
    Prefix::of(std::net::Ipv4Addr::from(number << 8).into())
}

/// Sends one frame again and again, `each_second` of them; how many came before the end.
fn flood(frame: impl Fn(Timestamp) -> Frame, each_second: i64, count: i64) -> Option<(i64, Breach)> {
    let mut budget = budget();
    for number in 0..count {
        let now = at(number * 1000 / each_second);
        if let FrameVerdict::Calm(breach) = budget.count(frame(now), now) {
            return Some((number, breach));
        }
    }
    None
}

#[test]
fn floods_of_each_kind_end_the_connection_within_a_thousand_streams() {
    for (frame, breach, at_most) in [
        (Frame::Ping, Breach::Pings, 410),
        (Frame::Settings, Breach::Settings, 30),
        (Frame::Continuation, Breach::Continuation, 40),
        (Frame::Data { bytes: 0, ends: false }, Breach::EmptyData, 60),
        (Frame::Data { bytes: 1, ends: false }, Breach::TinyData, 22_000),
        (Frame::WindowUpdate, Breach::WindowUpdates, 250_000),
        (Frame::Priority, Breach::Priorities, 1_100),
        (Frame::Other, Breach::Other, 60),
        (Frame::Headers, Breach::Headers, 2_200),
    ] {
        let (count, by) =
            flood(|_| frame, 1_000_000, 1_000_000).unwrap_or_else(|| panic!("{frame:?} went on"));
        assert_eq!(by, breach);
        assert!(count <= at_most, "{frame:?} ended after {count}");
    }
}

#[test]
fn what_honest_programs_send_goes_on_for_ever() {
    // A download: two window updates for each 16 KiB at 80 Mbit/s; gRPC that measures the path at
    // 25 round trips a second; a page of 100 files each second; typing over a tunnel.
    for (frame, each_second) in [
        (Frame::WindowUpdate, 1_200),
        (Frame::Ping, 25),
        (Frame::Headers, 100),
        (Frame::Data { bytes: 1, ends: false }, 50),
        (Frame::Data { bytes: 0, ends: true }, 10_000),
        (Frame::Data { bytes: 16_384, ends: false }, 10_000),
    ] {
        assert_eq!(flood(|_| frame, each_second, each_second * 60), None, "{frame:?}");
    }
}

#[test]
fn streams_that_are_answered_cost_nothing_of_the_budget() {
    let mut budget = budget();
    for stream in 0..100_000i64 {
        // 10,000 each second, the answers a hundred streams later.
        assert_eq!(budget.count(Frame::Headers, at(stream / 10)), FrameVerdict::Fine, "{stream}");
        budget.answered(u32::from(stream >= 100));
    }
    let more = (0..3_000).take_while(|_| budget.count(Frame::Headers, at(10_000)) == FrameVerdict::Fine);
    let more = more.count();
    assert!((1_800..=2_000).contains(&more), "no more than the burst is saved up: {more}");
}

#[test]
fn rapid_reset_is_announced_and_then_ended() {
    let mut budget = budget();
    let (mut warned, mut ended) = (None, None);
    for stream in 0..1_000u32 {
        let now = at(i64::from(stream));
        for frame in [Frame::Headers, Frame::Reset { answered: false, opened: now }] {
            match budget.count(frame, now) {
                FrameVerdict::Goaway(breach) => warned = warned.or(Some((stream, breach))),
                FrameVerdict::Calm(breach) => ended = ended.or(Some((stream, breach))),
                FrameVerdict::Fine => {}
            }
        }
    }
    let (warned, breach) = warned.expect("announced");
    assert_eq!((warned + 1, breach), (STREAMS_BEFORE_JUDGEMENT, Breach::RapidReset));
    assert_eq!(ended, Some((warned + 1, Breach::RapidReset)));
}

#[test]
fn a_reader_that_leaves_pages_early_is_not_taken_for_an_attack() {
    let mut budget = budget();
    for stream in 0..10_000i64 {
        let now = at(stream * 50);
        assert_eq!(budget.count(Frame::Headers, now), FrameVerdict::Fine);
        // Two of five are abandoned; others are reset after their answer began, or late.
        let reset = match stream % 5 {
            0 | 1 => Some(Frame::Reset { answered: false, opened: now }),
            2 => Some(Frame::Reset { answered: true, opened: now }),
            3 => Some(Frame::Reset { answered: false, opened: at(stream * 50 - 1_500) }),
            _ => None,
        };
        if let Some(reset) = reset {
            assert_eq!(budget.count(reset, now), FrameVerdict::Fine, "stream {stream}");
        }
    }
}

#[test]
fn streams_that_the_visitor_makes_us_reset_are_few() {
    let mut budget = budget();
    let verdicts: Vec<FrameVerdict> =
        (0..=FORCED_RESETS_MAX + 1).map(|_| budget.count(Frame::ForcedReset, at(0))).collect();
    let max = FORCED_RESETS_MAX as usize;
    assert!(verdicts[..max].iter().all(|verdict| *verdict == FrameVerdict::Fine));
    assert_eq!(verdicts[max], FrameVerdict::Goaway(Breach::ForcedResets));
    assert_eq!(verdicts[max + 1], FrameVerdict::Calm(Breach::ForcedResets));
}

#[test]
fn any_frames_at_any_instants_leave_a_verdict() {
    let random = SeededRandom::new(3);
    let mut budget = budget();
    for _ in 0..50_000 {
        let now = at(random.below(100_000) as i64 - 50_000);
        let frame = match random.below(9) {
            0 => Frame::Headers,
            1 => Frame::Reset { answered: random.below(2) == 0, opened: at(random.below(100_000) as i64) },
            2 => Frame::ForcedReset,
            3 => Frame::Ping,
            4 => Frame::Settings,
            5 => Frame::WindowUpdate,
            6 => Frame::Data { bytes: random.below(40) as u32, ends: random.below(2) == 0 },
            7 => Frame::Continuation,
            _ => Frame::Other,
        };
        let _ = budget.count(frame, now);
    }
    assert!(size_of::<FrameBudget>() <= 128, "{} bytes for each connection", size_of::<FrameBudget>());
}

#[test]
fn one_network_may_hold_thousands_while_nothing_is_short() {
    let mut counts = PrefixCounts::new(&SeededRandom::new(1));
    let whole = 20_000;
    for used in 0..5_000 {
        assert!(counts.open(prefix(1), Scarcity::of(used, whole)), "{used}");
    }
    assert_eq!(counts.of(prefix(1)), 5_000);
}

#[test]
fn under_scarcity_a_crowd_stops_itself_and_strangers_still_come() {
    let mut counts = PrefixCounts::new(&SeededRandom::new(1));
    let (mut used, whole) = (0, 10_000);
    let mut refused = 0;
    for _ in 0..20_000 {
        if counts.open(prefix(1), Scarcity::of(used, whole)) { used += 1 } else { refused += 1 }
    }
    assert!(used < whole && refused > 0, "the crowd left room: {used}");
    for stranger in 2..102 {
        assert!(counts.open(prefix(stranger), Scarcity::of(used, whole)), "stranger {stranger}");
        used += 1;
    }
    assert!(!counts.open(prefix(500), Scarcity::of(whole, whole)), "nothing is left at all");
    counts.close(prefix(1));
    counts.close(prefix(9_999));
    assert_eq!(counts.of(prefix(9_999)), 0, "what was never opened is not owed");
}

#[test]
fn networks_are_24_and_48_bits_wide() {
    let of = |text: &str| Prefix::of(text.parse().expect("address")).address().to_string();
    assert_eq!(of("203.0.113.77"), "203.0.113.0");
    assert_eq!(of("::ffff:203.0.113.77"), "203.0.113.0");
    assert_eq!(of("2001:db8:1:2:3::4"), "2001:db8:1::");
}

#[test]
fn while_places_are_free_everybody_begins() {
    let mut shakes = Handshakes::new(4);
    for ticket in 0..4 {
        assert_eq!(shakes.ask(ticket, prefix(1)), Turn::Now);
    }
    assert_eq!(shakes.ask(4, prefix(1)), Turn::Wait { dropped: None });
    assert_eq!(shakes.done(prefix(1)), Some(4));
    assert_eq!(shakes.counts(), (4, 0));
}

#[test]
fn a_flood_of_handshakes_waits_behind_a_stranger() {
    let mut shakes = Handshakes::new(4);
    for ticket in 0..500 {
        shakes.ask(ticket, prefix(1));
    }
    assert_eq!(shakes.ask(1_000, prefix(2)), Turn::Wait { dropped: None });
    assert_eq!(shakes.done(prefix(1)), Some(1_000), "the stranger is next");
    assert_eq!(shakes.done(prefix(1)), Some(4), "then in order");
}

#[test]
fn a_full_queue_drops_the_newest_of_the_crowd() {
    let mut shakes = Handshakes::new(1);
    shakes.ask(0, prefix(1));
    for ticket in 1..=WAITING_MAX as u64 {
        shakes.ask(ticket, prefix(1));
    }
    assert_eq!(shakes.ask(7_000, prefix(1)), Turn::Refused);
    assert_eq!(shakes.ask(8_000, prefix(2)), Turn::Wait { dropped: Some(WAITING_MAX as u64) });
    assert_eq!(shakes.counts(), (1, WAITING_MAX));
    shakes.leave(8_000);
    shakes.leave(8_000);
    assert_eq!(shakes.counts(), (1, WAITING_MAX - 1));
}

#[test]
fn no_order_of_asking_and_leaving_breaks_the_bounds() {
    let random = SeededRandom::new(5);
    let mut shakes = Handshakes::new(8);
    let mut under_way: Vec<(u64, Prefix)> = Vec::new();
    let mut waiting = std::collections::BTreeMap::new();
    for ticket in 0..20_000u64 {
        let own = prefix(random.below(6) as u32);
        match shakes.ask(ticket, own) {
            Turn::Now => under_way.push((ticket, own)),
            Turn::Wait { dropped } => {
                assert!(dropped.is_none_or(|dropped| waiting.remove(&dropped).is_some()));
                waiting.insert(ticket, own);
            }
            Turn::Refused => {}
        }
        if random.below(3) == 0 && !under_way.is_empty() {
            let (_, over) = under_way.swap_remove(random.below(under_way.len() as u64) as usize);
            if let Some(next) = shakes.done(over) {
                under_way.push((next, waiting.remove(&next).expect("it waited")));
            }
        }
        assert_eq!(shakes.counts(), (under_way.len(), waiting.len()));
        assert!(under_way.len() <= 8 && waiting.len() <= WAITING_MAX);
    }
}
