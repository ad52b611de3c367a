//! A simulated operator: log, witness, officers and one edge, all real but clock and randomness.
//!
//! Owns the order of an entry: number, append, cosign, publish, verify at the edge. The log has a name
//! that no edge outside pins, so nothing that is signed here acts anywhere else.

use casework::{Decision, Logged, Published};
use ledger::checkpoint::Checkpoint;
use ledger::key::SignerKey;
use ledger::merkle::Tree;
use ledger::note::Note;
use ledger::tiles::{TILE_WIDTH, Tile, TileKind, entry_bundle};
use ledger::tlog_policy::TlogPolicy;
use ledger::witness::{AddCheckpoint, Head, Witness};
use ledger::{Body, Entry, EntryFormat, Kind, PolicyPublished, RosterChanged};
use policy::{Approval, Founding, Matrix, Roster, default_policy_text};
use serde::Serialize;
use snapshot::{
    Applied, Bundle, CacheMode, Consistency, Enforcement, LogAudit, LogKeys, Origin, Parcel, Parts, Roots,
    Scheme, Service, Site, Trust,
};
use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{AccountId, Digest, Hostname, SeededRandom, SiteId, Timestamp};

/// The simulated operator did something that its own parts refuse: a mistake in the simulation, or the
/// very fault that it looks for.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

/// Names a failure.
pub(crate) fn broken(what: impl Display) -> Broken {
    Broken(what.to_string())
}

/// An operator with its log and one edge.
#[derive(Debug)]
pub struct Operator {
    /// Everything that is random here.
    pub random: SeededRandom,
    /// Now.
    pub now: Timestamp,
    /// The officers.
    pub founding: Founding,
    /// The policy in force.
    pub matrix: Matrix,
    /// All sites behind the edge.
    pub sites: Vec<Site>,
    /// The edge.
    pub edge: Enforcement,
    name: String,
    log_key: SignerKey,
    witness: Witness,
    witnessed: Head,
    tlog_policy: TlogPolicy,
    entries: Vec<Entry>,
    tree: Tree,
    revision: u64,
}

impl Operator {
    /// Founds log, witness, policy and roster, with two customers' sites behind the edge. The same seed
    /// gives the same everything.
    pub fn found(seed: u64, now: Timestamp) -> Result<Self, Broken> {
        let random = SeededRandom::new(seed);
        let name = format!("drill-{seed}.test/log");
        let log_key = SignerKey::for_log(&random, &name).map_err(broken)?;
        let witness_key =
            SignerKey::for_witness(&random, &format!("drill-{seed}.test/witness")).map_err(broken)?;
        let witness = Witness::new(witness_key, vec![log_key.verifier()]).map_err(broken)?;
        let keys = [("own", witness.verifier())];
        let tlog_policy = TlogPolicy::threshold(log_key.verifier(), &keys, 1).map_err(broken)?;
        let founding = Roster::found_trial(&random, now);
        let roots = Roots::new(tlog_policy.clone(), founding.roster.clone()).map_err(broken)?;
        let mut operator = Self {
            matrix: Matrix::parse(default_policy_text()).map_err(broken)?,
            sites: Vec::new(),
            edge: Enforcement::new(roots, Trust::default()),
            witnessed: Head::default(),
            entries: Vec::new(),
            tree: Tree::default(),
            revision: 0,
            random,
            now,
            founding,
            name,
            log_key,
            witness,
            tlog_policy,
        };
        operator.add_sites()?;
        operator.publish_documents()?;
        Ok(operator)
    }

    fn add_sites(&mut self) -> Result<(), Broken> {
        let board = AccountId::random(&self.random);
        let others = AccountId::random(&self.random);
        for (account, hosts) in [
            (board, &["board.test", "*.board.test"][..]),
            (board, &["archive.test"]),
            (others, &["library.test"]),
            (others, &["shop.test"]),
        ] {
            let hosts = hosts.iter().map(|host| host.parse().map_err(broken)).collect::<Result<_, _>>()?;
            let host = Hostname::parse("127.0.0.1").map_err(broken)?;
            self.sites.push(Site {
                id: SiteId::random(&self.random),
                account,
                hosts,
                origins: vec![Origin::new(Scheme::Http, host, 3000)],
                origin_policy: Default::default(),
                front: Default::default(),
                services: [Service::Cache, Service::Shield, Service::Errors].into(),
                cache: CacheMode::Guarded,
                cache_rules: Default::default(),
                certificate: None,
                error_page: None,
                pages: Default::default(),
                shield: Default::default(),
            });
        }
        Ok(())
    }

