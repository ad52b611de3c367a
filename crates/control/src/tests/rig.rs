//! What the tests drive: a started control plane, a small HTTP client, a verifying edge, officers.

use super::web::Files;
use crate::start::start_at;
use crate::{Control, Inputs, Options};
use certificates::CertificateStore;
use feed::{Receipt, Subscription};
use policy::OfficerKey;
use records::memory::Memory;
use serde_json::{Value, json};
use snapshot::{Enforcement, Roots, Snapshot, Trust};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, ManualClock, SeededRandom, Timestamp};

/// An answer, read whole.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The reason of a problem document.
    pub(super) fn reason(&self) -> String {
        assert_eq!(self.field("content-type"), "application/problem+json", "{}", self.text());
        let problem = self.json();
        assert_eq!(problem["status"], self.status);
        assert!(!problem["title"].as_str().unwrap_or_default().is_empty());
        problem["reason"].as_str().expect("reason").to_owned()
    }

    pub(super) fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// The answer, if it has this status.
    #[track_caller]
    pub(super) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.text());
        self
    }
}

/// Sends one request on a connection of its own.
pub(super) async fn send(
    to: SocketAddr,
    method: &str,
    path: &str,
    fields: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut stream = TcpStream::connect(to).await.expect("connected");
    let mut head =
        format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    if !fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head += &format!("Host: {to}\r\n");
    }
    for (name, value) in fields {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).await.expect("written");
    // A refused body may be answered before it is sent whole.
    let _ = stream.write_all(body).await;
    let mut read = Vec::new();
    let _ =
        tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut read)).await.expect("answered");
    parse(&read)
}

fn parse(read: &[u8]) -> Answer {
    let end = read.windows(4).position(|four| four == b"\r\n\r\n").expect("a whole head");
    let head = String::from_utf8(read[..end].to_vec()).expect("ascii");
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).expect("status line");
    let fields = lines.filter_map(|line| line.split_once(": "));
    Answer {
        status: status.parse().expect("status"),
        fields: fields.map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())).collect(),
        body: read[end + 4..].to_vec(),
    }
}

pub(super) const SITES: &str = r#"
[[account]]
name = "board"
  [[account.site]]
  hosts = ["board.test", "*.board.test"]
  origins = ["http://127.0.0.1:3001"]
  [[account.site]]
  hosts = ["mirror.test"]
  origins = ["http://127.0.0.1:3002"]
[[account]]
name = "shop"
  [[account.site]]
  hosts = ["shop.test"]
  origins = ["http://127.0.0.1:3003"]
"#;

/// Everything that outlives a restart.
pub(super) struct Rig {
    pub(super) folder: tempfile::TempDir,
    pub(super) clock: Arc<ManualClock>,
    pub(super) records: Arc<Memory>,
    pub(super) random: Arc<SeededRandom>,
    /// The certificates of an edge beside the control plane.
    pub(super) certificates: Option<Arc<CertificateStore>>,
    /// Whom it asks for the records that prove host names.
    pub(super) resolvers: Vec<SocketAddr>,
    /// Where it finds the files that do.
    pub(super) proof_web: Arc<Files>,
    /// The data plane beside it.
    pub(super) telemetry: Arc<dyn crate::Telemetry>,
    /// The way of its mail.
    pub(super) carrier: Option<Arc<dyn smtp::Carrier>>,
    keys: BTreeMap<String, OfficerKey>,
}

