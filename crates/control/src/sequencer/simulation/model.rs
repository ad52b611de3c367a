//! The whole of it as a model: two sequencers at once, three witnesses elsewhere of which two must sign,
//! crashes at every call, and a disk that loses what it said it kept. Whatever happens, no published
//! checkpoint is ever contradicted, and the auditor agrees after every recovery.

use super::*;
use ::witness::Cosigner;
use ledger::note::NoteSignature;
use ledger::witness::{AddCheckpoint, Declined, read_answer};
use snapshot::{LogAudit, LogKeys};
use std::sync::PoisonError;

/// Runs of the model; `WARDMOTE_SEED` replays one of another run.
const RUNS: u64 = 1_000;
const STEPS: u64 = 24;

/// A witness on another machine: its own disk is good, the way to it is not.
#[derive(Debug)]
struct FakeWitness {
    witness: Witness,
    clock: Arc<ManualClock>,
    state: Mutex<FakeState>,
}

#[derive(Debug, Default)]
struct FakeState {
    head: Head,
    away: bool,
    /// The next answer gets lost after it was given.
    loses_answer: bool,
}

impl FakeWitness {
    fn state(&self) -> std::sync::MutexGuard<'_, FakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn judge(&self, request: &AddCheckpoint) -> Result<NoteSignature, Declined> {
        let mut state = self.state();
        if state.away {
            return Err(Declined::Silent("away".to_owned()));
        }
        let judged = self.witness.add_checkpoint(request, state.head, self.clock.now());
        let (status, body) = match judged {
            Ok(staged) => {
                state.head = staged.head();
                (200, format!("{}\n", staged.stored()))
            }
            Err(refused) => (refused.status(), format!("{}\n", state.head.size)),
        };
        if std::mem::take(&mut state.loses_answer) {
            return Err(Declined::Silent("the answer was lost".to_owned()));
        }
        read_answer(status, &body, request, &self.witness.verifier())
    }
}

#[async_trait]
impl Cosigner for FakeWitness {
    fn name(&self) -> &str {
        "elsewhere"
    }

    async fn ask(&self, request: &AddCheckpoint) -> Result<NoteSignature, Declined> {
        // Here the other sequencer gets its turn.
        tokio::task::yield_now().await;
        let judged = self.judge(request);
        tokio::task::yield_now().await;
        judged
    }
}

