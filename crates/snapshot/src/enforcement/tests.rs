use super::*;
use crate::fixture::{Decided, Mote};
use crate::{Facts, Verdict};
use ledger::checkpoint::Checkpoint;
use ledger::note::Note;
use std::time::Duration;
use vocabulary::Hostname;

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

fn at(seconds: u64) -> Timestamp {
    now().plus(Duration::from_secs(seconds))
}

struct Stage {
    mote: Mote,
    edge: Enforcement,
    sites: Vec<Site>,
    revision: u64,
}

/// Two sites, none blocked.
fn stage() -> Stage {
    let mote = Mote::found(1, now().minus(24 * HOUR));
    let sites = vec![mote.site(&["a.test", "*.a.test"], 1), mote.site(&["b.test"], 2)];
    let edge = Enforcement::new(mote.roots(), Trust::default());
    Stage { mote, edge, sites, revision: 0 }
}

impl Stage {
    fn decided(&mut self, place: usize, begins: Timestamp, lease: Duration) -> Decided {
        let draft = self.mote.draft(&self.sites[place..=place], begins, lease);
        self.mote.decide(&draft, begins)
    }

    fn bytes(&mut self, decided: &Decided, cosigned: Timestamp) -> Arc<[u8]> {
        self.mote.bundle(decided, cosigned).to_bytes().expect("bytes").into()
    }

    fn apply(&mut self, bundles: &[Arc<[u8]>], time: Timestamp) -> Applied {
        self.revision += 1;
        let parcel = self.mote.parcel(self.revision, self.sites.clone(), bundles.to_vec());
        self.edge.apply(&parcel, time)
    }
}

fn blocked(applied: &Applied, host: &str, time: Timestamp) -> bool {
    let host = Hostname::parse(host).expect("host");
    matches!(applied.snapshot.evaluate(&Facts::of(&host), time), Verdict::Blocked(_))
}

fn names(applied: &Applied) -> Vec<&'static str> {
    applied.refused.iter().map(|(_, refusal)| refusal.name()).collect()
}

#[test]
fn a_measure_starts_covers_its_hosts_only_and_ends_on_time() {
    let mut stage = stage();
    let bundle = stage.mote.block(&stage.sites[..1], now(), HOUR);
    let applied = stage.apply(&[bundle], now());
    assert_eq!((applied.applied.len(), applied.started.len(), applied.alarms.len()), (1, 1, 0));
    for (host, is) in [("a.test", true), ("x.y.a.test", true), ("b.test", false), ("xa.test", false)] {
        assert_eq!(blocked(&applied, host, now()), is, "{host}");
    }
    // The same snapshot, with nobody applying anything: time alone ends the measure.
    let last = now().plus(HOUR - Duration::from_millis(1));
    assert!(blocked(&applied, "a.test", last));
    assert!(!blocked(&applied, "a.test", now().plus(HOUR)));
    let after = stage.apply(&[], now().plus(HOUR));
    assert!(after.applied.is_empty() && after.alarms.is_empty() && after.snapshot.measures().is_empty());
}

#[test]
fn omitted_and_damaged_bundles_do_not_end_a_running_measure() {
    let mut stage = stage();
    let bundle = stage.mote.block(&stage.sites[..1], now(), HOUR);
    let first = stage.apply(std::slice::from_ref(&bundle), now());
    let id = first.applied[0];

    let omitted = stage.apply(&[], at(60));
    assert_eq!(omitted.alarms, [Alarm::Omitted(id)]);
    assert!(blocked(&omitted, "a.test", at(60)) && omitted.started.is_empty());

    let mut damaged = bundle.to_vec();
    damaged[40] ^= 1;
    let damaged = stage.apply(&[damaged.into()], at(120));
    assert!(blocked(&damaged, "a.test", at(120)));
    assert!(damaged.alarms.contains(&Alarm::Omitted(id)), "{:?}", damaged.alarms);
    assert_eq!(damaged.refused.len(), 1);

    // Removing or renaming the site does not help either: measures come before sites.
    stage.sites.remove(0);
    let removed = stage.apply(&[bundle], at(180));
    assert!(blocked(&removed, "a.test", at(180)) && removed.alarms.is_empty());
}