/// A running control plane with its edge.
pub(super) struct Running {
    pub(super) control: Control,
    pub(super) token: String,
    pub(super) edge: Edge,
    /// The feed, for tests that speak as another edge.
    pub(super) feed: Subscription,
    stop: CancellationToken,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("folder"),
            clock: Arc::new(ManualClock::at(Timestamp::from_secs(1_790_000_000))),
            records: Arc::new(Memory::new()),
            random: Arc::new(SeededRandom::new(11)),
            certificates: None,
            resolvers: Vec::new(),
            proof_web: Arc::default(),
            telemetry: Arc::new(()),
            carrier: None,
            keys: BTreeMap::new(),
        }
    }

    pub(super) fn data_dir(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Why a start is refused.
    pub(super) async fn refused_start(&self) -> String {
        let (options, inputs) = self.given(feed::in_process().0);
        let started = start_at(options, inputs, CancellationToken::new(), Duration::from_millis(100)).await;
        started.map(drop).expect_err("a refusal").to_string()
    }

    fn given(&self, publisher: feed::Publisher) -> (Options, Inputs) {
        let options = Options {
            listen: "127.0.0.1:0".parse().expect("address"),
            public: "127.0.0.1:0".parse().expect("address"),
            public_url: "http://localhost:9091".parse().expect("url"),
            witnesses: None,
            data_dir: self.data_dir(),
        };
        let inputs = Inputs {
            clock: self.clock.clone(),
            random: self.random.clone(),
            records: self.records.clone(),
            publisher,
            telemetry: self.telemetry.clone(),
            certificates: self.certificates.clone(),
            web: Arc::new(crate::tests::web::Shop),
            resolvers: Arc::new(names::Resolvers::of_servers(&self.resolvers)),
            proof_web: self.proof_web.clone(),
            carrier: self.carrier.clone(),
        };
        (options, inputs)
    }

    pub(super) async fn start(&mut self) -> Running {
        let (publisher, subscription) = feed::in_process();
        let (options, inputs) = self.given(publisher);
        let stop = CancellationToken::new();
        let control =
            start_at(options, inputs, stop.clone(), Duration::from_millis(100)).await.expect("started");
        self.take_keys();
        let token = std::fs::read_to_string(self.data_dir().join("admin.token")).expect("token");
        let feed = subscription.clone();
        let edge = Edge::follow(&self.data_dir(), subscription, self.clock.clone());
        Running { control, token: token.trim().to_owned(), edge, feed, stop }
    }

    /// Takes the officers' keys away from the disk, as careful officers would; `NAME-2` is the one for duress.
    fn take_keys(&mut self) {
        for (name, mark) in [("officers", ""), ("duress", "-2")] {
            let folder = self.data_dir().join(name);
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.expect("entry").path();
                let text = std::fs::read_to_string(&path).expect("key file");
                let name = format!("{}{mark}", path.file_stem().expect("a name").to_string_lossy());
                self.keys.insert(name, OfficerKey::parse(&text).expect("key"));
            }
            std::fs::remove_dir_all(folder).expect("removed");
        }
    }

    pub(super) fn officer(&self, pseudonym: &str) -> &OfficerKey {
        self.keys.get(pseudonym).expect(pseudonym)
    }

    pub(super) fn ago(&self, hours: u64) -> Timestamp {
        self.clock.now().minus(Duration::from_secs(hours * 3_600))
    }

    pub(super) fn roots(&self) -> Roots {
        roots(&self.data_dir())
    }
}

fn roots(data_dir: &Path) -> Roots {
    let folder = data_dir.join("edge").join("roots");
    let policy = std::fs::read_to_string(folder.join("tlog-policy")).expect("policy");
    let roster = std::fs::read(folder.join("roster.json")).expect("roster");
    Roots::parse(&policy, &roster).expect("roots")
}

impl Running {
    pub(super) async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.call_with(method, path, &[], body).await
    }

    pub(super) async fn call_with(
        &self,
        method: &str,
        path: &str,
        more: &[(&str, &str)],
        body: &Value,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let mut fields = vec![("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        fields.extend_from_slice(more);
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        send(self.control.listen(), method, path, &fields, &body).await
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &Value::Null).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &body).await
    }

    /// Sends raw bytes.
    pub(super) async fn upload(&self, path: &str, media_type: &str, body: &[u8]) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let fields = [("Authorization", bearer.as_str()), ("Content-Type", media_type)];
        send(self.control.listen(), "POST", path, &fields, body).await
    }

    pub(super) async fn apply(&self, text: &str, query: &str) -> Answer {
        self.upload(&format!("/api/v1/apply{query}"), "application/toml", text.as_bytes()).await
    }

    pub(super) async fn public(&self, path: &str) -> Answer {
        send(self.control.public(), "GET", path, &[], b"").await
    }

    /// Waits until a decision has come to a state.
    pub(super) async fn until_state(&self, decision: &str, state: &str) -> Value {
        let path = format!("/api/v1/decisions/{decision}");
        for _ in 0..400 {
            let shown = self.get(&path).await.is(200).json();
            if shown["state"] == state {
                return shown;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let shown = self.get(&path).await.text();
        let status = self.get("/api/v1/status").await.text();
        panic!("{decision} never came to {state}: {shown}\n{status}");
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.edge.task.abort();
        self.control.join().await.expect("an orderly end");
    }
}

/// An edge that verifies and reports, and serves nobody.
pub(super) struct Edge {
    pub(super) seen: Arc<Mutex<Seen>>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Default)]
pub(super) struct Seen {
    pub(super) revision: u64,
    pub(super) sites: usize,
    pub(super) bundles: usize,
    pub(super) suspensions: usize,
    pub(super) snapshot: Option<Arc<Snapshot>>,
    pub(super) refused: Vec<String>,
    /// The last window of purges.
    pub(super) purges: caching::PurgeWindow,
    /// Purges that it puts off holding, for tests of slow edges.
    pub(super) puts_off: bool,
}