struct Model {
    world: World,
    elsewhere: Vec<Arc<FakeWitness>>,
    writers: [Option<Writer>; 2],
    /// An earlier state of the records, and of the local witness beside them.
    backup: (Memory, Option<Head>),
    /// The newest state, while the disk shows an older one; with what was published there.
    lost: Option<(Arc<Memory>, Option<Head>, Option<u64>)>,
    ever_lost: bool,
    refused: u64,
    recovered: u64,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let log = SignerKey::parse(&world.log_key).expect("key").verifier();
        let own = SignerKey::parse(&world.witness_key).expect("key").verifier();
        let key = |place| SignerKey::for_witness(&world.random, &format!("w{place}.test/w")).expect("key");
        let keys: Vec<_> = (0..3).map(key).collect();
        let named = |key: &SignerKey| key.verifier().to_string();
        let text = format!(
            "log {log}\nwitness own {own}\nwitness a {}\nwitness b {}\nwitness c {}\ngroup g 2 a b c\nquorum g\n",
            named(&keys[0]),
            named(&keys[1]),
            named(&keys[2])
        );
        world.policy = TlogPolicy::parse(&text).expect("policy");
        let clock = world.clock.clone();
        let fake = |key| {
            let witness = Witness::new(key, vec![log.clone()]).expect("witness");
            Arc::new(FakeWitness { witness, clock: clock.clone(), state: Mutex::default() })
        };
        Self {
            elsewhere: keys.into_iter().map(fake).collect(),
            world,
            writers: [None, None],
            backup: (Memory::new(), None),
            lost: None,
            ever_lost: false,
            refused: 0,
            recovered: 0,
        }
    }

    fn remotes(&self) -> Remotes {
        let each = self.elsewhere.iter().map(|one| one.clone() as Arc<dyn Cosigner>);
        Remotes::new(each.collect())
    }

    async fn open(&mut self, place: usize) {
        if self.writers[place].is_some() {
            return;
        }
        match self.world.open_with(self.remotes(), false).await {
            Ok(writer) => {
                self.writers[place] = Some(writer);
                self.recovered += 1;
                self.audit().await;
            }
            Err(error) => self.endure(&error),
        }
    }

    /// An error is final only for a reason: a rival, or a disk that lost something.
    fn endure(&mut self, error: &WriterError) {
        let rival = matches!(error, WriterError::Fenced { .. });
        assert!(!error.is_final() || rival || self.ever_lost, "{error}");
        if error.is_final() && !rival {
            self.refused += 1;
        }
    }

    /// Both sequencers write at once, each some of what is not acknowledged.
    async fn flush(&mut self) {
        for place in 0..2 {
            if self.world.random.below(3) > 0 {
                self.open(place).await;
            }
        }
        let pick = |random: &SeededRandom, world: &World| -> Vec<usize> {
            let open = |place: &usize| world.submitted[*place].1.is_none() && random.below(3) > 0;
            (0..world.submitted.len()).filter(open).collect()
        };
        let chosen = [0, 1].map(|_| pick(&self.world.random, &self.world));
        let items = |places: &[usize]| -> Vec<Item> {
            places.iter().map(|place| self.world.submitted[*place].0.clone()).collect()
        };
        let (first, second) = (items(&chosen[0]), items(&chosen[1]));
        let [one, two] = &mut self.writers;
        let told = tokio::join!(flush(one.as_mut(), &first), flush(two.as_mut(), &second));
        for (place, told) in [told.0, told.1].into_iter().enumerate() {
            match told {
                None => {}
                Some(Ok(results)) => self.acknowledge(&chosen[place], results),
                Some(Err(error)) => {
                    self.endure(&error);
                    if error.is_final() || self.world.random.below(2) == 0 {
                        self.writers[place] = None;
                    }
                }
            }
        }
    }

    fn acknowledge(&mut self, places: &[usize], results: Vec<Result<super::super::batch::Logged, Refused>>) {
        for (place, result) in places.iter().zip(results) {
            // A rival may have logged the same draft as well; each answer names a place that holds it.
            let index = result.expect("in sequence").index;
            self.world.submitted[*place].1.get_or_insert(index);
        }
    }

    fn faults(&mut self) {
        self.world.plan_fault();
        for one in &self.elsewhere {
            let mut state = one.state();
            state.away = self.world.random.below(5) == 0;
            state.loses_answer = self.world.random.below(8) == 0;
        }
    }

    /// The disk shows what it held some time ago; the local witness' state with it, or not.
    async fn lose(&mut self) {
        self.writers = [None, None];
        self.ever_lost = true;
        let kept = self.world.kept.0.lock().expect("lock").0;
        let published = retried(|| self.backup.0.published()).await.map(|head| head.size);
        let older = Arc::new(self.backup.0.copy_of_log());
        let newest = std::mem::replace(&mut self.world.records, older);
        if self.world.random.below(2) == 0 {
            self.world.kept.0.lock().expect("lock").0 = self.backup.1;
        }
        self.lost = Some((newest, kept, published));
    }

    /// The newest state comes back from where it was, unless the log rightly went on without it.
    async fn restore(&mut self) {
        let Some((newest, kept, before)) = self.lost.take() else { return };
        self.writers = [None, None];
        let published = retried(|| self.world.records.published()).await.map(|head| head.size);
        if published == before {
            self.world.records = newest;
            self.world.kept.0.lock().expect("lock").0 = kept;
        }
    }

    /// Nothing published contradicts anything published before.
    async fn check(&mut self) {
        let published = retried(|| self.world.records.published()).await.map(|head| head.size);
        match &self.lost {
            // What an older disk shows was published once; only what is new on it counts.
            Some((_, _, before)) if *before == published => {}
            _ => self.world.check_published().await,
        }
    }

    /// The published log as the public reads it, judged by keys known from the beginning.
    async fn audit(&self) {
        let Some(published) = retried(|| self.world.records.published()).await else { return };
        let note = Note::parse(&published.note).expect("note");
        let keys = LogKeys { tlog_policy: Some(self.world.policy.clone()), rosters: Vec::new() };
        let mut audit = LogAudit::begin(note, keys, self.world.clock.now()).expect("checkpoint");
        let leaves = retried(|| self.world.records.leaves(0..audit.size())).await;
        leaves.iter().for_each(|leaf| audit.entry(&leaf.bytes));
        let report = audit.finish();
        assert!(report.holds(), "{report:?}");
    }
}