#[test]
fn a_running_lease_needs_no_fresh_cosignatures_but_a_first_application_does() {
    let mut stage = stage();
    let decided = stage.decided(0, now(), 10 * HOUR);
    let bundle = stage.bytes(&decided, now());
    let later = now().plus(5 * HOUR);
    stage.apply(std::slice::from_ref(&bundle), now());

    // Started again from its stored counters, the edge takes up the measure with the old bundle.
    let stored = stage.edge.trust().to_bytes().expect("bytes");
    let trust = Trust::parse(&stored).expect("trust");
    assert_eq!(trust, *stage.edge.trust());
    stage.edge = Enforcement::new(stage.mote.roots(), trust);
    let restarted = stage.apply(std::slice::from_ref(&bundle), later);
    assert!(blocked(&restarted, "a.test", later) && restarted.alarms.is_empty());

    // An edge that never saw it wants a checkpoint of the last hour, and takes one.
    stage.edge = Enforcement::new(stage.mote.roots(), Trust::default());
    let new = stage.apply(std::slice::from_ref(&bundle), later);
    assert_eq!(names(&new), ["cosignatures-stale"]);
    let fresh = stage.bytes(&decided, later);
    let new = stage.apply(&[fresh], later);
    assert!(blocked(&new, "a.test", later));
}

#[test]
fn the_same_decision_under_a_newer_checkpoint_is_the_same_measure() {
    let mut stage = stage();
    let decided = stage.decided(0, now(), HOUR);
    let first = stage.bytes(&decided, now());
    stage.apply(&[first], now());
    let size = stage.edge.trust().size_of(crate::fixture::ORIGIN);
    let entry = stage.mote.entry(ledger::Kind::CountDaily, "counts", &serde_json::json!({}), now());
    stage.mote.log(entry);
    let second = stage.bytes(&decided, at(60));
    let applied = stage.apply(&[second], at(60));
    assert!(applied.started.is_empty() && applied.applied.len() == 1 && applied.alarms.is_empty());
    assert!(stage.edge.trust().size_of(crate::fixture::ORIGIN) > size);
}

#[test]
fn an_older_tree_and_a_tree_without_proof_of_growth_start_nothing() {
    let mut stage = stage();
    let first = stage.decided(0, now(), HOUR);
    let old_checkpoint = stage.mote.checkpoint(now());
    let second = stage.decided(1, now(), HOUR);
    let newest = stage.bytes(&second, now());
    stage.apply(std::slice::from_ref(&newest), now());

    let older: Arc<[u8]> = stage.mote.bundle_under(&first, &old_checkpoint).to_bytes().expect("bytes").into();
    let applied = stage.apply(&[newest.clone(), older], now());
    assert_eq!(names(&applied), ["older-tree"]);

    let third = stage.decided(0, now(), HOUR);
    let third = stage.bytes(&third, now());
    let mut parcel = stage.mote.parcel(9, stage.sites.clone(), vec![newest, third]);
    let good = std::mem::take(&mut parcel.consistency);
    assert_eq!(names(&stage.edge.apply(&parcel, now())), ["no-consistency-proof"]);
    parcel.consistency = good.clone();
    for proof in &mut parcel.consistency {
        proof.proof.iter_mut().for_each(|hash| *hash = vocabulary::Digest::of(b"x"));
    }
    assert_eq!(names(&stage.edge.apply(&parcel, now())), ["inconsistent-tree"]);
    assert!(stage.edge.trust().contradictions().next().is_none(), "a damaged proof proves nothing");
    parcel.consistency = good;
    let applied = stage.edge.apply(&parcel, now());
    assert_eq!((applied.started.len(), applied.alarms.len()), (1, 0));
}

