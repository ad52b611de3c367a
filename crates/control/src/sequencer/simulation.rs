//! The sequencer under faults: every call may fail before or after it had its effect, and the process
//! may die after any of them. Prints its seed; `ONE_SEED` in the source replays one.

mod model;

use super::batch::{Draft, Item, Refused};
use super::desk::{Sequencer, Stopped, Surroundings, run as run_desk};
use super::witness::{LocalWitness, WitnessError, WitnessStore, Witnesses};
use super::writer::{Writer, WriterError};
use ::witness::Remotes;
use async_trait::async_trait;
use ledger::checkpoint::Checkpoint;
use ledger::key::SignerKey;
use ledger::merkle::Tree;
use ledger::note::Note;
use ledger::tlog_policy::{Quorum, TlogPolicy};
use ledger::witness::{Head, Witness};
use ledger::{Body, Entry, EntryFormat, Kind};
use records::Log as _;
use records::memory::{Fault, Memory};
use serde_json::json;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, Digest, ManualClock, SeededRandom, Timestamp};

const SEEDS: u64 = 200;

/// A witness' state that may fail before or after it is kept.
#[derive(Clone, Default)]
struct FaultyStore(Arc<Mutex<(Option<Head>, Option<bool>)>>);

#[async_trait]
impl WitnessStore for FaultyStore {
    async fn load(&self) -> io::Result<Option<Head>> {
        Ok(self.0.lock().expect("lock").0)
    }

    async fn save(&self, head: Head) -> io::Result<()> {
        let mut state = self.0.lock().expect("lock");
        match state.1.take() {
            Some(false) => Err(io::Error::other("failed before")),
            Some(true) => {
                state.0 = Some(head);
                Err(io::Error::other("failed after"))
            }
            None => {
                state.0 = Some(head);
                Ok(())
            }
        }
    }
}

struct World {
    random: SeededRandom,
    clock: Arc<ManualClock>,
    records: Arc<Memory>,
    kept: FaultyStore,
    log_key: String,
    witness_key: String,
    policy: TlogPolicy,
    writer: Option<Writer>,
    /// Everything ever submitted, with the index it was acknowledged at.
    submitted: Vec<(Item, Option<u64>)>,
    /// Roots by size of everything ever published.
    seen: BTreeMap<u64, Digest>,
}

impl World {
    fn new(seed: u64) -> Self {
        let random = SeededRandom::new(seed);
        let log = SignerKey::for_log(&random, "sim.test/log").expect("key");
        let witness = SignerKey::for_witness(&random, "sim.test/witness").expect("key");
        let policy = TlogPolicy::threshold(log.verifier(), &[("w", witness.verifier())], 1).expect("policy");
        Self {
            random,
            clock: Arc::new(ManualClock::at(Timestamp::from_secs(1_700_000_000))),
            records: Arc::new(Memory::new()),
            kept: FaultyStore::default(),
            log_key: log.to_text().to_string(),
            witness_key: witness.to_text().to_string(),
            policy,
            writer: None,
            submitted: Vec::new(),
            seen: BTreeMap::new(),
        }
    }

    async fn open(&self) -> Result<Writer, WriterError> {
        self.open_with(Remotes::default(), true).await
    }

    async fn open_with(&self, remotes: Remotes, count_own: bool) -> Result<Writer, WriterError> {
        let log = SignerKey::parse(&self.log_key).expect("key");
        let witness = SignerKey::parse(&self.witness_key).expect("key");
        let witness = Witness::new(witness, vec![log.verifier()]).expect("witness");
        let local = LocalWitness::new(witness, Box::new(self.kept.clone()));
        let witnesses = Witnesses::new(local, remotes, self.policy.clone(), count_own);
        Writer::open(self.records.clone(), log, witnesses, self.clock.clone()).await
    }

    /// Plans a failure of one of the next calls, as often as not.
    fn plan_fault(&self) {
        let fault = if self.random.below(2) == 0 { Fault::WithEffect } else { Fault::WithoutEffect };
        match self.random.below(4) {
            0 => {}
            1 => self.kept.0.lock().expect("lock").1 = Some(fault == Fault::WithEffect),
            _ => self.records.fail_after(self.random.below(12) as usize, fault),
        }
    }

    async fn writer(&mut self) -> Option<&mut Writer> {
        if self.writer.is_none() {
            match self.open().await {
                Ok(writer) => self.writer = Some(writer),
                Err(error) => assert!(!error.is_final(), "open: {error}"),
            }
        }
        self.writer.as_mut()
    }

    fn new_item(&mut self) {
        let subject = format!("subject-{}", self.random.below(4));
        // One time for all: they are logged in any order, and a subject's dates must not go back.
        let time = Timestamp::from_secs(1_700_000_000);
        let item = if self.random.below(2) == 0 {
            let subject = format!("sealed-{}", self.submitted.len());
            let body = Body {
                format: EntryFormat::V1,
                kind: Kind::OrderReceived,
                time,
                actors: vec![],
                subject,
                sequence: 1,
                previous: None,
                policy: None,
                commitments: None,
                public: json!({}),
            };
            Item::Sealed(Entry::unapproved(body))
        } else {
            draft(
                if self.random.below(2) == 0 { Kind::TenantRequest } else { Kind::AppealFiled },
                &subject,
                time,
            )
        };
        self.submitted.push((item, None));
    }