    fn publish_documents(&mut self) -> Result<(), Broken> {
        let public = PolicyPublished { version: self.matrix.version(), sha256: self.matrix.hash() };
        self.record(Kind::PolicyPublished, PolicyPublished::SUBJECT, &public)?;
        let public = RosterChanged {
            serial: self.founding.roster.serial(),
            sha256: self.founding.roster.hash(),
            tlog_policy: self.tlog_policy.to_string(),
        };
        self.record(Kind::RosterChanged, RosterChanged::SUBJECT, &public)?;
        Ok(())
    }

    /// The body of a subject's next entry.
    pub fn body(
        &self,
        kind: Kind,
        subject: &str,
        actor: &str,
        public: &impl Serialize,
    ) -> Result<Body, Broken> {
        let last = self.entries.iter().rfind(|entry| entry.body.subject == subject);
        let previous = last.map(Entry::leaf_hash).transpose().map_err(broken)?;
        let decides = matches!(kind, Kind::DecisionMade | Kind::DecisionRatified | Kind::DecisionRenewed);
        Ok(Body {
            format: EntryFormat::V1,
            kind,
            time: self.now,
            actors: vec![actor.to_owned()],
            subject: subject.to_owned(),
            sequence: last.map_or(1, |last| last.body.sequence + 1),
            previous,
            policy: decides.then(|| self.matrix.hash()),
            commitments: None,
            public: serde_json::to_value(public).map_err(broken)?,
        })
    }

    /// Logs an entry that nobody has to sign.
    pub fn record(&mut self, kind: Kind, subject: &str, public: &impl Serialize) -> Result<Logged, Broken> {
        let body = self.body(kind, subject, "sequencer", public)?;
        self.append(Entry::unapproved(body))
    }

    /// Logs signed bytes.
    pub fn seal(&mut self, body: &str, approvals: &[Approval]) -> Result<Logged, Broken> {
        let body = Body::parse(body.as_bytes()).map_err(broken)?;
        let last = self.entries.iter().rfind(|entry| entry.body.subject == body.subject);
        if body.sequence != last.map_or(1, |last| last.body.sequence + 1) {
            return Err(broken("another entry took its number meanwhile"));
        }
        self.append(Entry { body, approvals: approvals.to_vec() })
    }

    fn append(&mut self, entry: Entry) -> Result<Logged, Broken> {
        let leaf = entry.leaf_hash().map_err(broken)?;
        let index = self.tree.size();
        self.tree.push(leaf);
        self.entries.push(entry);
        Ok(Logged { index, leaf, at: self.now })
    }

    /// Signs the log as it is and has the witness cosign it.
    pub fn checkpoint(&mut self) -> Result<Note, Broken> {
        let (size, old_size) = (self.tree.size(), self.witnessed.size);
        let signed =
            Checkpoint::new(&self.name, size, self.tree.root()).sign(&self.log_key).map_err(broken)?;
        let proof = self.tree.consistency(old_size, size).map_err(broken)?;
        let request = AddCheckpoint { old_size, proof, checkpoint: signed.clone() };
        let staged = self.witness.add_checkpoint(&request, self.witnessed, self.now);
        let staged = staged.map_err(|refused| broken(format!("the witness refuses: {refused:?}")))?;
        self.witnessed = staged.head();
        Ok(signed.with(staged.stored()))
    }

    /// The bundle of a logged decision under a checkpoint made now.
    pub fn bundle(&mut self, decision: &Decision) -> Result<Arc<[u8]>, Broken> {
        let checkpoint = self.checkpoint()?;
        let roster = String::from_utf8(self.founding.roster.to_bytes()).map_err(broken)?;
        let logged = decision.state.logged().ok_or_else(|| broken("not logged"))?;
        let before: Vec<_> = decision.former.iter().map(|former| self.placed(former.logged.index)).collect();
        let parts = Parts {
            decision: self.placed(logged.index),
            policy: (default_policy_text(), self.placed(0)),
            roster: (&roster, self.placed(1)),
            rosters: &[],
            scope: &decision.scope,
            statement: &decision.statement,
            before: &before,
            ending: decision.state.ending().map(|ending| self.placed(ending.logged.index)),
        };
        let bundle = Bundle::assemble(&parts, &self.tree, &checkpoint).map_err(broken)?;
        Ok(bundle.to_bytes().map_err(broken)?.into())
    }

