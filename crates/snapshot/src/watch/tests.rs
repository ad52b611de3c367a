use super::*;
use crate::fixture::{Draft, Mote};
use ledger::tiles::entry_bundle;
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

/// Follows the log to its present head, as the process does.
fn follow(watch: &mut Watch, mote: &mut Mote) -> Result<Vec<&'static str>, &'static str> {
    let note = mote.checkpoint(now());
    let told = step(watch, mote, &note);
    told.map_err(|alarm| alarm.name())
}

fn step(watch: &mut Watch, mote: &Mote, note: &Note) -> Result<Vec<&'static str>, WatchAlarm> {
    let head = watch.judge(note, mote.tlog_policy())?;
    let mut ahead = watch.clone();
    let mut alarms = Vec::new();
    while let Some(tile) = ahead.wanted(head.size) {
        let leaves = tile.leaves().expect("small");
        let entries = &mote.entries()[leaves.start as usize..leaves.end as usize];
        let bytes: Vec<_> = entries.iter().map(|entry| entry.to_bytes().expect("bytes")).collect();
        alarms.extend(ahead.bundle(&entry_bundle(bytes.iter().map(Vec::as_slice)).expect("fits")));
    }
    *watch = ahead.arrive(watch, note, &head)?;
    let kept = Watch::parse(&watch.to_bytes().expect("bytes")).expect("read back");
    assert_eq!(kept, *watch);
    Ok(alarms.iter().map(WatchAlarm::name).collect())
}

fn grow(mote: &mut Mote, count: usize, word: &str) {
    for _ in 0..count {
        let entry = mote.entry(Kind::TenantRequest, "a.test", &json!({ "asked": word }), now());
        mote.log(entry);
    }
}

fn decided(mote: &mut Mote) -> Draft {
    let site = mote.site(&["a.test"], 1);
    let draft = mote.draft(&[site], now(), 2 * HOUR);
    mote.decide(&draft, now());
    draft
}

fn lapse(mote: &mut Mote, draft: &Draft, at: Timestamp) {
    let (decision, expires) = (draft.terms.decision, draft.terms.expires);
    let entry =
        mote.entry(Kind::DecisionLapsed, &decision.to_string(), &DecisionLapsed { decision, expires }, at);
    mote.log(entry);
}

#[test]
fn a_growing_log_is_followed_over_the_edges_of_its_tiles() {
    let mut mote = Mote::found(1, now());
    let mut watch = Watch::default();
    for count in [0, 3, 250, 1, 256, 0, 300] {
        grow(&mut mote, count, "x");
        assert_eq!(follow(&mut watch, &mut mote), Ok(vec![]));
        assert_eq!(watch.size(), mote.tree().size());
    }
    assert_eq!(watch.evidence(), None);
}

#[test]
fn an_entry_with_a_broken_seal_is_told_and_its_lease_is_watched_all_the_same() {
    let mut mote = Mote::found(1, now());
    let site = mote.site(&["a.test"], 1);
    let draft = mote.draft(&[site], now(), 2 * HOUR);
    let mut entry = mote.entry(Kind::DecisionMade, &draft.terms.decision.to_string(), &draft.terms, now());
    entry.body.public["sealed_until"] = json!("never");
    let mut watch = Watch::default();
    mote.log(entry);
    assert_eq!(follow(&mut watch, &mut mote), Ok(vec!["seal-broken"]));
    let late: Vec<_> = watch.overdue(now().plus(4 * HOUR)).iter().map(WatchAlarm::name).collect();
    assert_eq!(late, ["missed-lapse"]);
}