    /// One flush of a random part of what is not acknowledged, and of some that is.
    async fn flush(&mut self) {
        let mut places = Vec::new();
        for (place, (item, acknowledged)) in self.submitted.iter().enumerate() {
            // What has no identity of its own is not handed in again once acknowledged.
            let again = item.kind() != Kind::TenantRequest && self.random.below(8) == 0;
            if (acknowledged.is_none() && self.random.below(3) > 0) || again {
                places.push(place);
            }
        }
        let items: Vec<Item> = places.iter().map(|place| self.submitted[*place].0.clone()).collect();
        let Some(writer) = self.writer().await else { return };
        match writer.flush(&items).await {
            Ok(results) => {
                for (place, result) in places.into_iter().zip(results) {
                    let index = result.expect("in sequence").index;
                    let acknowledged = &mut self.submitted[place].1;
                    assert!(acknowledged.is_none_or(|earlier| earlier == index), "moved");
                    *acknowledged = Some(index);
                }
            }
            Err(error) => {
                assert!(!error.is_final(), "flush: {error}");
                // Whatever went wrong, the process may also die of it.
                if self.random.below(2) == 0 {
                    self.writer = None;
                }
            }
        }
    }

    async fn check(&mut self) {
        self.check_published().await;
        let size = retried(|| self.records.head()).await.map_or(0, |head| head.size);
        let hashes = retried(|| self.records.leaf_hashes(0..size)).await;
        let tree: Tree = hashes.iter().copied().collect();
        let witness = self.kept.load().await.expect("state").unwrap_or_default();
        assert_eq!(tree.root_at(witness.size), Ok(witness.root), "the witness knows another log");
    }

    async fn check_published(&mut self) {
        let size = retried(|| self.records.head()).await.map_or(0, |head| head.size);
        let hashes = retried(|| self.records.leaf_hashes(0..size)).await;
        let tree: Tree = hashes.iter().copied().collect();
        if let Some(published) = retried(|| self.records.published()).await {
            let note = Note::parse(&published.note).expect("note");
            let opened = self.policy.open(&note).expect("signed");
            assert!(self.policy.satisfies(&opened, Quorum::at_any_time(true)), "cosigned");
            let checkpoint = Checkpoint::parse(note.text()).expect("checkpoint");
            assert_eq!(tree.root_at(checkpoint.size), Ok(checkpoint.root), "published root");
            let earlier = self.seen.insert(checkpoint.size, checkpoint.root);
            assert!(earlier.is_none_or(|root| root == checkpoint.root), "two faces");
            assert_eq!(self.seen.keys().next_back(), Some(&checkpoint.size), "went back");
        }
        for (size, root) in &self.seen {
            assert_eq!(tree.root_at(*size), Ok(*root), "history changed");
        }
    }

    async fn check_all_logged(&mut self) {
        let size = retried(|| self.records.head()).await.expect("log").size;
        let leaves = retried(|| self.records.leaves(0..size)).await;
        let entries: Vec<_> = leaves.iter().map(|leaf| Entry::parse(&leaf.bytes).expect("entry")).collect();
        let count = |kind: Kind, subject: &str| {
            entries.iter().filter(|entry| entry.body.kind == kind && entry.body.subject == subject).count()
        };
        for (item, acknowledged) in &self.submitted {
            let index = acknowledged.expect("acknowledged in the end");
            let entry = &entries[index as usize];
            assert_eq!((entry.body.kind, entry.body.subject.as_str()), (item.kind(), item.subject()));
            if item.kind() != Kind::TenantRequest {
                assert_eq!(count(item.kind(), item.subject()), 1, "logged once");
            }
        }
    }
}

fn draft(kind: Kind, subject: &str, time: Timestamp) -> Item {
    let subject = subject.to_owned();
    Item::Draft(Draft {
        kind,
        time,
        actors: vec![],
        subject,
        policy: None,
        commitments: None,
        public: json!({}),
    })
}

/// A read of the checker's own, past faults that were planned for the writer.
async fn retried<T, E: std::fmt::Debug, F: Future<Output = Result<T, E>>>(read: impl Fn() -> F) -> T {
    for _ in 0..40 {
        if let Ok(value) = read().await {
            return value;
        }
    }
    panic!("the faults never end")
}

async fn run(seed: u64) {
    let mut world = World::new(seed);
    for _ in 0..30 {
        for _ in 0..world.random.below(4) {
            world.new_item();
        }
        world.plan_fault();
        world.flush().await;
        world.clock.advance(Duration::from_secs(world.random.below(1_200)));
        world.check().await;
        if world.random.below(6) == 0 {
            world.writer = None;
        }
    }
    for _ in 0..60 {
        world.flush().await;
    }
    world.check().await;
    world.check_all_logged().await;
}