impl Edge {
    fn follow(data_dir: &Path, mut feed: Subscription, clock: Arc<ManualClock>) -> Self {
        let mut enforcement = Enforcement::new(roots(data_dir), Trust::default());
        let seen = Arc::new(Mutex::new(Seen::default()));
        let shared = seen.clone();
        let mut purges = feed.clone();
        let task = tokio::spawn(async move {
            let edge = "edge-1".to_owned();
            let mut receipt =
                Receipt { edge, revision: 0, purged: 0, applied: vec![], refused: vec![], alarms: vec![] };
            loop {
                tokio::select! {
                    Ok(parcel) = feed.changed() => {
                        receipt.revision = parcel.revision;
                        take(&shared, &mut enforcement, &parcel, clock.now(), &mut receipt);
                    }
                    Ok(window) = purges.purges_changed() => {
                        let mut seen = shared.lock().expect("lock");
                        seen.purges = (*window).clone();
                        if seen.puts_off {
                            continue;
                        }
                        receipt.purged = window.revision();
                    }
                    else => return,
                }
                feed.report(receipt.clone());
            }
        });
        Self { seen, task }
    }

    /// A part of its state.
    pub(super) fn state<T>(&self, of: impl FnOnce(&mut Seen) -> T) -> T {
        of(&mut self.seen.lock().expect("lock"))
    }

