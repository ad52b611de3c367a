//! A case from its opening to a decision, through the API and the command line alone.

use crate::harness::{Finished, Wardmote, binary, run};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use vocabulary::{Digest, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);

/// Now, by this machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap())
}

fn ago(span: Duration) -> String {
    now().minus(span).to_string()
}

/// A case as the tests work on it.
pub(crate) struct CaseFile<'a> {
    wardmote: &'a Wardmote,
    pub(crate) id: String,
    findings: Vec<String>,
}

impl<'a> CaseFile<'a> {
    /// Opens a case about a customer.
    pub(crate) fn open(wardmote: &'a Wardmote, account: &str) -> Self {
        let body =
            json!({"account": account, "allegation": "calls to kill a named person", "by": "intake-1"});
        let opened = wardmote.api("POST", "/api/v1/cases", Some(&body)).status(201).json();
        Self { wardmote, id: text(&opened, "case"), findings: Vec::new() }
    }

    /// Everything that the gate asks for.
    pub(crate) fn complete(wardmote: &'a Wardmote, account: &str) -> Self {
        Self::complete_about(wardmote, account, "BB")
    }

    /// The same about a person in this country.
    pub(crate) fn complete_about(wardmote: &'a Wardmote, account: &str, at_risk: &str) -> Self {
        Self::filled(wardmote, account, at_risk, &desks(wardmote, at_risk))
    }

    /// The same with authorities that are in the directory already.
    pub(crate) fn complete_at(wardmote: &'a Wardmote, account: &str, desks: &[String]) -> Self {
        Self::filled(wardmote, account, "BB", desks)
    }

    fn filled(wardmote: &'a Wardmote, account: &str, at_risk: &str, desks: &[String]) -> Self {
        let mut case = Self::open(wardmote, account);
        case.add_finding(1, "A");
        case.add_finding(2, "B");
        for desk in desks {
            case.refer(desk);
        }
        for (by, fact) in case.facts(at_risk) {
            case.record(by, &fact);
        }
        case
    }

    fn post(&self, path: &str, body: &Value, wanted: u16) -> Value {
        let path = format!("/api/v1/cases/{}/{path}", self.id);
        self.wardmote.api("POST", &path, Some(body)).status(wanted).json()
    }

    /// A finding of its own item and author, with its capture, rated credible by two assessors.
    pub(crate) fn add_finding(&mut self, number: u8, grade: &str) {
        let path = format!("/api/v1/cases/{}/evidence", self.id);
        let capture = format!("capture {number}, with neighbouring pages");
        let sealed =
            self.wardmote.api_bytes("POST", &path, "text/plain", Some(capture.as_bytes())).status(201).json();
        let author = ["quiet heron", "loud badger", "third otter"][usize::from(number) % 3];
        let finding = json!({
            "by": "intake-1",
            "evidence": [sealed["id"]],
            "source": {"grade": grade},
            "item": format!("https://board.test/post/{number}"),
            "author": author,
            "appearance": "posted",
            "posted_at": {"instant": ago(HOUR * 6)},
        });
        let added = self.post("findings", &finding, 201);
        let finding = text(&added, "finding");
        for assessor in ["assessor-1", "assessor-2"] {
            let rating = json!({
                "by": assessor, "credibility": "credible", "unsighted": true,
                "reason": "names a person, a place and a time",
            });
            self.post(&format!("findings/{finding}/ratings"), &rating, 201);
        }
        self.findings.push(finding);
    }

    /// A referral, delivered by hand and answered.
    fn refer(&self, desk: &str) {
        let packet = Digest::of(desk.as_bytes());
        let body = json!({"by": "authority-liaison-1", "directory": desk, "packet": packet});
        let referral = text(&self.post("referrals", &body, 201), "referral");
        self.post(&format!("referrals/{referral}/sent"), &json!({"channel": "desk"}), 200);
        let delivered = json!({"channel": "desk", "proof": "desk-read"});
        self.post(&format!("referrals/{referral}/delivered"), &delivered, 200);
        self.post(&format!("referrals/{referral}/answer"), &json!({"answer": "non-objection"}), 200);
    }

    /// Records one fact.
    pub(crate) fn record(&self, by: &str, fact: &Value) {
        let path = format!("/api/v1/cases/{}/facts", self.id);
        self.wardmote.api("PUT", &path, Some(&json!({"by": by, "fact": fact}))).status(200);
    }