#[test]
fn two_faces_of_one_log_freeze_it_and_running_leases_go_on() {
    // Founded at the same instant, the other past differs only in its decision, and has the same size.
    // Founded an hour later its first leaves differ, and one entry more makes it larger.
    for (founded, same_size) in [(24 * HOUR, true), (23 * HOUR, false)] {
        let mut stage = stage();
        let bundle = stage.mote.block(&stage.sites[..1], now(), 2 * HOUR);
        stage.apply(std::slice::from_ref(&bundle), now());

        let mut fork = Mote::found(1, now().minus(founded));
        if !same_size {
            let entry = fork.entry(ledger::Kind::CountDaily, "counts", &serde_json::json!({}), now());
            fork.log(entry);
        }
        let draft = fork.draft(&stage.sites[1..], now(), HOUR);
        let decided = fork.decide(&draft, now());
        let split = fork.bundle(&decided, now());
        let split: Arc<[u8]> = split.to_bytes().expect("bytes").into();
        let applied = stage.apply(&[bundle.clone(), split], now());
        assert_eq!(names(&applied), ["split-view"], "{same_size}");
        assert!(applied.alarms.contains(&Alarm::SplitView));
        assert!(blocked(&applied, "a.test", now()) && !blocked(&applied, "b.test", now()));
        let found: Vec<_> = stage.edge.trust().contradictions().cloned().collect();
        assert_eq!(found.len(), 1);
        let heads = [&found[0].first, &found[0].second].map(|note| {
            let note = Note::parse(note).expect("note");
            Checkpoint::parse(note.text()).expect("checkpoint")
        });
        assert_eq!(heads[0].size == heads[1].size, same_size);
        assert_ne!(heads[0].root, heads[1].root);

        // From now on the log starts nothing, not even with its first face.
        let next = stage.mote.block(&stage.sites[1..], at(60), HOUR);
        let applied = stage.apply(&[bundle, next], at(60));
        assert_eq!(names(&applied), ["log-frozen"]);
        assert!(blocked(&applied, "a.test", at(60)));
    }
}

#[test]
fn an_older_or_second_record_of_a_decision_never_displaces_the_one_seen() {
    let mut stage = stage();
    let draft = stage.mote.draft(&stage.sites[..1], now(), HOUR);
    let first = stage.mote.decide(&draft, now());
    let second = stage.mote.decide(&draft, now());
    assert_eq!((first.entry.body.sequence, second.entry.body.sequence), (1, 2));
    let newer = stage.bytes(&second, now());
    stage.apply(std::slice::from_ref(&newer), now());
    let older = stage.bytes(&first, now());
    assert_eq!(names(&stage.apply(&[newer.clone(), older], now())), ["older-record"]);

    // A third record would change a running measure; that is refused, and the measure stays.
    let third = stage.mote.decide(&draft, now());
    let third = stage.bytes(&third, now());
    let applied = stage.apply(&[third], now());
    assert_eq!(names(&applied), ["does-not-follow"]);
    assert!(blocked(&applied, "a.test", now()));

    // Two records with the same number: the log lies about its own subject.
    let mut copy = second.entry.clone();
    copy.body.time = at(1);
    let body = copy.body.to_bytes().expect("bytes");
    copy.approvals = ["assessor-1", "legal-1"].map(|name| stage.mote.officer(name).approve(&body)).to_vec();
    let twice = stage.mote.decide_with(copy, &draft);
    let twice = stage.bytes(&twice, now());
    let applied = stage.apply(&[newer, twice], now());
    assert_eq!(names(&applied), ["record-twice"]);
}

#[test]
fn a_lease_that_begins_later_is_taken_up_when_it_begins() {
    let mut stage = stage();
    let decided = stage.decided(0, at(60), HOUR);
    let bundle = stage.bytes(&decided, now());
    let early = stage.apply(std::slice::from_ref(&bundle), now());
    assert_eq!((names(&early), early.retry_at, early.alarms.len()), (vec!["not-yet"], Some(at(60)), 0));
    let begun = stage.apply(&[bundle], at(60));
    assert!(blocked(&begun, "a.test", at(60)) && begun.retry_at.is_none());
}

