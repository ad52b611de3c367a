use super::*;
use crate::{Desk, Heads, serve};
use async_trait::async_trait;
use ledger::key::SignerKey;
use ledger::merkle::{Tree, leaf_hash};
use ledger::tlog_policy::Quorum;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use vocabulary::{ManualClock, SeededRandom, Timestamp};

/// A log with three witnesses of which two are enough.
struct Stage {
    folder: tempfile::TempDir,
    log: SignerKey,
    tree: Arc<Tree>,
    policy: TlogPolicy,
    stop: CancellationToken,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn serve_one(stage: &Stage, place: u64) -> SocketAddr {
    let logs = stage.folder.path().join("logs");
    std::fs::write(&logs, format!("log {}\nquorum none\n", stage.log.verifier())).expect("written");
    let heads = Heads::open(&stage.folder.path().join(place.to_string())).expect("state");
    let desk = Arc::new(Desk::new(key(place), heads, vec![logs]).expect("desk"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("address");
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_700_000_000)));
    tokio::spawn(serve(listener, desk, clock, stage.stop.clone()));
    address
}

fn key(place: u64) -> SignerKey {
    SignerKey::for_witness(&SeededRandom::new(place + 10), &format!("w{place}.test")).expect("key")
}

impl Stage {
    fn new() -> Self {
        let log = SignerKey::for_log(&SeededRandom::new(1), "log.test").expect("key");
        let witnesses: Vec<_> = (0..3).map(|place| key(place).verifier()).collect();
        let named = [("a", witnesses[0].clone()), ("b", witnesses[1].clone()), ("c", witnesses[2].clone())];
        Self {
            folder: tempfile::tempdir().expect("folder"),
            policy: TlogPolicy::threshold(log.verifier(), &named, 2).expect("policy"),
            log,
            tree: Arc::new((0..20u8).map(|n| leaf_hash(&[n])).collect()),
            stop: CancellationToken::new(),
        }
    }

    fn remote(&self, place: u64, address: SocketAddr) -> Arc<dyn Cosigner> {
        Arc::new(HttpWitness::new(key(place).verifier(), &format!("http://{address}")).expect("address"))
    }

    fn note(&self, size: u64) -> Note {
        let root = self.tree.root_at(size).expect("size");
        Checkpoint::new("log.test", size, root).sign(&self.log).expect("note")
    }

    async fn gather(&self, remotes: &Remotes, size: u64) -> Gathered {
        let tree = self.tree.clone();
        let proof: Proof = Arc::new(move |old| tree.consistency(old, size).ok());
        let enough = |note: &Note| {
            let opened = self.policy.open(note).expect("only valid lines are taken");
            self.policy.satisfies(&opened, Quorum::at_any_time(true))
        };
        remotes.gather(self.note(size), proof, enough).await
    }
}

/// An address where nobody listens.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    listener.local_addr().expect("address")
}

/// An address that takes connections and never answers.
async fn mute() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("address");
    (listener, address)
}

#[tokio::test]
async fn two_of_three_are_enough_while_one_is_dead_or_mute() {
    let (_held, mute) = mute().await;
    for third in [nobody().await, mute] {
        let stage = Stage::new();
        let (one, two) = (serve_one(&stage, 0).await, serve_one(&stage, 1).await);
        let cosigners = vec![stage.remote(0, one), stage.remote(1, two), stage.remote(2, third)];
        let remotes = Remotes::new(cosigners);
        let began = Instant::now();
        for size in [5, 5, 9, 20] {
            assert!(stage.gather(&remotes, size).await.enough, "{size}");
        }
        // A mute one answers nothing for its whole time; it must not be waited for.
        assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        // The next client does not know what the witnesses have; they tell it.
        let remotes = Remotes::new(vec![stage.remote(0, one), stage.remote(1, two)]);
        assert!(stage.gather(&remotes, 20).await.enough);
    }
}

#[tokio::test]
async fn too_few_are_told_with_their_reasons() {
    let stage = Stage::new();
    let one = serve_one(&stage, 0).await;
    // Another witness than the one whose key is expected there.
    let stranger = serve_one(&stage, 1).await;
    let cosigners = vec![stage.remote(0, one), stage.remote(1, nobody().await), stage.remote(2, stranger)];
    let gathered = stage.gather(&Remotes::new(cosigners), 5).await;
    assert!(!gathered.enough);
    assert_eq!(gathered.note.signatures().len(), 2);
    let told = gathered.to_string();
    assert!(told.contains("w1.test: no answer") && told.contains("w2.test: its answer cannot"), "{told}");
}

#[tokio::test]
async fn a_witness_that_knows_more_or_another_tree_contradicts() {
    let stage = Stage::new();
    let one = serve_one(&stage, 0).await;
    let remotes = Remotes::new(vec![stage.remote(0, one), stage.remote(1, nobody().await)]);
    let contradictions = async |note: Note| remotes.contradictions(&note).await;
    assert_eq!(contradictions(stage.note(0)).await, []);
    stage.gather(&remotes, 9).await;
    assert_eq!(contradictions(stage.note(9)).await, []);
    assert_eq!(contradictions(stage.note(20)).await, []);
    let name = "w0.test".to_owned();
    assert_eq!(contradictions(stage.note(5)).await, [(name.clone(), Declined::OtherSize { size: 9 })]);
    let fork: Tree = (0..9u8).map(|n| leaf_hash(&[n, n])).collect();
    let note = Checkpoint::new("log.test", 9, fork.root()).sign(&stage.log).expect("note");
    assert_eq!(contradictions(note).await, [(name, Declined::OtherRoot)]);
}

/// Answers as told, whatever is asked.
#[derive(Debug)]
struct Liar(Declined);

#[async_trait]
impl Cosigner for Liar {
    fn name(&self) -> &str {
        "liar.test"
    }

    async fn ask(&self, _: &AddCheckpoint) -> Result<NoteSignature, Declined> {
        Err(self.0.clone())
    }
}

#[tokio::test]
async fn a_witness_that_never_settles_is_asked_a_bounded_number_of_times() {
    let stage = Stage::new();
    for size in [3, u64::MAX] {
        let remotes = Remotes::new(vec![Arc::new(Liar(Declined::OtherSize { size }))]);
        let gathered = stage.gather(&remotes, 9).await;
        assert!(!gathered.enough);
        assert_eq!(gathered.declined, [("liar.test".to_owned(), Declined::OtherSize { size })]);
    }
}
