//! Starting and joining the control plane.

use crate::api::Api;
use crate::appeals::AppealCodes;
use crate::bundles::Bundles;
use crate::defence::{self, Feeds};
use crate::docket::Docket;
use crate::duress;
use crate::error_pages::Shelf;
use crate::host_names::{self, HostNames};
use crate::intake::Intake;
use crate::live::{self, Live};
use crate::mail::{self, Post};
use crate::plane::{Founded, Placed, Plane};
use crate::policies::{Policies, PoliciesError};
use crate::purges::{self, Purging};
use crate::reconcile::{self, Planned};
use crate::rim::guard::OwnNames;
use crate::rim::listener::{Bounded, Peer};
use crate::rim::principal::Door;
use crate::sequencer::{
    BEAT, Draft, Item, LocalWitness, Sequencer, Surroundings, WitnessFile, Witnesses, Writer, WriterError,
    find_kind,
};
use crate::subscriptions::Askers;
use crate::{FoundError, Foundation, Inputs, Options, PublicUrl, console, founding, record};
use ::witness::Remotes;
use ledger::tlog_policy::TlogPolicy;
use ledger::witness::Witness;
use ledger::{Entry, Kind, PolicyPublished, RosterChanged};
use policy::Profile;
use records::{Records, StoreError};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;
use vocabulary::Digest;

/// How long open connections may take to end once the server stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// How often ended sessions, tokens and keys are swept out.
const SWEEP: Duration = Duration::from_secs(600);

/// A running control plane. Dropping it aborts everything; [`Control::join`] waits for its orderly end.
pub struct Control {
    listen: SocketAddr,
    public: SocketAddr,
    api: Api,
    /// Everything but the sequencer.
    front: JoinSet<()>,
    sequencer: JoinHandle<Result<(), WriterError>>,
    /// Stops the sequencer once nobody hands entries in any more.
    last: CancellationToken,
    stop: CancellationToken,
}

/// Why a control plane could not start, or had to end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The console would be reachable from elsewhere without TLS.
    #[error(
        "the console listens on {0}, which is not loopback, and TLS for it is not built yet; use 127.0.0.1 and a tunnel"
    )]
    NotLoopback(SocketAddr),
    /// Founding failed.
    #[error(transparent)]
    Found(FoundError),
    /// An address could not be bound.
    #[error("cannot listen on {address}: {source}; stop what uses it, or choose another address")]
    Bind {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The log cannot be written: fenced off, rolled back, contradicting itself, or its store failed.
    #[error("the log: {0}")]
    Log(String),
    /// The records failed.
    #[error("the records: {0}")]
    Records(StoreError),
    /// A founding document is not the one that was published.
    #[error(
        "{file} is not what the log published first ({logged}); put the published file back. A new version of the policy \
         is published by POST /api/v1/policies; changing the roster is not built yet"
    )]
    Changed {
        /// Which file.
        file: &'static str,
        /// The digest in the log.
        logged: Digest,
    },
    /// The list of duress keys is another than it was, or gone.
    #[error(
        "duress-keys is missing, or not the list that this deployment began with; put it back from a backup with \
         `wardmote restore`: changing it is not built yet"
    )]
    DuressKeys,
    /// The vault of reports could not be opened.
    #[error("the vault of reports: {0}")]
    Reports(String),
    /// A part ended that should not.
    #[error("a part of the control plane broke down: {0}")]
    Broken(String),
}

/// Starts the control plane: founds the deployment if need be, finishes what an earlier run left undone
/// in the log, binds, and serves until the token is cancelled.
pub async fn start(options: Options, inputs: Inputs, stop: CancellationToken) -> Result<Control, StartError> {
    start_at(options, inputs, stop, BEAT).await
}

/// The same on sockets that listen already, on the addresses of the options.
pub async fn start_on(
    sockets: Sockets,
    options: Options,
    inputs: Inputs,
    stop: CancellationToken,
) -> Result<Control, StartError> {
    start_with(Some(sockets), options, inputs, stop, BEAT).await
}

/// The sockets of a control plane. They must not block.
#[derive(Debug)]
pub struct Sockets {
    /// For console and API.
    pub listen: std::net::TcpListener,
    /// For the public record.
    pub public: std::net::TcpListener,
}