    fn facts(&self, at_risk: &str) -> Vec<(&'static str, Value)> {
        let considered = ["M0", "M1", "M2", "M3", "M4"].map(|measure| {
            json!({"measure": measure, "outcome": {"would-not-do": {"reason": "the items stay reachable"}}})
        });
        let items: Vec<Value> =
            self.findings.iter().map(|finding| json!({"finding": finding, "outcome": "still-up"})).collect();
        let notice = json!({"withheld": {"because": "endangers-someone", "reason": "the person is still at the place"}});
        let mut facts = vec![
            (
                "duty-officer-1",
                json!({"danger": {"identified": "person", "harm": "death", "horizon": "ongoing"}}),
            ),
            ("duty-officer-1", json!({"nexus": {"reachable": true, "lowers_risk": "readers act on it"}})),
            (
                "authority-liaison-1",
                json!({"concerned": {"offence": {"in": ["AA"]}, "suspect": "unknown", "person_at_risk": {"in": [at_risk]}}}),
            ),
            ("duty-officer-1", json!({"lesser-measures": {"considered": considered}})),
            (
                "duty-officer-1",
                json!({"safety": {
                    "escalation": "some may go elsewhere",
                    "plan": "the person is told before",
                    "dispatcher": {"warned-with-consent": {"at": ago(HOUR)}},
                }}),
            ),
            (
                "legal-1",
                json!({"legal-review": {
                    "conclusion": "lawful", "sealed_view": Digest::of(b"the view"), "dissent": "none-voiced",
                }}),
            ),
            ("duty-officer-1", json!({"site-conduct": {"notice": notice, "items": items}})),
        ];
        for by in ["intake-1", "assessor-1", "assessor-2", "legal-1", "duty-officer-1", "authority-liaison-1"]
        {
            facts.push((by, json!({"declaration": {"conflict": null}})));
        }
        facts
    }

    /// The gate's verdict on M5.
    pub(crate) fn gate(&self) -> Value {
        self.wardmote.api("GET", &format!("/api/v1/cases/{}/gate", self.id), None).status(200).json()
    }

    /// Asks for a block of these sites, each given by one of its hosts; whatever comes of it.
    pub(crate) fn try_propose(&self, sites: &[&str], lease: Duration) -> crate::harness::Reply {
        let sites: Vec<Value> = sites
            .iter()
            .map(|site| json!({"site": site, "reason": "the counted items stand on this site"}))
            .collect();
        let proposal = json!({
            "by": "duty-officer-1", "measure": "M5", "class": "S", "ground": "emergency",
            "lease_seconds": lease.as_secs(), "sites": sites,
            "title": "Provisional block of a message board",
            "summary": "Several posts call for the killing of a named person at a named place.",
        });
        let path = format!("/api/v1/cases/{}/proposals", self.id);
        self.wardmote.api("POST", &path, Some(&proposal))
    }

    /// Proposes a block; the decision's id.
    pub(crate) fn propose(&self, sites: &[&str], lease: Duration) -> String {
        text(&self.try_propose(sites, lease).status(201).json(), "decision")
    }
}

/// Three authorities, entered into the directory and called back: of AA, of where a person is at risk, and the fallback.
pub(crate) fn desks(wardmote: &Wardmote, at_risk: &str) -> Vec<String> {
    let stands_for = [json!({"jurisdiction": "AA"}), json!({"jurisdiction": at_risk}), json!("fallback")];
    let enter = |(place, to): (usize, Value)| {
        let number = place + 1;
        let entry = json!({
            "by": "authority-liaison-1", "name": format!("Duty desk {number}"), "stands_for": to,
            "duty_line": {"number": format!("+999 {number}"), "source": "the state's handbook"},
        });
        let entered = wardmote.api("POST", "/api/v1/authorities", Some(&entry)).status(201).json();
        let id = text(&entered["authority"], "id");
        let called = json!({"by": "authority-liaison-1", "step": {"called": {"outcome": "confirmed"}}});
        wardmote.api("POST", &format!("/api/v1/authorities/{id}/steps"), Some(&called)).status(200);
        id
    };
    stands_for.into_iter().enumerate().map(enter).collect()
}

/// A member of an answer that must be text.
pub(crate) fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no {name} in {value}")).to_owned()
}

/// Where an officer's key lies.
pub(crate) fn key(wardmote: &Wardmote, officer: &str) -> PathBuf {
    wardmote.setup.data().join("officers").join(format!("{officer}.key"))
}

/// `wardmote sign`, whatever comes of it.
pub(crate) fn try_sign(wardmote: &Wardmote, key: PathBuf, decision: &str) -> Finished {
    let mut command = binary();
    command.args(["sign", "--yes", "--proposal", decision, "--key"]).arg(key);
    run(command.arg("--config").arg(wardmote.setup.config()).current_dir(wardmote.setup.path()))
}

/// Two officers of two roles sign.
pub(crate) fn sign(wardmote: &Wardmote, decision: &str) {
    for officer in ["duty-officer-1", "assessor-1"] {
        let signed = try_sign(wardmote, key(wardmote, officer), decision).ok();
        assert!(signed.stdout.contains("The exact bytes:"), "{}", signed.stdout);
    }
}

/// The state of a decision.
pub(crate) fn state(wardmote: &Wardmote, decision: &str) -> String {
    let path = format!("/api/v1/decisions/{decision}");
    text(&wardmote.api("GET", &path, None).status(200).json(), "state")
}