async fn flush(
    writer: Option<&mut Writer>,
    items: &[Item],
) -> Option<Result<Vec<Result<super::super::batch::Logged, Refused>>, WriterError>> {
    match writer {
        Some(writer) => Some(writer.flush(items).await),
        None => None,
    }
}

/// Says how often a start was refused, and how often one went well.
async fn run(seed: u64) -> (u64, u64) {
    let mut model = Model::new(seed);
    for _ in 0..STEPS {
        for _ in 0..model.world.random.below(4) {
            model.world.new_item();
        }
        model.faults();
        model.flush().await;
        model.check().await;
        model.world.clock.advance(Duration::from_secs(model.world.random.below(1_200)));
        match model.world.random.below(12) {
            0 => model.writers = [None, None],
            1 if model.lost.is_none() => {
                let kept = model.world.kept.0.lock().expect("lock").0;
                model.backup = (model.world.records.copy_of_log(), kept);
            }
            2 if model.lost.is_none() && seed.is_multiple_of(2) => model.lose().await,
            3 | 4 => model.restore().await,
            _ => {}
        }
    }
    model.restore().await;
    settle(&mut model).await;
    model.check().await;
    model.audit().await;
    (model.refused, model.recovered)
}

/// Without faults, and without a loss that only people can mend, everything gets logged in the end.
async fn settle(model: &mut Model) {
    for one in &model.elsewhere {
        let mut state = one.state();
        (state.away, state.loses_answer) = (false, false);
    }
    model.writers = [None, None];
    for _ in 0..60 {
        model.open(0).await;
        model.flush().await;
    }
    if !model.ever_lost {
        let open = model.world.submitted.iter().filter(|(_, index)| index.is_none()).count();
        assert_eq!(open, 0, "not logged in the end");
    }
}

#[allow(clippy::disallowed_methods, reason = "a test is told by the environment which run to replay")]
fn first_seed() -> u64 {
    std::env::var("WARDMOTE_SEED").ok().and_then(|text| text.parse::<u32>().ok()).map_or(0, u64::from)
}

#[test]
fn no_published_checkpoint_is_ever_contradicted_and_the_auditor_agrees() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("runtime");
    let first = first_seed();
    println!("seeds {first} to {}", first + RUNS - 1);
    let (mut refused, mut recovered) = (0, 0);
    for seed in first..first + RUNS {
        let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| runtime.block_on(run(seed))));
        let (no, yes) = ran.unwrap_or_else(|cause| {
            println!("seed {seed}");
            std::panic::resume_unwind(cause)
        });
        refused += no;
        recovered += yes;
    }
    println!("{recovered} starts went well, {refused} times a sequencer refused to go on");
    // A model in which nothing ever goes wrong shows nothing.
    assert!(refused > RUNS / 20 && recovered > 2 * RUNS, "{refused} {recovered}");
}