/// The same with another beat of the log.
pub(crate) async fn start_at(
    options: Options,
    inputs: Inputs,
    stop: CancellationToken,
    beat: Duration,
) -> Result<Control, StartError> {
    start_with(None, options, inputs, stop, beat).await
}

async fn start_with(
    sockets: Option<Sockets>,
    options: Options,
    inputs: Inputs,
    stop: CancellationToken,
    beat: Duration,
) -> Result<Control, StartError> {
    if !options.listen.ip().to_canonical().is_loopback() {
        return Err(StartError::NotLoopback(options.listen));
    }
    let foundation = found(&options, &inputs).await?;
    duress::check_list(&*inputs.records, foundation.duress_mark).await?;
    let (control_listener, public_listener) = match sockets {
        Some(Sockets { listen, public }) => (adopt(options.listen, listen)?, adopt(options.public, public)?),
        None => (bind(options.listen).await?, bind(options.public).await?),
    };
    let listen = control_listener.local_addr().unwrap_or(options.listen);
    let public = public_listener.local_addr().unwrap_or(options.public);

    let admin_token = foundation.admin_token;
    let (writer, founded, appeal_codes) = open_log(foundation, &inputs).await?;
    let (sequencer, waiting) = Sequencer::new(&writer);
    let door =
        Door::new(inputs.records.clone(), inputs.clock.clone(), inputs.random.clone(), admin_token, listen);
    let intake = Intake::open(&founded.files, &*inputs.records, &*inputs.random).await;
    let intake = intake.map_err(|error| StartError::Reports(error.to_string()))?;
    let host_names =
        HostNames::open(&*inputs.records, inputs.resolvers.clone(), inputs.proof_web.clone()).await;
    let host_names = host_names.map_err(StartError::Records)?;
    let plane =
        Arc::new(plane(options.public_url, inputs, (founded, appeal_codes), (sequencer, intake, host_names)));
    let surroundings = Surroundings {
        wake: plane.wake.clone(),
        alarms: plane.alarms.clone(),
        clock: plane.clock.clone(),
        beat,
    };
    let last = CancellationToken::new();
    let sequencer = tokio::spawn(crate::sequencer::run(writer, waiting, surroundings, last.clone()));

    let api = Api { plane: plane.clone(), door };
    let stop = stop.child_token();
    let mut front = JoinSet::new();
    if let Err(error) = defence::recall_feeds(&plane).await {
        tracing::warn!(%error, "the lists of feeds were not read before the first parcel; edges keep theirs");
    }
    if let Err(error) = reconcile::recall_alarms(&plane).await {
        tracing::warn!(%error, "the alarms of the run before were not read");
    }
    let console = console::router(api.clone(), OwnNames::of(listen));
    front.spawn(serve(control_listener, console, stop.clone()));
    front.spawn(serve(public_listener, record::router(plane.clone()), stop.clone()));
    front.spawn(reconcile::run(plane.clone(), Planned::default(), stop.clone()));
    front.spawn(purges::spread_out(plane.clone(), stop.clone()));
    front.spawn(defence::read_feeds(plane.clone(), stop.clone()));
    front.spawn(mail::carry_out(plane.clone(), stop.clone()));
    front.spawn(host_names::watch(plane.clone(), stop.clone()));
    front.spawn(watch(plane.clone(), stop.clone()));
    front.spawn(sweep(plane, stop.clone()));
    Ok(Control { listen, public, api, front, sequencer, last, stop })
}

fn plane(
    public_url: PublicUrl,
    inputs: Inputs,
    (founded, appeal_codes): (Founded, AppealCodes),
    (sequencer, intake, host_names): (Sequencer, Intake, HostNames),
) -> Plane {
    Plane {
        docket: Docket::new(inputs.records.clone()),
        bundles: Bundles::default(),
        reports: record::Reports::default(),
        mechanism: record::Mechanism::default(),
        turns: record::Turns::default(),
        sealed_entries: reconcile::SealedEntries::default(),
        counted_days: reconcile::CountedDays::default(),
        live: Live::default(),
        purging: Purging::default(),
        feeds: Feeds::default(),
        alarms: Arc::default(),
        wake: Arc::default(),
        clock: inputs.clock,
        random: inputs.random,
        records: inputs.records,
        publisher: inputs.publisher,
        telemetry: inputs.telemetry,
        certificates: inputs.certificates,
        web: inputs.web,
        shelf: Shelf::default(),
        host_names,
        public_url,
        founded,
        appeal_codes,
        sequencer,
        intake,
        post: Post { carrier: inputs.carrier, ..Post::default() },
        subscribing: Askers::default(),
    }
}

