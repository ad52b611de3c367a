//! A founded trial log with its witness and officers, and bundles made with them: for tests.
//!
//! Everything is real but the randomness, which is seeded: keys, signatures, tree and proofs. Behind the
//! cargo feature `testing`; never part of a release.
//!
//! The shortest use: `let mut mote = Mote::found(1, now)`, then `mote.block(&sites, now, lease)` for a
//! bundle that verifies against `mote.roots()`, and `mote.parcel(1, sites, vec![bundle])` to feed it.

mod folder;

pub use folder::write_log;

use crate::{
    Bundle, CacheMode, Consistency, Logged, Origin, Parcel, Parts, Roots, Scheme, Service, Site,
    SuspensionBundle,
};
use ledger::checkpoint::Checkpoint;
use ledger::key::SignerKey;
use ledger::merkle::Tree;
use ledger::note::Note;
use ledger::tlog_policy::TlogPolicy;
use ledger::tlog_proof::TlogProof;
use ledger::witness::{AddCheckpoint, Head, Witness};
use ledger::{
    Body, DecisionEnded, Entry, EntryFormat, Kind, PolicyPublished, RosterChanged, SuspensionBegun,
    SuspensionConfirmed, Tombstone,
};
use policy::{
    AuthoritiesAsked, Demand, Ground, Language, Matrix, Measure, OfficerKey, PolicyReference, Profile,
    Roster, Salt, Scope, ScopeReference, ScopeSite, ServiceClass, Statement, StatementFormat, Terms, floor,
};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::canonical;
use vocabulary::{AccountId, DecisionId, Digest, Hostname, Random, SeededRandom, SiteId, Timestamp};

/// Origin of the log and name of its key.
pub const ORIGIN: &str = "wardmote.test/log";
/// Name of the operator's own witness.
pub const WITNESS: &str = "wardmote.test/witness";

/// A trial operator with its log.
#[derive(Debug)]
pub struct Mote {
    random: SeededRandom,
    log_key: SignerKey,
    witness: Witness,
    witnessed: Head,
    officers: Vec<OfficerKey>,
    roster: Roster,
    policy: String,
    tlog_policy: TlogPolicy,
    entries: Vec<Entry>,
    tree: Tree,
    policy_at: u64,
    roster_at: u64,
}

/// A decision before it is signed; change anything, then hand it to [`Mote::decide`].
#[derive(Debug, Clone)]
pub struct Draft {
    /// The terms; [`Draft::bind`] puts the digests of scope and statement in.
    pub terms: Terms,
    /// The scope list.
    pub scope: Scope,
    /// The statement.
    pub statement: Statement,
    /// Pseudonyms of who signs.
    pub approvers: Vec<String>,
}

/// A logged decision.
#[derive(Debug, Clone)]
pub struct Decided {
    /// Its entry.
    pub entry: Entry,
    /// Its place in the log.
    pub index: u64,
    /// The scope list.
    pub scope: Scope,
    /// The statement.
    pub statement: Statement,
    /// The records before it, with their places.
    pub before: Vec<(Entry, u64)>,
    /// The record that ends it, with its place.
    pub ending: Option<(Entry, u64)>,
}

impl Mote {
    /// Founds log, witness, policy and roster. The same seed gives the same keys.
    pub fn found(seed: u64, now: Timestamp) -> Self {
        let random = SeededRandom::new(seed);
        let log_key = SignerKey::for_log(&random, ORIGIN).expect("the origin is a key name");
        let witness_key = SignerKey::for_witness(&random, WITNESS).expect("a key name");
        let witness = Witness::new(witness_key, vec![log_key.verifier()]).expect("a witness key");
        let keys = [("own", witness.verifier())];
        let tlog_policy = TlogPolicy::threshold(log_key.verifier(), &keys, 1).expect("one of one");
        let founding = Roster::found_trial(&random, now);
        let mut mote = Self {
            random,
            log_key,
            witness,
            witnessed: Head::default(),
            officers: founding.keys,
            roster: founding.roster,
            policy: policy::default_policy_text().to_owned(),
            tlog_policy,
            entries: Vec::new(),
            tree: Tree::default(),
            policy_at: 0,
            roster_at: 0,
        };
        mote.publish_documents(now);
        mote
    }