#[test]
fn the_log_stays_whole_whatever_fails() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
    for seed in 0..SEEDS {
        println!("seed {seed}");
        runtime.block_on(run(seed));
    }
}

#[tokio::test]
async fn a_log_rolled_back_behind_its_witness_is_not_signed() {
    let mut world = World::new(1);
    world.submitted.push((draft(Kind::TenantRequest, "a", world.clock.now()), None));
    let item = world.submitted[0].0.clone();
    world.open().await.expect("open").flush(&[item]).await.expect("flushed");
    world.records = Arc::new(Memory::new());
    let refused = world.open().await.err().expect("refused");
    assert!(refused.is_final());
    assert!(matches!(refused, WriterError::Witness(WitnessError::LogRolledBack { witness: 1, log: 0 })));
}

#[tokio::test]
async fn another_log_of_the_same_size_is_not_signed() {
    let mut world = World::new(1);
    let first = draft(Kind::TenantRequest, "a", world.clock.now());
    world.open().await.expect("open").flush(&[first]).await.expect("flushed");
    let kept = std::mem::take(&mut world.kept);
    world.records = Arc::new(Memory::new());
    let second = draft(Kind::TenantRequest, "b", world.clock.now());
    world.open().await.expect("open").flush(&[second]).await.expect("flushed");
    world.kept = kept;
    assert!(matches!(world.open().await.err(), Some(WriterError::Contradiction(_))));
}

#[tokio::test]
async fn an_earlier_writer_is_fenced_off() {
    let world = World::new(1);
    let mut old = world.open().await.expect("open");
    let mut new = world.open().await.expect("open");
    let item = draft(Kind::TenantRequest, "a", world.clock.now());
    assert!(matches!(old.flush(std::slice::from_ref(&item)).await, Err(WriterError::Fenced { .. })));
    new.flush(&[item]).await.expect("flushed");
}

#[tokio::test]
async fn a_signed_entry_out_of_sequence_is_refused_and_the_rest_is_logged() {
    let world = World::new(1);
    let mut writer = world.open().await.expect("open");
    let body = Body {
        format: EntryFormat::V1,
        kind: Kind::DecisionMade,
        time: world.clock.now(),
        actors: vec![],
        subject: "s".into(),
        sequence: 2,
        previous: Some(Digest::of(b"x")),
        policy: None,
        commitments: None,
        public: json!({}),
    };
    let items = [Item::Sealed(Entry::unapproved(body)), draft(Kind::TenantRequest, "a", world.clock.now())];
    let results = writer.flush(&items).await.expect("flushed");
    assert!(matches!(results[0], Err(Refused::OutOfSequence { .. })));
    assert_eq!(results[1].as_ref().expect("logged").index, 0);
}

#[tokio::test]
async fn an_old_cosignature_is_made_anew_without_a_new_entry() {
    let world = World::new(1);
    let mut writer = world.open().await.expect("open");
    writer.flush(&[draft(Kind::TenantRequest, "a", world.clock.now())]).await.expect("flushed");
    let published = writer.published();
    let first = published.borrow().clone().expect("published");
    world.clock.advance(Duration::from_secs(16 * 60));
    writer.flush(&[]).await.expect("beat");
    let second = published.borrow().clone().expect("published");
    assert_eq!(first.size, second.size);
    assert!(second.cosigned > first.cosigned);
    assert_eq!(first.note.text(), second.note.text());
}

#[tokio::test]
async fn a_sealed_entry_is_on_the_way_from_the_hand_over_until_it_lies_in_the_log() {
    let world = World::new(1);
    let writer = world.open().await.expect("open");
    let (sequencer, waiting) = Sequencer::new(&writer);
    let body = Body {
        format: EntryFormat::V1,
        kind: Kind::DecisionMade,
        time: world.clock.now(),
        actors: vec![],
        subject: "s".into(),
        sequence: 1,
        previous: None,
        policy: None,
        commitments: None,
        public: json!({}),
    };
    let entry = Entry::unapproved(body);
    let leaf = entry.leaf_hash().expect("hash");
    assert!(!sequencer.holds(&leaf));
    for _ in 0..2 {
        sequencer.submit(Item::Sealed(entry.clone())).expect("taken");
        assert!(sequencer.holds(&leaf));
    }
    let surroundings = Surroundings {
        wake: Arc::default(),
        alarms: Arc::default(),
        clock: world.clock.clone(),
        beat: Duration::from_secs(10),
    };
    let stop = CancellationToken::new();
    stop.cancel();
    run_desk(writer, waiting, surroundings, stop).await.expect("an orderly end");
    assert!(!sequencer.holds(&leaf));
    assert_eq!(world.records.index_of(&leaf).await.expect("read"), Some(0));
    // A log that is closed holds nothing.
    assert_eq!(sequencer.submit(Item::Sealed(entry)), Err(Stopped::Ended));
    assert!(!sequencer.holds(&leaf));
}