async fn found(options: &Options, inputs: &Inputs) -> Result<Foundation, StartError> {
    let (data_dir, public_url) = (options.data_dir.clone(), options.public_url.clone());
    let witnesses = options.witnesses.clone();
    let (clock, random) = (inputs.clock.clone(), inputs.random.clone());
    let work = move || founding::found(&data_dir, &public_url, witnesses.as_ref(), &*clock, &*random);
    let founded = tokio::task::spawn_blocking(work).await;
    founded.map_err(|error| StartError::Broken(error.to_string()))?.map_err(StartError::Found)
}

fn adopt(address: SocketAddr, socket: std::net::TcpListener) -> Result<TcpListener, StartError> {
    TcpListener::from_std(socket).map_err(|source| StartError::Bind { address, source })
}

async fn bind(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Bind { address, source })
}

/// Takes over the log and makes sure that it holds the founding documents, as they are.
async fn open_log(
    foundation: Foundation,
    inputs: &Inputs,
) -> Result<(Writer, Founded, AppealCodes), StartError> {
    let Foundation {
        log_key,
        witness_key,
        roster,
        policy_text,
        matrix,
        tlog_policy,
        duress,
        appeal_codes,
        files,
        ..
    } = foundation;
    let origin = log_key.name().to_owned();
    let witness = Witness::new(witness_key, vec![log_key.verifier()]);
    let witness = witness.map_err(|error| StartError::Log(error.to_string()))?;
    let state = WitnessFile::new(files.witness_state(), &origin);
    let local = LocalWitness::new(witness, Box::new(state));
    let keys = TlogPolicy::parse(&tlog_policy).map_err(|error| StartError::Log(error.to_string()))?;
    let remotes = Remotes::of(&keys).map_err(|error| StartError::Log(error.to_string()))?;
    let witnesses = Witnesses::new(local, remotes, keys, roster.profile() == Profile::Trial);
    let log = |error: WriterError| StartError::Log(error.to_string());
    let mut writer =
        Writer::open(inputs.records.clone(), log_key, witnesses, inputs.clock.clone()).await.map_err(log)?;

    let records = &*inputs.records;
    let policy = PolicyPublished { version: matrix.version(), sha256: matrix.hash() };
    let changed =
        RosterChanged { serial: roster.serial(), sha256: roster.hash(), tlog_policy: tlog_policy.clone() };
    let at = roster.not_before();
    let mut drafts = Vec::new();
    // A file that was changed since is refused below; published by the way it would act without notice.
    if records.last_of_subject(PolicyPublished::SUBJECT).await.map_err(StartError::Records)?.is_none() {
        drafts.push(founding_draft(Kind::PolicyPublished, PolicyPublished::SUBJECT, &policy, at)?);
    }
    drafts.push(founding_draft(Kind::RosterChanged, RosterChanged::SUBJECT, &changed, at)?);
    writer.flush(&drafts).await.map_err(log)?;
    let policy_entry = placed(records, Kind::PolicyPublished, PolicyPublished::SUBJECT).await?;
    let roster_entry = placed(records, Kind::RosterChanged, RosterChanged::SUBJECT).await?;
    published_as("policy.txt", &policy_entry, matrix.hash())?;
    published_as("roster.json", &roster_entry, roster.hash())?;
    let roster_text = String::from_utf8_lossy(&roster.to_bytes()).into_owned();
    let founded = Founded {
        origin,
        roster,
        roster_text,
        roster_entry,
        duress,
        policies: Policies::read(records, &policy_text).await.map_err(policies)?,
        tlog_policy,
        files,
    };
    Ok((writer, founded, appeal_codes))
}

fn founding_draft(
    kind: Kind,
    subject: &str,
    public: &impl Serialize,
    time: vocabulary::Timestamp,
) -> Result<Item, StartError> {
    let public = serde_json::to_value(public).map_err(|error| StartError::Broken(error.to_string()))?;
    Ok(Item::Draft(Draft {
        kind,
        time,
        actors: vec!["sequencer".to_owned()],
        subject: subject.to_owned(),
        policy: None,
        commitments: None,
        public,
    }))
}