#[test]
fn an_ended_lease_is_not_started_again_and_raises_no_alarm() {
    let mut stage = stage();
    let bundle = stage.mote.block(&stage.sites[..1], now(), HOUR);
    stage.apply(std::slice::from_ref(&bundle), now());
    for time in [now().plus(HOUR), now().plus(30 * HOUR)] {
        let applied = stage.apply(std::slice::from_ref(&bundle), time);
        assert!(!blocked(&applied, "a.test", time) && applied.applied.is_empty());
        assert!(applied.alarms.iter().all(|alarm| !matches!(alarm, Alarm::Omitted(_))));
    }
}

#[test]
fn one_bad_bundle_keeps_no_good_one_out() {
    let mut stage = stage();
    let good = stage.mote.block(&stage.sites[..1], now(), HOUR);
    let applied = stage.apply(&[b"{}".as_slice().into(), good], now());
    assert_eq!((names(&applied), applied.started.len()), (vec!["bundle-unreadable"], 1));
    assert_eq!(applied.refused[0].0, None);
}

#[test]
fn sites_that_go_back_or_claim_a_host_twice_raise_alarms() {
    let mut stage = stage();
    stage.revision = 10;
    stage.apply(&[], now());
    stage.revision = 4;
    stage.sites.push(stage.mote.site(&["b.test"], 3));
    let applied = stage.apply(&[], now());
    let pattern = "b.test".parse().expect("pattern");
    assert_eq!(applied.alarms, [Alarm::OlderRevision { served: 11, parcel: 5 }, Alarm::HostTwice(pattern)]);
    let host = Hostname::parse("b.test").expect("host");
    assert_eq!(applied.snapshot.site(&host).map(|site| site.origins[0].port), Some(2));
    assert!(applied.alarms.iter().all(|alarm| !alarm.to_string().is_empty()));
}

#[test]
fn a_running_measure_proved_under_a_forked_tree_does_not_open_the_door_to_the_fork() {
    // Two pasts that are the same up to the first decision.
    let (mut stage, mut fork) = (stage(), self::stage());
    let decided = stage.decided(0, now(), 2 * HOUR);
    let again = fork.decided(0, now(), 2 * HOUR);
    assert_eq!(decided.entry, again.entry);
    let count = |mote: &Mote, n: u64| {
        mote.entry(ledger::Kind::CountDaily, "counts", &serde_json::json!({"cases": n}), now())
    };
    let entry = count(&stage.mote, 1);
    stage.mote.log(entry);
    let honest = stage.bytes(&decided, now());
    stage.apply(&[honest], now());

    let entry = count(&fork.mote, 2);
    fork.mote.log(entry);
    let next = fork.decided(1, now(), HOUR);
    let (running, started) = (fork.bytes(&again, now()), fork.bytes(&next, now()));
    let seen = stage.edge.trust().size_of(crate::fixture::ORIGIN);
    let applied = stage.apply(&[running, started], at(1));
    assert!(blocked(&applied, "a.test", at(1)), "the running measure runs on");
    assert!(!blocked(&applied, "b.test", at(1)) && applied.started.is_empty());
    assert_eq!(names(&applied), ["no-consistency-proof"]);
    assert_eq!(stage.edge.trust().size_of(crate::fixture::ORIGIN), seen);
}

#[test]
fn a_measure_whose_proof_is_lost_in_a_restart_raises_an_alarm_until_its_lease_ends() {
    let mut stage = stage();
    let decided = stage.decided(0, now(), 2 * HOUR);
    let bytes = stage.bytes(&decided, now());
    stage.apply(&[bytes], now());
    let trust = Trust::parse(&stage.edge.trust().to_bytes().expect("stored")).expect("read");
    let mut restarted = Enforcement::new(stage.mote.roots(), trust);
    let empty = |revision| stage.mote.parcel(revision, vec![], vec![]);
    let lost = |applied: &Applied| applied.alarms.iter().any(|alarm| matches!(alarm, Alarm::Lost(_)));
    assert!(lost(&restarted.apply(&empty(1), at(1))));
    assert!(!lost(&restarted.apply(&empty(2), now().plus(2 * HOUR))));
}
