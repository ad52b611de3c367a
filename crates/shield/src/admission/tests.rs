use super::*;
use crate::budgets::Prefix;
use std::net::IpAddr;

fn asking(ticket: u64, network: u8) -> Asking {
    let network = Prefix::of(IpAddr::from([10, 0, network, 1]));
    Asking { ticket, class: Class::Usual, network, sends: false }
}

/// An origin whose first places are all taken.
fn full() -> Admission {
    let mut admission = Admission::new(1_000);
    for ticket in 0..u64::from(PLACES_FIRST) {
        assert_eq!(admission.ask(&asking(ticket, 0), secs(0)), Entry::Now);
    }
    admission
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn nobody_waits_while_a_place_is_free_and_a_place_that_is_given_back_is_the_next_ones() {
    let mut admission = full();
    assert!(matches!(admission.ask(&asking(100, 1), secs(0)), Entry::Wait { dropped: None }));
    assert_eq!(admission.let_in_next(), None, "there is no place yet");
    admission.done(secs(0), None);
    assert_eq!(admission.let_in_next(), Some(100));
    assert_eq!(admission.occupancy().busy, PLACES_FIRST);
    admission.done(secs(0), None);
    assert_eq!(admission.ask(&asking(101, 1), secs(0)), Entry::Now);
}

#[test]
fn a_stranger_waits_for_one_turn_of_a_crowd_and_not_for_all_of_it() {
    let mut admission = full();
    for ticket in 0..1_000 {
        assert!(matches!(admission.ask(&asking(1_000 + ticket, 3), secs(0)), Entry::Wait { .. }));
    }
    assert!(matches!(admission.ask(&asking(9_999, 4), secs(0)), Entry::Wait { .. }));
    let next: Vec<_> = (0..3)
        .filter_map(|_| {
            admission.done(secs(0), None);
            admission.let_in_next()
        })
        .collect();
    assert!(next.contains(&9_999), "{next:?}");
}

#[test]
fn a_queue_that_is_full_pushes_out_the_crowd_and_refuses_only_it() {
    let mut admission = full();
    for ticket in 0..WAITING_MAX as u64 {
        assert!(matches!(admission.ask(&asking(1_000 + ticket, 3), secs(0)), Entry::Wait { .. }));
    }
    assert_eq!(admission.ask(&asking(1, 3), secs(0)), Entry::Refused);
    let Entry::Wait { dropped: Some(dropped) } = admission.ask(&asking(9_999, 4), secs(0)) else {
        panic!("the stranger takes the place of one of the crowd");
    };
    assert!((1_000..1_000 + WAITING_MAX as u64).contains(&dropped));
    assert_eq!(admission.occupancy().waiting, WAITING_MAX as u32);
}

#[test]
fn who_leaves_the_queue_has_no_turn_and_an_empty_queue_takes_no_memory() {
    let mut admission = full();
    assert!(matches!(admission.ask(&asking(100, 1), secs(0)), Entry::Wait { .. }));
    admission.leave(&asking(100, 1));
    admission.leave(&asking(100, 1));
    assert!(admission.queue.is_none());
    admission.done(secs(0), None);
    assert_eq!(admission.let_in_next(), None);
}

#[test]
fn the_known_go_before_and_leave_turns_to_the_others() {
    let mut admission = full();
    for (ticket, class) in
        (0..).zip([Class::Unattended, Class::Usual, Class::Known].into_iter().cycle()).take(120)
    {
        let asking = Asking { class, ..asking(1_000 + ticket, (ticket % 7) as u8) };
        assert!(matches!(admission.ask(&asking, secs(0)), Entry::Wait { .. }));
    }
    let mut turns = [0; 3];
    for _ in 0..39 {
        admission.done(secs(0), None);
        let ticket = admission.let_in_next().expect("one waits") - 1_000;
        turns[ticket as usize % 3] += 1;
    }
    assert_eq!(turns, [3, 12, 24]);
}

#[test]
fn a_familiar_network_waits_for_one_turn_of_all_strangers() {
    let mut admission = full();
    for network in 10..=200 {
        assert!(matches!(admission.ask(&asking(u64::from(network), network), secs(0)), Entry::Wait { .. }));
    }
    let familiar = Asking { class: Class::Familiar, ..asking(9_999, 250) };
    assert!(matches!(admission.ask(&familiar, secs(0)), Entry::Wait { .. }));
    let next: Vec<_> = (0..2)
        .filter_map(|_| {
            admission.done(secs(0), None);
            admission.let_in_next()
        })
        .collect();
    assert!(next.contains(&9_999), "{next:?}");
}

#[test]
fn whoever_still_sends_takes_no_place_from_those_who_wait_and_one_network_not_all_sending() {
    let mut admission = full();
    let sender = Asking { sends: true, ..asking(200, 5) };
    admission.sends(sender.network);
    assert_eq!(admission.ask(&asking(100, 1), secs(0)), Entry::Now, "a place is free meanwhile");
    admission.sent(sender.network, true);
    assert_eq!(
        admission.occupancy().busy,
        PLACES_FIRST + 1,
        "its content has come, and it is the origin's turn"
    );
    let mut taken = 0;
    while admission.may_send(sender.network) {
        admission.sends(sender.network);
        taken += 1;
    }
    assert!(taken > SENDING_MAX / 2 && taken < SENDING_MAX, "{taken}");
    assert_eq!(admission.senders_of(sender.network), taken);
    assert!(admission.may_send(asking(201, 6).network));
}

/// Lets so many answers come after `took`, with as many places in use as there are, until `until`.
fn answers(admission: &mut Admission, mut now: Duration, until: Duration, took: Duration) -> Duration {
    while now < until {
        while admission.ask(&asking(0, 1), secs(0)) == Entry::Now {}
        let busy = admission.occupancy().busy;
        now += took;
        for _ in 0..busy {
            admission.done(now, Some(took));
            while admission.let_in_next().is_some() {}
        }
    }
    now
}

#[test]
fn places_are_added_while_an_origin_does_well_and_taken_away_when_it_falls_behind() {
    let mut admission = Admission::new(10_000);
    let ms = Duration::from_millis;
    let now = answers(&mut admission, secs(0), secs(5), ms(10));
    let well = admission.occupancy().places;
    assert!(well > 300, "{well}");
    let now = answers(&mut admission, now, now + secs(2), ms(400));
    let behind = admission.occupancy().places;
    assert!(behind < well / 4, "{behind} of {well}");
    answers(&mut admission, now, now + secs(5), ms(10));
    assert!(admission.occupancy().places > 2 * behind);
}

#[test]
fn an_origin_that_is_slow_by_itself_keeps_what_it_uses() {
    let mut admission = Admission::new(10_000);
    let mut now = secs(0);
    for round in 0..600 {
        let took = Duration::from_millis(if round < 100 { 20 } else { 800 });
        for _ in 0..20 {
            assert_eq!(admission.ask(&asking(0, 1), secs(0)), Entry::Now, "round {round}");
        }
        now += took;
        for _ in 0..20 {
            admission.done(now, Some(took));
        }
    }
}

#[test]
fn an_origin_that_fails_gets_fewer_and_never_none() {
    let places_after = |networks: u8, waiting: bool| {
        let mut admission = full();
        if waiting {
            assert!(matches!(admission.ask(&asking(1_000, 1), Duration::ZERO), Entry::Wait { .. }));
        }
        for ms in 0..10_000 {
            let network = Prefix::of([10, 0, (ms % u64::from(networks)) as u8, 1].into());
            admission.failed(Duration::from_millis(ms), network);
        }
        admission.occupancy().places
    };
    assert_eq!(places_after(3, true), PLACES_MIN);
    assert!(places_after(2, true) >= PLACES_FIRST, "what one or two ask for may fail for their own sake");
    assert!(places_after(3, false) >= PLACES_FIRST, "nobody waits");
}

/// So many come at once, and nobody is answered for three seconds: how many of them have a place then.
fn let_in(admission: &mut Admission, come: u64, now: Duration) -> u64 {
    let mut let_in = (0..come).filter(|n| admission.ask(&asking(*n, 1), now) == Entry::Now).count() as u64;
    for step in 1..=30 {
        admission.turn(now + Duration::from_millis(100 * step));
        while admission.let_in_next().is_some() {
            let_in += 1;
        }
    }
    let_in
}

#[test]
fn an_origin_that_takes_its_time_over_every_answer_gets_all_that_come() {
    let mut admission = Admission::new(10_000);
    assert_eq!(let_in(&mut admission, 300, secs(0)), 300);
    for _ in 0..300 {
        admission.done(secs(25), Some(secs(25)));
    }
    assert_eq!(let_in(&mut admission, 600, secs(26)), 600);
}

#[test]
fn an_origin_that_has_stopped_answering_gets_no_more() {
    let mut admission = Admission::new(10_000);
    let now = answers(&mut admission, secs(0), secs(1), Duration::from_millis(10));
    let before = admission.occupancy();
    let more = let_in(&mut admission, 2_000, now + secs(1));
    assert_eq!(more, u64::from(before.places - before.busy));
}