fn policies(error: PoliciesError) -> StartError {
    match error {
        PoliciesError::Store(error) => StartError::Records(error),
        error => StartError::Log(error.to_string()),
    }
}

async fn placed(records: &dyn Records, kind: Kind, subject: &str) -> Result<Placed, StartError> {
    let missing = || StartError::Log(format!("{kind} is not in the log"));
    let index =
        find_kind(records, subject, kind).await.map_err(|error| StartError::Log(error.to_string()))?;
    let index = index.ok_or_else(missing)?;
    let leaves = records.leaves(index..index + 1).await.map_err(StartError::Records)?;
    let entry = leaves.first().and_then(|leaf| Entry::parse(&leaf.bytes).ok()).ok_or_else(missing)?;
    Ok(Placed { entry, index })
}

/// The document on disk is the one whose digest the log holds.
fn published_as(file: &'static str, placed: &Placed, present: Digest) -> Result<(), StartError> {
    let logged = placed.entry.body.public.get("sha256").and_then(|value| value.as_str()?.parse().ok());
    match logged {
        Some(logged) if logged != present => Err(StartError::Changed { file, logged }),
        Some(_) => Ok(()),
        None => Err(StartError::Log(format!("the entry that publishes {file} cannot be read"))),
    }
}

async fn serve(listener: TcpListener, router: axum::Router, stop: CancellationToken) {
    let ended = stop.clone();
    let router = router.into_make_service_with_connect_info::<Peer>();
    let serving = axum::serve(Bounded::new(listener), router).with_graceful_shutdown(ended.cancelled_owned());
    let farewell = async {
        stop.cancelled().await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        result = async { serving.await } => {
            if let Err(error) = result {
                tracing::error!(%error, "a listener ended");
            }
        }
        // Whoever is still connected is cut off.
        () = farewell => {}
    }
}

async fn watch(plane: Arc<Plane>, stop: CancellationToken) {
    let changes = plane.docket.changes();
    live::run(&plane.live, plane.telemetry.clone(), plane.clock.clone(), changes, stop).await;
}

async fn sweep(plane: Arc<Plane>, stop: CancellationToken) {
    loop {
        if let Err(error) = plane.records.sweep(plane.clock.now()).await {
            tracing::warn!(%error, "ended sessions were not swept");
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(SWEEP) => {}
        }
    }
}

impl Control {
    /// Where console and API listen.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Where the public record listens.
    pub fn public(&self) -> SocketAddr {
        self.public
    }

    /// What its handlers share, for tests of parts without an address of their own.
    #[cfg(test)]
    pub(crate) fn plane(&self) -> &Plane {
        &self.api.plane
    }

    /// A fresh one-time link to the console, valid for 30 minutes; earlier ones no longer work.
    pub async fn setup_link(&self) -> Result<String, StartError> {
        let token = self.api.door.offer_setup().await;
        let token = token.map_err(|problem| StartError::Broken(problem.title().to_owned()))?;
        Ok(format!("http://localhost:{}/setup#t={token}", self.listen.port()))
    }

    /// Waits until everything this control plane started has ended: after its token was cancelled, or
    /// with an error when the log may not be written any more.
    pub async fn join(mut self) -> Result<(), StartError> {
        let mut broken = None;
        loop {
            tokio::select! {
                biased;
                ended = &mut self.sequencer => {
                    self.stop.cancel();
                    while self.front.join_next().await.is_some() {}
                    return outcome(ended);
                }
                ended = self.front.join_next() => match ended {
                    Some(Ok(())) => {}
                    Some(Err(error)) => {
                        // A part that panicked takes the whole with it: a supervisor starts it anew.
                        broken.get_or_insert(error.to_string());
                        self.stop.cancel();
                    }
                    None => break,
                }
            }
        }
        self.last.cancel();
        let ended = (&mut self.sequencer).await;
        match broken {
            Some(error) => Err(StartError::Broken(error)),
            None => outcome(ended),
        }
    }
}

fn outcome(ended: Result<Result<(), WriterError>, tokio::task::JoinError>) -> Result<(), StartError> {
    match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(StartError::Log(error.to_string())),
        Err(error) => Err(StartError::Broken(error.to_string())),
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.stop.cancel();
        self.last.cancel();
    }
}

impl std::fmt::Debug for Control {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Control")
            .field("listen", &self.listen)
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}