    fn publish_documents(&mut self, now: Timestamp) {
        let text = self.policy.clone();
        self.publish_policy(&text, now);
        let public = RosterChanged {
            serial: self.roster.serial(),
            sha256: self.roster.hash(),
            tlog_policy: self.tlog_policy.to_string(),
        };
        let entry = self.entry(Kind::RosterChanged, RosterChanged::SUBJECT, &public, now);
        self.roster_at = self.log(entry);
    }

    /// Publishes a policy file; later decisions name it.
    pub fn publish_policy(&mut self, text: &str, now: Timestamp) {
        let matrix = Matrix::parse(text);
        let version = matrix.map_or(0, |matrix| matrix.version());
        let public = PolicyPublished { version, sha256: vocabulary::Digest::of(text.as_bytes()) };
        let entry = self.entry(Kind::PolicyPublished, PolicyPublished::SUBJECT, &public, now);
        self.policy = text.to_owned();
        self.policy_at = self.log(entry);
    }

    /// An entry that continues its subject's chain.
    pub fn entry(&self, kind: Kind, subject: &str, public: &impl Serialize, now: Timestamp) -> Entry {
        let last = self.entries.iter().rfind(|entry| entry.body.subject == subject);
        Entry::unapproved(Body {
            format: EntryFormat::V1,
            kind,
            time: now,
            actors: vec!["sequencer".to_owned()],
            subject: subject.to_owned(),
            sequence: last.map_or(1, |last| last.body.sequence + 1),
            previous: last.map(|last| last.leaf_hash().expect("it was logged")),
            policy: None,
            commitments: None,
            public: serde_json::to_value(public).expect("public fields are JSON"),
        })
    }

    /// Appends an entry; returns its index.
    pub fn log(&mut self, entry: Entry) -> u64 {
        self.tree.push(entry.leaf_hash().expect("fixture entries fit a leaf"));
        self.entries.push(entry);
        self.tree.size() - 1
    }

    /// Signs and cosigns the head as it is now.
    pub fn checkpoint(&mut self, now: Timestamp) -> Note {
        let (size, old_size) = (self.tree.size(), self.witnessed.size);
        let checkpoint = Checkpoint::new(ORIGIN, size, self.tree.root());
        let checkpoint = checkpoint.sign(&self.log_key).expect("the key is the origin's");
        let proof = self.tree.consistency(old_size, size).expect("the tree only grows");
        let request = AddCheckpoint { old_size, proof, checkpoint: checkpoint.clone() };
        let staged = self.witness.add_checkpoint(&request, self.witnessed, now).expect("the log only grows");
        self.witnessed = staged.head();
        checkpoint.with(staged.stored())
    }

    /// What an edge of this operator pins.
    pub fn roots(&self) -> Roots {
        Roots::new(self.tlog_policy.clone(), self.roster.clone()).expect("the trial asks for its witness")
    }

    /// Log and witness key with their quorum.
    pub fn tlog_policy(&self) -> &TlogPolicy {
        &self.tlog_policy
    }

    /// The roster.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The officers' keys, in the roster's order.
    pub fn officers(&self) -> &[OfficerKey] {
        &self.officers
    }

    /// The tree of the log.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Everything logged, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// A site with these hosts, of an account of its own, in front of a port on loopback.
    pub fn site(&self, hosts: &[&str], origin_port: u16) -> Site {
        let host = Hostname::parse("127.0.0.1").expect("an address");
        Site {
            id: SiteId::random(&self.random),
            account: AccountId::random(&self.random),
            hosts: hosts.iter().map(|host| host.parse().expect("a host pattern")).collect(),
            origins: vec![Origin::new(Scheme::Http, host, origin_port)],
            services: [Service::Cache, Service::Shield, Service::Errors].into(),
            cache: CacheMode::Guarded,
            origin_policy: crate::OriginPolicy::default(),
            cache_rules: caching::Rules::default(),
            certificate: None,
            error_page: None,
            front: crate::Front::default(),
            pages: error_pages::Pages::default(),
            shield: crate::ShieldSettings::default(),
        }
    }