#[test]
fn a_fork_and_a_rollback_are_told_and_stay_told() {
    for (count, alarm) in [(5, "fork"), (9, "fork"), (2, "rollback")] {
        let (mut mote, mut other) = (Mote::found(1, now()), Mote::found(1, now()));
        grow(&mut mote, 5, "one face");
        grow(&mut other, count, "another face");
        let mut watch = Watch::default();
        assert_eq!(follow(&mut watch, &mut mote), Ok(vec![]));
        assert_eq!(follow(&mut watch, &mut other), Err(alarm), "{count}");
        assert!(watch.evidence().is_some_and(|(seen, now)| seen != now));
        assert_eq!(follow(&mut watch, &mut mote), Err("contradicted"), "even of the face seen first");
    }
}

#[test]
fn a_checkpoint_of_other_keys_or_without_its_witness_is_no_news() {
    let mut mote = Mote::found(1, now());
    let mut watch = Watch::default();
    let foreign = Mote::found(2, now()).checkpoint(now());
    assert_eq!(step(&mut watch, &mote, &foreign).expect_err("foreign").name(), "log-did-not-sign");
    let note = mote.checkpoint(now());
    let alone = note.to_string().lines().take(5).map(|line| format!("{line}\n")).collect::<String>();
    let alone = Note::parse(&alone).expect("the log's line alone");
    let alarm = step(&mut watch, &mote, &alone).expect_err("unwitnessed");
    assert_eq!((alarm.name(), alarm.is_final()), ("too-few-witnesses", false));
    assert_eq!(watch, Watch::default());
}

#[test]
fn a_missed_lapse_is_told_once_and_a_late_one_when_it_comes() {
    let mut mote = Mote::found(1, now());
    let draft = decided(&mut mote);
    let mut watch = Watch::default();
    follow(&mut watch, &mut mote).expect("followed");
    let names = |alarms: Vec<WatchAlarm>| alarms.iter().map(WatchAlarm::name).collect::<Vec<_>>();
    assert_eq!(names(watch.overdue(now().plus(3 * HOUR))), [""; 0]);
    let late = now().plus(3 * HOUR + Duration::from_secs(1));
    assert_eq!(names(watch.overdue(late)), ["missed-lapse"]);
    assert_eq!(names(watch.overdue(late)), [""; 0]);
    lapse(&mut mote, &draft, late);
    assert_eq!(follow(&mut watch, &mut mote), Ok(vec!["late-lapse"]));

    let in_time = decided(&mut mote);
    lapse(&mut mote, &in_time, now().plus(2 * HOUR));
    assert_eq!(follow(&mut watch, &mut mote), Ok(vec![]));
    assert_eq!(names(watch.overdue(now().plus(90 * HOUR))), [""; 0]);
}

#[test]
fn a_missed_unsealing_is_told_once_and_a_false_opening_when_it_comes() {
    let mut mote = Mote::found(1, now());
    let fields = [("country".to_owned(), json!("somewhere"))];
    let sealed = ledger::commitment::Sealed::new(mote.random(), fields).expect("sealed");
    let mut order =
        mote.entry(Kind::OrderReceived, "order", &json!({"sealed_until": now().plus(HOUR)}), now());
    order.body.commitments = Some(sealed.root().expect("root"));
    let leaf = order.leaf_hash().expect("leaf");
    mote.log(order);
    let mut watch = Watch::default();
    assert!(follow(&mut watch, &mut mote).expect("followed").is_empty());
    let told = |watch: &mut Watch, hours: u32| -> Vec<_> {
        watch.overdue(now().plus(HOUR * hours)).iter().map(WatchAlarm::name).collect()
    };
    assert!(told(&mut watch, 2).is_empty());
    assert_eq!(told(&mut watch, 3), ["missed-unsealing"]);
    assert!(told(&mut watch, 4).is_empty());
    let disclosure = sealed.disclose(&[]).expect("a disclosure of nothing");
    let said = ledger::SealOpened { entry: leaf, disclosure };
    let entry = mote.entry(Kind::SealOpened, "order", &said, now().plus(HOUR * 4));
    mote.log(entry);
    assert_eq!(follow(&mut watch, &mut mote), Ok(vec!["seal-broken"]));
}
