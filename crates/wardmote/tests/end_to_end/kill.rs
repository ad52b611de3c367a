//! `kill -9` at random moments during writes, and a start again: sites, decisions and log agree.

use crate::harness::{Connection, Nginx, Setup, Wardmote, eventually, is_long, seed};
use crate::mote::{self, CaseFile};
use serde_json::json;
use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use vocabulary::SeededRandom;

/// What clients were told before a kill; none of it may be lost after.
#[derive(Default)]
struct Answered {
    revision: u64,
    sites: usize,
    log_size: u64,
    cases: Vec<String>,
    decisions: Vec<String>,
}

#[test]
fn killed_at_random_moments_nothing_that_was_answered_is_lost() {
    let rounds = if is_long() { 200 } else { 10 };
    let seed = seed();
    println!("seed {seed}");
    let random = SeededRandom::new(seed);
    let origin = Nginx::start();
    let mut setup = Setup::new();
    let mut answered = Answered::default();
    for round in 0..rounds {
        let wardmote = setup.up(&[]);
        agree(&wardmote, &answered, &format!("seed {seed}, round {round}"));
        let moment = Duration::from_millis(random.below(1_500));
        setup = write_until_killed(wardmote, &origin, moment, &mut answered);
    }
    let wardmote = setup.up(&[]);
    agree(&wardmote, &answered, &format!("seed {seed}, at the end"));
    assert!(answered.revision > 0 && !answered.cases.is_empty(), "nothing was written between the kills");
    wardmote.stop();
}

/// Writes sites, cases and decisions as fast as they are taken, and kills the process meanwhile.
fn write_until_killed(
    wardmote: Wardmote,
    origin: &Nginx,
    moment: Duration,
    answered: &mut Answered,
) -> Setup {
    let token = fs::read_to_string(wardmote.setup.data().join("admin.token")).unwrap();
    let keys: Vec<policy::OfficerKey> = ["duty-officer-1", "assessor-1"]
        .map(|officer| {
            policy::OfficerKey::parse(&fs::read_to_string(mote::key(&wardmote, officer)).unwrap()).unwrap()
        })
        .into();
    let writer = Writer {
        address: wardmote.setup.control,
        public: wardmote.setup.public,
        bearer: format!("Bearer {}", token.trim()),
        origin: origin.url(),
    };
    // One decision through the ordinary way, about a customer of its own, so that signatures, log and
    // snapshots are under way too.
    let customer = format!("customer-{}", answered.decisions.len());
    let sites = format!(
        "[[account]]\nname = \"{customer}\"\n[[account.site]]\nhosts = [\"{customer}.test\"]\norigins = [\"{}\"]\n",
        origin.url()
    );
    wardmote.api("POST", "/api/v1/apply", Some(&json!({"sites": sites}))).status(200);
    let case = CaseFile::complete(&wardmote, &customer);
    let decision = case.propose(&[&format!("{customer}.test")], Duration::from_secs(3));
    answered.decisions.push(decision.clone());
    answered.cases.push(case.id.clone());
    for key in &keys {
        let path = format!("/api/v1/decisions/{decision}");
        let bytes = wardmote.api("GET", &format!("{path}/bytes"), None).status(200).body;
        let approval = json!({"approval": key.approve(&bytes)});
        wardmote.api("POST", &format!("{path}/approvals"), Some(&approval)).status(200);
    }
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let writing = scope.spawn(|| writer.write(&stop, answered));
        thread::sleep(moment);
        let setup = wardmote.kill();
        stop.store(true, Ordering::SeqCst);
        writing.join().unwrap();
        setup
    })
}

struct Writer {
    address: SocketAddr,
    public: SocketAddr,
    bearer: String,
    origin: String,
}

impl Writer {
    fn write(&self, stop: &AtomicBool, answered: &mut Answered) {
        while !stop.load(Ordering::SeqCst) {
            // An exchange that the kill cut off was not answered: nothing is promised about it.
            if self.step(answered).is_err() {
                return;
            }
        }
    }

    fn step(&self, answered: &mut Answered) -> std::io::Result<()> {
        let host = format!("host-{}.test", answered.sites);
        let sites = format!(
            "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"{host}\"]\norigins = [\"{}\"]\n",
            self.origin
        );
        let applied = self.post("/api/v1/apply", &json!({"sites": sites}))?;
        answered.revision = applied["revision"].as_u64().unwrap();
        answered.sites += 1;
        let case = json!({"account": "a", "allegation": "something", "by": "intake-1"});
        let opened = self.post("/api/v1/cases", &case)?;
        answered.cases.push(mote::text(&opened, "case"));
        let mut public = Connection::try_to(self.public)?;
        let request = format!("GET /record/log/checkpoint HTTP/1.1\r\nHost: {}\r\n\r\n", self.public);
        let checkpoint = public.try_raw(request.as_bytes(), false)?.status(200).text();
        answered.log_size = size(&checkpoint);
        Ok(())
    }

    fn post(&self, path: &str, body: &serde_json::Value) -> std::io::Result<serde_json::Value> {
        let body = body.to_string();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            self.address,
            self.bearer,
            body.len()
        );
        let reply = Connection::try_to(self.address)?.try_raw(request.as_bytes(), false)?;
        assert!(reply.status < 300, "{path}: {} {}", reply.status, reply.text());
        Ok(reply.json())
    }
}

fn size(checkpoint: &str) -> u64 {
    checkpoint.lines().nth(1).and_then(|line| line.parse().ok()).expect(checkpoint)
}

/// Everything that was answered is there, and the log, the decisions and the edge say the same.
fn agree(wardmote: &Wardmote, answered: &Answered, when: &str) {
    let fleet = wardmote.api("GET", "/api/v1/sites", None).status(200).json();
    assert!(fleet["revision"].as_u64().unwrap() >= answered.revision, "{when}: {fleet}");
    let accounts = fleet["accounts"].as_array().unwrap();
    let sites = accounts.iter().filter(|account| account["name"] == "a");
    let count: usize = sites.map(|account| account["sites"].as_array().unwrap().len()).sum();
    assert!(count >= answered.sites, "{when}: {count} sites, {} were answered", answered.sites);
    for case in &answered.cases {
        wardmote.api("GET", &format!("/api/v1/cases/{case}"), None).status(200);
    }
    let checkpoint = wardmote.public("/record/log/checkpoint").status(200).text();
    assert!(size(&checkpoint) >= answered.log_size, "{when}: the log lost entries");
    for decision in &answered.decisions {
        // Enough officers had signed: it goes its whole way, though the process died on it.
        eventually(&format!("{when}: {decision} is through"), Duration::from_secs(20), || {
            let state = mote::state(wardmote, decision);
            matches!(state.as_str(), "in-force" | "lapsed" | "expired").then_some(())
        });
    }
    if answered.sites > 0 {
        eventually(&format!("{when}: host-0.test is served"), Duration::from_secs(20), || {
            (wardmote.visit("host-0.test", "/").status == 200).then_some(())
        });
    }
}