    /// Waits until the edge has seen something.
    pub(super) async fn until(&self, what: &str, seen: impl Fn(&Seen) -> bool) {
        for _ in 0..400 {
            if seen(&self.seen.lock().expect("lock")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the edge never saw {what}");
    }
}

fn take(
    seen: &Mutex<Seen>,
    enforcement: &mut Enforcement,
    parcel: &snapshot::Parcel,
    now: Timestamp,
    receipt: &mut Receipt,
) {
    let applied = enforcement.apply(parcel, now);
    receipt.refused = applied.refused.iter().map(|(id, why)| (*id, why.name().to_owned())).collect();
    let told = applied.alarms.iter().filter(|alarm| !matches!(alarm, snapshot::Alarm::Refused { .. }));
    receipt.alarms = told.map(ToString::to_string).collect();
    receipt.applied = applied.applied;
    let mut seen = seen.lock().expect("lock");
    seen.revision = parcel.revision;
    seen.sites = parcel.sites.len();
    seen.bundles = parcel.bundles.len();
    seen.suspensions = parcel.suspensions.len();
    seen.snapshot = Some(applied.snapshot.clone());
    seen.refused.extend(receipt.refused.iter().map(|(_, why)| why.clone()));
}

/// A case whose facts open the gate for M5 now; returns its id.
pub(super) async fn open_case(rig: &Rig, running: &Running) -> String {
    open_case_about(rig, running, "board").await
}

/// The same about another customer.
pub(super) async fn open_case_about(rig: &Rig, running: &Running, account: &str) -> String {
    let case = running
        .post(
            "/api/v1/cases",
            json!({"account": account, "allegation": "calls for violence", "by": "intake-1"}),
        )
        .await
        .is(201)
        .json();
    let case = case["case"].as_str().expect("id").to_owned();
    for number in [1, 2] {
        add_finding(rig, running, &case, number).await;
    }
    let log = seal(running, &case, b"log of the call").await;
    refer(rig, running, &case, &log).await;
    for (by, fact) in facts(rig) {
        running
            .call("PUT", &format!("/api/v1/cases/{case}/facts"), &json!({"by": by, "fact": fact}))
            .await
            .is(200);
    }
    case
}

pub(super) async fn seal(running: &Running, case: &str, bytes: &[u8]) -> String {
    let sealed = running.upload(&format!("/api/v1/cases/{case}/evidence"), "image/png", bytes).await.is(201);
    sealed.json()["id"].as_str().expect("id").to_owned()
}

async fn add_finding(rig: &Rig, running: &Running, case: &str, number: u64) {
    let evidence = seal(running, case, format!("capture {number}").as_bytes()).await;
    let finding = json!({
        "by": "intake-1", "evidence": [evidence], "source": {"grade": "A"}, "item": format!("https://board.test/{number}"),
        "author": format!("author {number}"), "appearance": "posted", "posted_at": {"instant": rig.ago(5)},
    });
    let added = running.post(&format!("/api/v1/cases/{case}/findings"), finding).await.is(201).json();
    let path = format!("/api/v1/cases/{case}/findings/{}/ratings", added["finding"].as_str().expect("id"));
    for by in ["assessor-1", "assessor-2"] {
        let rating =
            json!({"by": by, "credibility": "credible", "unsighted": true, "reason": "names place and time"});
        running.post(&path, rating).await.is(201);
    }
}

async fn refer(rig: &Rig, running: &Running, case: &str, log: &str) {
    let desk = json!({"by": "authority-liaison-1", "name": "A duty desk", "stands_for": "fallback",
        "duty_line": {"number": "+999 1", "source": "the state's handbook"}});
    let desk = running.post("/api/v1/authorities", desk).await.is(201).json()["authority"]["id"].clone();
    let step = json!({"by": "authority-liaison-1", "step": {"called": {"outcome": "confirmed"}}});
    running.post(&format!("/api/v1/authorities/{}/steps", desk.as_str().expect("id")), step).await.is(200);
    let referral =
        json!({"by": "authority-liaison-1", "directory": desk, "packet": vocabulary::Digest::of(b"packet")});
    let added = running.post(&format!("/api/v1/cases/{case}/referrals"), referral).await.is(201).json();
    let path = format!("/api/v1/cases/{case}/referrals/{}", added["referral"].as_str().expect("id"));
    running.post(&format!("{path}/sent"), json!({"channel": "duty-line"})).await.is(200);
    let proof = json!({"duty-line-call": {"line_verified_at": rig.ago(48), "log": log}});
    let delivered = json!({"channel": "duty-line", "proof": proof});
    running.post(&format!("{path}/delivered"), delivered).await.is(200);
    let answered = running.post(&format!("{path}/answer"), json!({"answer": "request"})).await.is(200);
    assert_eq!(answered.json()["taken"], true);
}

fn facts(rig: &Rig) -> Vec<(&'static str, Value)> {
    let considered =
        |measure: &str| json!({"measure": measure, "outcome": {"would-not-do": {"reason": "it comes back"}}});
    let considered: Vec<Value> = ["M0", "M1", "M2", "M3", "M4"].into_iter().map(considered).collect();
    let mut facts = vec![
        (
            "duty-officer-1",
            json!({"danger": {"identified": "place", "harm": "death",
            "horizon": {"by": rig.clock.now().plus(Duration::from_secs(24 * 3_600))}}}),
        ),
        ("duty-officer-1", json!({"nexus": {"reachable": true, "lowers_risk": "fewer people see the call"}})),
        (
            "duty-officer-1",
            json!({"concerned": {"offence": "unknown", "suspect": "unknown", "person_at_risk": "unknown"}}),
        ),
        ("duty-officer-1", json!({"lesser-measures": {"considered": considered}})),
        (
            "duty-officer-1",
            json!({"safety": {"escalation": "low", "plan": "patrols", "dispatcher": {"nobody-to-ask": {"reason": "a place"}}}}),
        ),
        (
            "legal-1",
            json!({"legal-review": {"conclusion": "lawful", "sealed_view": vocabulary::Digest::of(b"view"), "dissent": "none-voiced"}}),
        ),
        (
            "duty-officer-1",
            json!({"site-conduct": {"notice": {"withheld": {"because": "endangers-someone", "reason": "they would move"}}, "items": []}}),
        ),
    ];
    for by in ["assessor-1", "assessor-2", "duty-officer-1", "legal-1"] {
        facts.push((by, json!({"declaration": {"conflict": null}})));
    }
    facts
}

/// A proposal of M5 on both sites of the message board.
pub(super) fn proposal(lease_seconds: u64) -> Value {
    json!({
        "by": "duty-officer-1", "measure": "M5", "class": "S", "ground": "emergency", "lease_seconds": lease_seconds,
        "sites": [{"site": "board.test", "reason": "both items stand here"}, {"site": "mirror.test", "reason": "the same items"}],
        "title": "Provisional block of a message board", "summary": "Calls for violence against people at a named place.",
    })
}

pub(super) async fn propose(running: &Running, case: &str, lease_seconds: u64) -> String {
    propose_on(running, case, &["board.test", "mirror.test"], lease_seconds).await
}

/// The same on other sites.
pub(super) async fn propose_on(running: &Running, case: &str, sites: &[&str], lease_seconds: u64) -> String {
    let path = format!("/api/v1/cases/{case}/proposals");
    let mut asked = proposal(lease_seconds);
    asked["sites"] =
        sites.iter().map(|site| json!({"site": site, "reason": "the items stand here"})).collect();
    let proposed = running.post(&path, asked).await.is(201);
    proposed.json()["decision"].as_str().expect("id").to_owned()
}

/// Signs the exact bytes as an officer and posts the signature.
pub(super) async fn sign(rig: &Rig, running: &Running, decision: &str, pseudonym: &str) -> Answer {
    let bytes = running.get(&format!("/api/v1/decisions/{decision}/bytes")).await.is(200).body;
    let approval = rig.officer(pseudonym).approve(&bytes);
    running.post(&format!("/api/v1/decisions/{decision}/approvals"), json!({"approval": approval})).await
}

/// A block of the message board's sites, in force.
pub(super) async fn blocked(rig: &Rig, running: &Running) -> String {
    let case = open_case(rig, running).await;
    let decision = propose(running, &case, 48 * 3_600).await;
    for by in ["assessor-1", "duty-officer-1"] {
        sign(rig, running, &decision, by).await.is(200);
    }
    running.until_state(&decision, "in-force").await;
    decision
}