    /// An M5 on these sites, from `now` on, that two officers of two roles would sign.
    pub fn draft(&self, sites: &[Site], now: Timestamp, lease: Duration) -> Draft {
        let decision = DecisionId::random(&self.random);
        let mut draft = Draft {
            terms: self.terms(decision, now, now.plus(lease)),
            scope: self.scope(sites),
            statement: self.statement(decision, now, now.plus(lease)),
            approvers: vec!["assessor-1".to_owned(), "duty-officer-1".to_owned()],
        };
        draft.bind();
        draft
    }

    fn scope(&self, sites: &[Site]) -> Scope {
        let listed = sites.iter().map(|site| ScopeSite {
            site: site.id,
            account: site.account,
            hosts: site.hosts.clone(),
            except: BTreeSet::new(),
            urls: BTreeSet::new(),
            features: BTreeSet::new(),
            reason: "the counted items are reachable here".to_owned(),
        });
        Scope::new(Salt::random(&self.random), listed.collect()).expect("distinct sites with hosts")
    }

    fn terms(&self, decision: DecisionId, not_before: Timestamp, expires: Timestamp) -> Terms {
        let unbound = vocabulary::Digest::of(b"bound later");
        Terms {
            decision,
            class: ServiceClass::S,
            measure: Measure::M5,
            ground: Ground::Emergency,
            not_before,
            expires,
            renewal: 0,
            scope: ScopeReference { sites: 0, sha256: unbound },
            statement: unbound,
            roster: self.roster.hash(),
            floor: floor::hash(),
            profile: Profile::Trial,
            demand: None,
            territories: BTreeSet::new(),
        }
    }

    fn statement(&self, decision: DecisionId, not_before: Timestamp, expires: Timestamp) -> Statement {
        let version = Matrix::parse(&self.policy).map_or(0, |matrix| matrix.version());
        let sha256 = vocabulary::Digest::of(self.policy.as_bytes());
        Statement {
            format: StatementFormat,
            decision,
            title: "Provisional block".to_owned(),
            summary: "Calls for violence against people at a named place were found on this site.".to_owned(),
            facts: vec!["Two items, posted within 48 hours, were rated credible.".to_owned()],
            ground: Ground::Emergency,
            ground_text: "Danger to human life.".to_owned(),
            measure: Measure::M5,
            class: ServiceClass::S,
            not_before,
            expires,
            profile: Profile::Trial,
            policy: PolicyReference { version, sha256 },
            floor: floor::hash(),
            authorities_asked: AuthoritiesAsked::Formally,
            meaning: "This site cannot be visited through us until the block ends.".to_owned(),
            redress: "Ask for a review at the address below.".to_owned(),
            contact: "review@wardmote.test".to_owned(),
            url: format!("http://localhost:9091/record/decisions/{decision}"),
            language: Language::En,
        }
    }

    /// Signs and logs a draft as it is.
    pub fn decide(&mut self, draft: &Draft, now: Timestamp) -> Decided {
        let mut entry = self.entry(Kind::DecisionMade, &draft.terms.decision.to_string(), &draft.terms, now);
        entry.body.policy = Some(vocabulary::Digest::of(self.policy.as_bytes()));
        let body = entry.body.to_bytes().expect("terms fit an entry");
        entry.approvals = draft.approvers.iter().map(|name| self.officer(name).approve(&body)).collect();
        self.decide_with(entry, draft)
    }

    /// Logs a decision's entry as it is.
    pub fn decide_with(&mut self, entry: Entry, draft: &Draft) -> Decided {
        let index = self.log(entry.clone());
        let (scope, statement) = (draft.scope.clone(), draft.statement.clone());
        Decided { entry, index, scope, statement, before: Vec::new(), ending: None }
    }

