use super::*;
use crate::fixture::{Draft, Mote};
use crate::{Alarm, Applied, Enforcement, Facts, Site, Trust, Verdict};
use policy::Ground;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::Hostname;

const MINUTE: Duration = Duration::from_secs(60);
const TWO: &[&str] = &["assessor-1", "duty-officer-1"];
const THREE: &[&str] = &["assessor-1", "duty-officer-1", "legal-1"];

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

fn after(minutes: u32) -> Timestamp {
    now().plus(MINUTE * minutes)
}

/// An edge with one site, blocked for two days from `now` on.
struct Bench {
    mote: Mote,
    edge: Enforcement,
    site: Site,
    block: Arc<[u8]>,
    revision: u64,
}

impl Bench {
    fn new(change: impl FnOnce(&Mote, Draft) -> Draft) -> Self {
        let mut mote = Mote::found(1, now());
        let site = mote.site(&["board.test"], 1);
        let draft = mote.draft(std::slice::from_ref(&site), now(), MINUTE * 60 * 48);
        let draft = change(&mote, draft);
        let decided = mote.decide(&draft, now());
        let block = mote.bundle(&decided, now()).to_bytes().expect("bytes").into();
        let edge = Enforcement::new(mote.roots(), Trust::default());
        let mut bench = Self { mote, edge, site, block, revision: 0 };
        let first = bench.apply(None, now());
        assert_eq!(first.applied.len(), 1, "{:?}", first.refused);
        bench
    }

    fn emergency() -> Self {
        Self::new(|_, draft| draft)
    }

    fn apply(&mut self, suspension: Option<&Arc<[u8]>>, at: Timestamp) -> Applied {
        self.revision += 1;
        let parcel = self.mote.parcel(self.revision, vec![self.site.clone()], vec![self.block.clone()]);
        self.edge
            .apply(&crate::Parcel { suspensions: suspension.into_iter().cloned().collect(), ..parcel }, at)
    }

    fn refused(&mut self, suspension: &Arc<[u8]>, at: Timestamp) -> Vec<&'static str> {
        self.apply(Some(suspension), at).refused.iter().map(|(_, refusal)| refusal.name()).collect()
    }
}

fn blocked(applied: &Applied, at: Timestamp) -> bool {
    let host = Hostname::parse("board.test").expect("host");
    matches!(applied.snapshot.evaluate(&Facts::of(&host), at), Verdict::Blocked(_))
}

#[test]
fn a_suspension_sets_measures_aside_for_an_hour_and_no_longer() {
    let mut bench = Bench::emergency();
    let suspension = bench.mote.suspend(TWO, after(10));
    let applied = bench.apply(Some(&suspension), after(10));
    assert!(applied.alarms.contains(&Alarm::Suspended { reached: 1, until: Some(after(70)) }));
    let seen: Vec<bool> = [9, 10, 69, 70].map(|minute| blocked(&applied, after(minute))).to_vec();
    assert_eq!(seen, [true, false, false, true]);
}

#[test]
fn a_confirmed_suspension_stays_to_the_end_of_the_leases_and_spares_what_is_signed_later() {
    let mut bench = Bench::emergency();
    let suspension = bench.mote.suspend(TWO, after(10));
    bench.apply(Some(&suspension), after(10));
    let confirmed = bench.mote.confirm(after(10), THREE, after(60));
    let applied = bench.apply(Some(&confirmed), after(60));
    assert!(!blocked(&applied, after(60 * 47)));
    let anew = bench.mote.block(std::slice::from_ref(&bench.site), after(61), MINUTE * 60);
    bench.block = anew;
    assert!(blocked(&bench.apply(Some(&confirmed), after(61)), after(61)), "those who signed it knew");
}

#[test]
fn a_measure_that_an_order_demands_goes_on() {
    let hour = MINUTE * 60;
    let mut bench = Bench::new(|mote, draft| {
        let mut ordered = mote.confirmation(&draft, Ground::Order, now(), hour * 48);
        ordered.approvers = draft.approvers;
        ordered
    });
    let suspension = bench.mote.suspend(TWO, after(10));
    assert!(blocked(&bench.apply(Some(&suspension), after(10)), after(10)));
}

#[test]
fn what_too_few_signed_or_comes_too_often_or_too_late_is_refused() {
    let mut bench = Bench::emergency();
    let one = bench.mote.suspend(&["legal-1"], after(1));
    assert_eq!(bench.refused(&one, after(1)), ["too-few-approvals"]);

    let mut bench = Bench::emergency();
    let first = bench.mote.suspend(TWO, after(1));
    assert!(bench.refused(&first, after(1)).is_empty());
    let two = bench.mote.confirm(after(1), TWO, after(2));
    assert_eq!(bench.refused(&two, after(2)), ["too-few-approvals"]);

    let mut bench = Bench::emergency();
    bench.mote.suspend(TWO, after(1));
    let late = bench.mote.confirm(after(1), THREE, after(61));
    assert_eq!(bench.refused(&late, after(61)), ["suspension-refused"]);

    for (minutes, expected) in [(24 * 60, &["suspension-refused"][..]), (24 * 60 + 1, &[])] {
        let mut bench = Bench::emergency();
        bench.mote.suspend(TWO, after(1));
        let again = bench.mote.suspend(TWO, after(minutes));
        assert_eq!(bench.refused(&again, after(minutes)), expected, "{minutes}");
    }
    let mut bench = Bench::emergency();
    let said = SuspensionBegun { roster: bench.mote.roster().hash(), until: after(62) };
    let long = bench.mote.suspension((Kind::SuspensionBegun, &said), TWO, after(1));
    assert_eq!(bench.refused(&long, after(1)), ["suspension-refused"]);
}