    fn placed(&self, index: u64) -> snapshot::Logged<'_> {
        let place = usize::try_from(index).unwrap_or(usize::MAX).min(self.entries.len() - 1);
        snapshot::Logged { entry: &self.entries[place], index }
    }

    /// What is published of a decision's bundle.
    pub fn published(&self, bundle: &[u8]) -> Published {
        Published { bundle: Digest::of(bundle), at: self.now }
    }

    /// Hands sites and bundles to the edge.
    pub fn deliver(&mut self, bundles: &[Arc<[u8]>]) -> Result<Applied, Broken> {
        let parcel = self.parcel(bundles)?;
        Ok(self.edge.apply(&parcel, self.now))
    }

    /// Sites and bundles as the feed carries them.
    pub fn parcel(&mut self, bundles: &[Arc<[u8]>]) -> Result<Parcel, Broken> {
        self.revision += 1;
        let to = self.witnessed.size;
        let prove = |from| -> Result<Consistency, Broken> {
            Ok(Consistency { from, to, proof: self.tree.consistency(from, to).map_err(broken)? })
        };
        let consistency = (1..to).map(prove).collect::<Result<_, _>>()?;
        Ok(Parcel {
            revision: self.revision,
            sites: self.sites.clone(),
            bundles: bundles.to_vec(),
            pages: Default::default(),
            shield: Default::default(),
            feeds: Vec::new(),
            consistency,
            suspensions: Vec::new(),
        })
    }

    /// Everything logged, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The edge dies and starts again from what it kept.
    pub fn restart_edge(&mut self) -> Result<(), Broken> {
        let kept = self.edge.trust().to_bytes().map_err(broken)?;
        let trust = Trust::parse(&kept).map_err(broken)?;
        let roots = Roots::new(self.tlog_policy.clone(), self.founding.roster.clone()).map_err(broken)?;
        self.edge = Enforcement::new(roots, trust);
        Ok(())
    }

    /// Audits the whole log with the pinned keys; the first check that failed is the error.
    pub fn audit(&mut self) -> Result<(), Broken> {
        let note = self.checkpoint()?;
        let keys = LogKeys {
            tlog_policy: Some(self.tlog_policy.clone()),
            rosters: vec![self.founding.roster.clone()],
        };
        let mut audit = LogAudit::begin(note, keys, self.now).map_err(broken)?;
        for entry in &self.entries {
            audit.entry(&entry.to_bytes().map_err(broken)?);
        }
        let report = audit.finish();
        let failed = |check: &&snapshot::Check| matches!(check.outcome, snapshot::Outcome::Failed(_));
        match report.checks.iter().find(failed) {
            Some(check) => Err(broken(format!("the log fails {}: {}", check.name, check.text))),
            None => Ok(()),
        }
    }

    /// The log as a folder: checkpoint, tiles, and beside them the keys to check it by.
    pub fn files(&mut self) -> Result<Vec<(String, Vec<u8>)>, Broken> {
        let note = self.checkpoint()?;
        let leaves: Vec<Vec<u8>> =
            self.entries.iter().map(Entry::to_bytes).collect::<Result<_, _>>().map_err(broken)?;
        let mut files = vec![
            ("checkpoint".to_owned(), note.to_string().into_bytes()),
            ("tlog-policy".to_owned(), self.tlog_policy.to_string().into_bytes()),
            ("roster.json".to_owned(), self.founding.roster.to_bytes()),
            ("policy".to_owned(), default_policy_text().as_bytes().to_vec()),
        ];
        for (index, chunk) in leaves.chunks(usize::from(TILE_WIDTH)).enumerate() {
            let width = u16::try_from(chunk.len()).map_err(broken)?;
            let tile = Tile { kind: TileKind::Entries, index: index as u64, width };
            let bytes = entry_bundle(chunk.iter().map(Vec::as_slice)).map_err(broken)?;
            files.push((tile.to_string(), bytes));
        }
        for tile in
            Tile::new_at(0, self.tree.size()).into_iter().filter(|tile| tile.kind != TileKind::Entries)
        {
            let bytes = tile.hashes(&self.tree).ok_or_else(|| broken("a tile beyond the tree"))?;
            files.push((tile.to_string(), bytes));
        }
        Ok(files)
    }

    /// Time goes by.
    pub fn pass(&mut self, span: Duration) {
        self.now = self.now.plus(span);
    }
}