    /// Signs and logs a record that follows a decision: `kind` with these terms, bound to its statement.
    pub fn succeed(
        &mut self,
        decided: &Decided,
        (kind, draft): (Kind, &Draft),
        proposer: &str,
        now: Timestamp,
    ) -> Decided {
        let mut entry = self.entry(kind, &draft.terms.decision.to_string(), &draft.terms, now);
        entry.body.policy = Some(vocabulary::Digest::of(self.policy.as_bytes()));
        entry.body.actors = vec![format!("officer/{proposer}")];
        let body = entry.body.to_bytes().expect("terms fit an entry");
        entry.approvals = draft.approvers.iter().map(|name| self.officer(name).approve(&body)).collect();
        let mut before = decided.before.clone();
        before.push((decided.entry.clone(), decided.index));
        Decided { before, ..self.decide_with(entry, draft) }
    }

    /// Signs and logs the ratification of a decision, as [`Mote::confirmation`] drafts it.
    pub fn ratify(&mut self, decided: &Decided, confirmed: &Draft, now: Timestamp) -> Decided {
        self.succeed(decided, (Kind::DecisionRatified, confirmed), "legal-1", now)
    }

    /// Signs and logs the end of a measure before its time.
    pub fn end(
        &mut self,
        decided: &Decided,
        kind: Kind,
        said: &DecisionEnded,
        by: &[&str],
        now: Timestamp,
    ) -> Decided {
        let mut entry = self.entry(kind, &said.decision.to_string(), said, now);
        let body = entry.body.to_bytes().expect("it fits an entry");
        entry.approvals = by.iter().map(|name| self.officer(name).approve(&body)).collect();
        let index = self.log(entry.clone());
        Decided { ending: Some((entry, index)), ..decided.clone() }
    }

    /// Signs and logs the beginning of a suspension, dated `now`.
    pub fn suspend(&mut self, by: &[&str], now: Timestamp) -> Arc<[u8]> {
        let said = SuspensionBegun { roster: self.roster.hash(), until: now.plus(policy::SUSPENSION) };
        self.suspension((Kind::SuspensionBegun, &said), by, now)
    }

    /// Signs and logs that a suspension which began at `since` stays.
    pub fn confirm(&mut self, since: Timestamp, by: &[&str], now: Timestamp) -> Arc<[u8]> {
        let said = SuspensionConfirmed { roster: self.roster.hash(), since };
        self.suspension((Kind::SuspensionConfirmed, &said), by, now)
    }

    /// Signs and logs a record of a suspension as it is; its bundle under a checkpoint cosigned now.
    pub fn suspension(
        &mut self,
        (kind, said): (Kind, &impl Serialize),
        by: &[&str],
        now: Timestamp,
    ) -> Arc<[u8]> {
        let mut entry = self.entry(kind, SuspensionBegun::SUBJECT, said, now);
        let body = entry.body.to_bytes().expect("it fits an entry");
        entry.approvals = by.iter().map(|name| self.officer(name).approve(&body)).collect();
        let last = self.entries.iter().rfind(|entry| entry.body.subject == SuspensionBegun::SUBJECT);
        let before = last.cloned();
        let index = self.log(entry.clone());
        let checkpoint = self.checkpoint(now);
        let hashes = self.tree.inclusion(index, self.tree.size()).expect("it was logged");
        let proof = TlogProof { extra: None, index, hashes, checkpoint };
        SuspensionBundle::new(entry, &proof, before, Vec::new()).to_bytes().expect("canonical").into()
    }

    /// The tombstone of an entry, signed by these officers.
    pub fn tombstone(&self, entry: Digest, by: &[&str], until: Timestamp) -> Tombstone {
        let unsigned = Tombstone { entry, until, approvals: Vec::new() };
        let body = canonical::to_bytes(&unsigned.erasure(self.roster.hash())).expect("canonical");
        let approvals = by.iter().map(|name| self.officer(name).approve(&body)).collect();
        Tombstone { approvals, ..unsigned }
    }