#[test]
fn a_suspension_outlives_a_restart_and_a_parcel_without_it_and_no_older_one_displaces_it() {
    let mut bench = Bench::emergency();
    let first = bench.mote.suspend(TWO, after(1));
    let confirmed = bench.mote.confirm(after(1), THREE, after(2));
    bench.apply(Some(&confirmed), after(2));
    let kept = bench.edge.trust().to_bytes().expect("bytes");
    bench.edge = Enforcement::new(bench.mote.roots(), Trust::parse(&kept).expect("trust"));
    assert!(!blocked(&bench.apply(None, after(90)), after(90)));
    assert_eq!(bench.refused(&first, after(91)), ["older-record"]);
    assert!(!blocked(&bench.apply(None, after(92)), after(92)));
}

#[test]
fn what_three_confirmed_stands_when_two_begin_another_that_ends() {
    let day = 24 * 60;
    let mut bench = Bench::emergency();
    bench.mote.suspend(TWO, after(10));
    let confirmed = bench.mote.confirm(after(10), THREE, after(40));
    bench.apply(Some(&confirmed), after(40));
    let begun = bench.mote.suspend(TWO, after(day + 40));
    let applied = bench.apply(Some(&begun), after(day + 40));
    let aside = |until| Alarm::Suspended { reached: 1, until };
    assert!(applied.alarms.contains(&aside(None)) && applied.alarms.contains(&aside(Some(after(day + 100)))));
    let seen = [day + 40, day + 99, day + 100, day + 101].map(|minute| blocked(&applied, after(minute)));
    assert_eq!(seen, [false; 4], "two do not undo what three confirmed");
    // An edge that comes later is given both, and takes them in any order.
    for order in [[&confirmed, &begun], [&begun, &confirmed]] {
        let mut edge = Enforcement::new(bench.mote.roots(), Trust::default());
        let parcel = bench.mote.parcel(1, vec![bench.site.clone()], Vec::new());
        let suspensions = order.into_iter().cloned().collect();
        let applied = edge.apply(&crate::Parcel { suspensions, ..parcel }, after(day + 41));
        assert_eq!(applied.refused.len(), 0, "{:?}", applied.refused);
        assert_eq!(edge.trust().suspensions().acting(after(day + 41)).count(), 2);
    }
}

#[test]
fn numbers_follow_one_by_one_and_an_edge_holds_the_day_whatever_the_record_names() {
    let mut bench = Bench::emergency();
    let first = bench.mote.suspend(TWO, after(1));
    assert!(bench.refused(&first, after(1)).is_empty());
    let roster = bench.mote.roster().clone();
    let begun = |mote: &Mote, minutes: u32, change: &dyn Fn(&mut Body)| {
        let said = SuspensionBegun { roster: roster.hash(), until: after(minutes + 60) };
        let mut entry = mote.entry(Kind::SuspensionBegun, SuspensionBegun::SUBJECT, &said, after(minutes));
        change(&mut entry.body);
        let body = entry.body.to_bytes().expect("bytes");
        entry.approvals = TWO.iter().map(|name| mote.officer(name).approve(&body)).collect();
        entry
    };
    let judged = |entry: &Entry, before: Option<&Entry>| {
        suspension(entry, before, &roster).map(drop).map_err(|refusal| refusal.to_string())
    };
    // After one, it is the next; that one without any before it is the first is a rule of all entries.
    let before = begun(&bench.mote, 1, &|body| (body.sequence, body.previous) = (1, None));
    let hash = before.leaf_hash().expect("hash");
    for (number, holds) in [(2, true), (3, false), (1 << 52, false)] {
        let next =
            begun(&bench.mote, 24 * 60 + 1, &|body| (body.sequence, body.previous) = (number, Some(hash)));
        assert_eq!(judged(&next, Some(&before)).is_ok(), holds, "{number}");
    }
    // One that names a record of yesterday which this edge never saw comes an hour after the one it did see.
    let yesterday = begun(&bench.mote, 1, &|body| {
        (body.time, body.sequence, body.previous) = (after(1).minus(MINUTE * 24 * 60), 1, None);
    });
    let hash = yesterday.leaf_hash().expect("hash");
    let again = begun(&bench.mote, 61, &|body| (body.sequence, body.previous) = (2, Some(hash)));
    let proved = suspension(&again, Some(&yesterday), &roster).expect("it holds by itself");
    let mut seen = bench.edge.trust().suspensions();
    assert!(matches!(seen.take(proved), Err(Refusal::Suspension(TOO_SOON))));
}

#[test]
fn one_changed_byte_anywhere_and_nothing_is_set_aside() {
    let mut bench = Bench::emergency();
    bench.mote.suspend(TWO, now());
    let good = bench.mote.suspend(TWO, after(24 * 60));
    let roots = bench.mote.roots();
    for at in 0..good.len() {
        let mut changed = good.to_vec();
        changed[at] ^= 1;
        assert!(verify_suspension(&changed, &roots, after(24 * 60)).is_err(), "byte {at}");
    }
    assert!(verify_suspension(&good, &roots, after(24 * 60)).is_ok());
}