    /// An officer's key by pseudonym.
    pub fn officer(&self, pseudonym: &str) -> &OfficerKey {
        let named = self.officers.iter().find(|key| key.pseudonym().as_str() == pseudonym);
        named.expect("the trial roster has seven fixed pseudonyms")
    }

    /// The bundle of a decision, proved under a checkpoint cosigned now.
    pub fn bundle(&mut self, decided: &Decided, now: Timestamp) -> Bundle {
        let checkpoint = self.checkpoint(now);
        self.bundle_under(decided, &checkpoint)
    }

    /// The bundle of a decision, proved under a given checkpoint.
    pub fn bundle_under(&self, decided: &Decided, checkpoint: &Note) -> Bundle {
        let roster = String::from_utf8(self.roster.to_bytes()).expect("canonical JSON is UTF-8");
        let parts = Parts {
            decision: Logged { entry: &decided.entry, index: decided.index },
            policy: (&self.policy, self.logged(self.policy_at)),
            roster: (&roster, self.logged(self.roster_at)),
            rosters: &[],
            scope: &decided.scope,
            statement: &decided.statement,
            before: &decided.before.iter().map(placed).collect::<Vec<_>>(),
            ending: decided.ending.as_ref().map(placed),
        };
        Bundle::assemble(&parts, &self.tree, checkpoint).expect("all of it was logged here")
    }

    /// What confirms a provisional block: M6 from now on, by an order or by the reviewer, signed by two
    /// who took no part.
    pub fn confirmation(&self, of: &Draft, ground: Ground, now: Timestamp, lease: Duration) -> Draft {
        let mut draft = of.clone();
        let (terms, statement) = (&mut draft.terms, &mut draft.statement);
        (terms.measure, statement.measure) = (Measure::M6, Measure::M6);
        (terms.ground, statement.ground) = (ground, ground);
        (terms.not_before, statement.not_before) = (now, now);
        (terms.expires, statement.expires) = (now.plus(lease), now.plus(lease));
        draft.approvers = vec!["assessor-2".to_owned(), "legal-1".to_owned()];
        if ground == Ground::Order {
            let url = "https://court.test/orders/1".to_owned();
            terms.demand = Some(Demand { authority: "A court".to_owned(), law: "A law".to_owned(), url });
        } else {
            draft.approvers.push("reviewer-1".to_owned());
        }
        draft.bind();
        draft
    }

    fn logged(&self, index: u64) -> Logged<'_> {
        let place = usize::try_from(index).expect("fixture logs are small");
        Logged { entry: &self.entries[place], index }
    }

    /// Decides on a block of these sites and bundles it.
    pub fn block(&mut self, sites: &[Site], now: Timestamp, lease: Duration) -> Arc<[u8]> {
        let draft = self.draft(sites, now, lease);
        let decided = self.decide(&draft, now);
        self.bundle(&decided, now).to_bytes().expect("a bundle has a canonical form").into()
    }

    /// A parcel whose consistency proofs lead from every earlier size to the present one.
    pub fn parcel(&self, revision: u64, sites: Vec<Site>, bundles: Vec<Arc<[u8]>>) -> Parcel {
        let to = self.witnessed.size;
        let prove = |from| Consistency {
            from,
            to,
            proof: self.tree.consistency(from, to).expect("both sizes are in the tree"),
        };
        Parcel { revision, sites, bundles, consistency: (1..to).map(prove).collect(), ..Parcel::default() }
    }

    /// The seeded source behind everything here.
    pub fn random(&self) -> &dyn Random {
        &self.random
    }
}

impl Draft {
    /// Puts the digests of scope and statement into the terms.
    pub fn bind(&mut self) {
        let sites = u32::try_from(self.scope.sites().len()).expect("a scope is bounded");
        self.terms.scope = ScopeReference { sites, sha256: self.scope.digest() };
        self.terms.statement = self.statement.digest();
    }
}

fn placed((entry, index): &(Entry, u64)) -> Logged<'_> {
    Logged { entry, index: *index }
}
