//! The checks of a bundle, each by itself.

use super::{CLOCK_SKEW_MAX, COSIGNATURE_AGE_MAX, POLICY_NOTICE, Surroundings, chain};
use crate::rosters::{self, ROSTERS_MAX, Rosters};
use crate::trust::{Record, Tree};
use crate::{Bundle, Document, Refusal, Step};
use ledger::checkpoint::Checkpoint;
use ledger::merkle::verify_inclusion;
use ledger::tlog_policy::{Opened, Quorum, TlogPolicy};
use ledger::tlog_proof::TlogProof;
use ledger::{DecisionEnded, Kind, PolicyPublished};
use policy::{Matrix, Profile, Roster, Scope, Standing, Statement, Terms, admissible};
use vocabulary::{Digest, Timestamp};

/// A bundle taken apart: its shape is right, nothing is proved.
pub(crate) struct Read {
    pub(crate) bundle: Bundle,
    pub(crate) terms: Terms,
    pub(crate) decision: Leaf,
    pub(crate) policy: Leaf,
    pub(crate) roster: Leaf,
    rosters: Vec<Leaf>,
    /// Terms and leaf of each earlier record, the first one first.
    before: Vec<(Terms, Leaf)>,
    ending: Option<(DecisionEnded, Leaf)>,
}

/// An entry's leaf hash and where its proof says it stands.
pub(crate) struct Leaf {
    what: &'static str,
    hash: Digest,
    pub(crate) proof: TlogProof,
}

impl Leaf {
    fn read(what: &'static str, entry: &ledger::Entry, proof: &str) -> Result<Self, Refusal> {
        let hash = entry.leaf_hash().map_err(Refusal::Entry)?;
        let proof = TlogProof::parse(proof).map_err(|source| Refusal::Proof { what, source })?;
        if proof.extra.is_some() {
            return Err(Refusal::ExtraData(what));
        }
        Ok(Self { what, hash, proof })
    }

    fn of(what: &'static str, document: &Document) -> Result<Self, Refusal> {
        Self::read(what, &document.entry, &document.proof)
    }
}

impl Read {
    /// Strict parse and leaf hashes.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, Refusal> {
        let bundle = Bundle::parse(bytes)?;
        chain::check(&bundle)?;
        let terms = chain::terms(&bundle.entry)?;
        let decision = Leaf::read("decision", &bundle.entry, &bundle.proof)?;
        let earlier = |step: &Step| {
            Ok((chain::terms(&step.entry)?, Leaf::read("earlier record", &step.entry, &step.proof)?))
        };
        let before = bundle.before.iter().map(earlier).collect::<Result<Vec<_>, Refusal>>()?;
        let ends = |step: &Step| -> Result<_, Refusal> {
            Ok((chain::ending(&step.entry)?, Leaf::read("measure's end", &step.entry, &step.proof)?))
        };
        let ending = bundle.ending.as_ref().map(ends).transpose()?;
        let policy = Leaf::of("policy", &bundle.policy)?;
        let roster = Leaf::of("roster", &bundle.roster)?;
        if bundle.rosters.len() > ROSTERS_MAX {
            return Err(Refusal::Chain("there are too many rosters"));
        }
        let other = |document| Leaf::of("other roster", document);
        let rosters = bundle.rosters.iter().map(other).collect::<Result<Vec<_>, Refusal>>()?;
        let read = Self { bundle, terms, decision, policy, roster, rosters, before, ending };
        if read.leaves().any(|leaf| leaf.proof.checkpoint != read.decision.proof.checkpoint) {
            return Err(Refusal::SeveralCheckpoints);
        }
        Ok(read)
    }

    /// Every entry in the bundle.
    fn leaves(&self) -> impl Iterator<Item = &Leaf> {
        let more = self.before.iter().map(|(_, leaf)| leaf).chain(self.ending.iter().map(|(_, leaf)| leaf));
        [&self.decision, &self.policy, &self.roster].into_iter().chain(&self.rosters).chain(more)
    }

    pub(crate) fn checkpoint(&self) -> Result<Checkpoint, Refusal> {
        let source = |error| Refusal::Proof {
            what: "decision",
            source: ledger::tlog_proof::TlogProofError::Checkpoint(error),
        };
        Checkpoint::parse(self.decision.proof.checkpoint.text()).map_err(source)
    }

    /// All three entries stand in the checkpoint's tree.
    pub(crate) fn check_inclusion(&self) -> Result<(), Refusal> {
        let head = self.checkpoint()?;
        for Leaf { what, hash, proof } in self.leaves() {
            verify_inclusion(hash, proof.index, head.size, &proof.hashes, &head.root)
                .map_err(|_| Refusal::NotIncluded(what))?;
        }
        Ok(())
    }

    /// The log signed the checkpoint, and every line on it is a valid signature by a pinned key.
    pub(crate) fn open(&self, keys: &TlogPolicy) -> Result<Opened, Refusal> {
        let opened = keys.open(&self.decision.proof.checkpoint).map_err(Refusal::Checkpoint)?;
        match opened.foreign() {
            Some(name) => Err(Refusal::ForeignSignature(name.to_owned())),
            None => Ok(opened),
        }
    }

    pub(crate) fn record(&self) -> Record {
        Record {
            decision: self.terms.decision,
            sequence: self.bundle.entry.body.sequence,
            leaf: self.decision.hash,
            expires: self.terms.expires,
            ended: None,
        }
    }

    pub(crate) fn tree(&self, opened: &Opened) -> Tree {
        Tree {
            checkpoint: opened.checkpoint().clone(),
            note: self.decision.proof.checkpoint.to_string(),
            leaves: self.leaves().map(|leaf| (leaf.proof.index, leaf.hash)).collect(),
        }
    }

    /// The rosters that follow the pinned one, each signed by the one before.
    pub(crate) fn rosters(&self, pinned: &Roster) -> Result<Rosters, Refusal> {
        let others = self.bundle.rosters.iter().zip(&self.rosters);
        let all = others.chain([(&self.bundle.roster, &self.roster)]);
        Rosters::proved(pinned, all.map(|(document, leaf)| (document, leaf.proof.index)))
    }

    /// The roster in the bundle is the one that was in force when the decision was proposed, and no key under any of
    /// its records had been taken away when it was logged.
    pub(crate) fn check_roster(&self, rosters: &Rosters) -> Result<Roster, Refusal> {
        let roster = rosters.in_force(self.terms.proposed_at());
        if self.bundle.roster.document.as_bytes() != roster.to_bytes() {
            return Err(policy::Refusal::RosterNotInForce.into());
        }
        let before = self.bundle.before.iter().zip(&self.before).map(|(step, (_, leaf))| (&step.entry, leaf));
        let ending = self.bundle.ending.iter().zip(&self.ending).map(|(step, (_, leaf))| (&step.entry, leaf));
        for (entry, leaf) in before.chain(ending).chain([(&self.bundle.entry, &self.decision)]) {
            rosters.check_keys(entry, leaf.proof.index)?;
        }
        Ok(roster.clone())
    }

    /// The roster's log entry publishes it.
    pub(crate) fn check_roster_published(&self, roster: &Roster) -> Result<(), Refusal> {
        rosters::check_published(&self.bundle.roster.entry, roster)
    }

    /// Each record of the decision, from the first on, carries the signatures it needs.
    pub(crate) fn check_approvals(&self, roster: &Roster) -> Result<Standing, Refusal> {
        let earlier = self.bundle.before.iter().zip(&self.before);
        let chain =
            earlier.map(|(step, (terms, _))| (&step.entry, terms)).chain([(&self.bundle.entry, &self.terms)]);
        let mut standing = None;
        for (entry, terms) in chain {
            standing = Some(chain::advance(standing, entry, terms, roster)?);
        }
        standing.ok_or(Refusal::Chain("there is none"))
    }

    /// When the measure ends before its time, if the bundle ends it and the right people signed that.
    pub(crate) fn check_ending(
        &self,
        roster: &Roster,
        standing: &Standing,
    ) -> Result<Option<Timestamp>, Refusal> {
        match (&self.bundle.ending, &self.ending) {
            (Some(step), Some((said, _))) => chain::ends(&step.entry, said, roster, standing).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether the bundle carries an end before its time.
    pub(crate) fn has_ending(&self) -> bool {
        self.ending.is_some()
    }

    /// Leaf hashes of the earlier records.
    pub(crate) fn leaves_before(&self) -> Vec<Digest> {
        self.before.iter().map(|(_, leaf)| leaf.hash).collect()
    }

    /// The policy is not looser than the floor, is the one the decision names, was published, and
    /// acted when the lease began. The first policy acts at once.
    pub(crate) fn check_policy(&self) -> Result<Matrix, Refusal> {
        let matrix = Matrix::parse(&self.bundle.policy.document).map_err(policy::Refusal::Policy)?;
        if self.bundle.entry.body.policy != Some(matrix.hash()) {
            return Err(Refusal::PolicyChanged);
        }
        let body = &self.bundle.policy.entry.body;
        let said = serde_json::from_value::<PolicyPublished>(body.public.clone());
        let published =
            said.is_ok_and(|said| (said.version, said.sha256) == (matrix.version(), matrix.hash()));
        let right = (body.kind, body.subject.as_str()) == (Kind::PolicyPublished, PolicyPublished::SUBJECT);
        if !published || !right {
            return Err(Refusal::NotPublished("policy"));
        }
        if body.sequence > 1 && body.time.plus(POLICY_NOTICE) > self.terms.proposed_at() {
            return Err(Refusal::PolicyTooNew { published: body.time });
        }
        Ok(matrix)
    }

    /// Floor, then policy, then the lease, then scope and blast radius.
    pub(crate) fn check_terms(
        &self,
        matrix: &Matrix,
        profile: Profile,
        around: &Surroundings<'_>,
    ) -> Result<(), Refusal> {
        self.terms.check_notice(self.recorded_at())?;
        let judged = admissible(&self.terms, &self.bundle.scope, matrix, profile, around.footprint);
        match judged {
            Err(refusal) if !concerns_scope(&refusal) => Err(refusal.into()),
            judged => {
                check_lease(&self.terms, around.now)?;
                judged?;
                Ok(())
            }
        }
    }

    /// When the decision was made: the time of its first record.
    fn recorded_at(&self) -> Timestamp {
        self.bundle.before.first().map_or(self.bundle.entry.body.time, |first| first.entry.body.time)
    }

    /// The statement is the one approved, says what the terms say, and names the policy.
    pub(crate) fn check_statement(&self, matrix: &Matrix) -> Result<(), Refusal> {
        let statement = &self.bundle.statement;
        self.terms.check_statement(statement)?;
        let named = (statement.policy.version, statement.policy.sha256);
        if named == (matrix.version(), matrix.hash()) {
            Ok(())
        } else {
            Err(policy::Refusal::StatementContradicts { field: "policy" }.into())
        }
    }

    /// The end of the lease that acted everywhere, where the present record is bound to territories.
    pub(crate) fn provisional_until(&self) -> Option<Timestamp> {
        let everywhere = |terms: &&Terms| terms.territories.is_empty();
        let before = self.before.iter().rev().map(|(terms, _)| terms);
        if everywhere(&&self.terms) {
            None
        } else {
            before.clone().find(everywhere).map(|terms| terms.expires)
        }
    }

    pub(crate) fn into_parts(self) -> (Terms, Scope, Statement) {
        (self.terms, self.bundle.scope, self.bundle.statement)
    }
}

/// Enough pinned witnesses cosigned; in no profile but trial does the operator's own witness count, or
/// a quorum that two views could reach at once.
pub(crate) fn check_quorum(keys: &TlogPolicy, opened: &Opened, profile: Profile) -> Result<(), Refusal> {
    let trial = profile == Profile::Trial;
    if !trial && keys.splittable() {
        return Err(Refusal::QuorumSplittable);
    }
    let rule = Quorum::at_any_time(trial);
    if keys.satisfies(opened, rule) { Ok(()) } else { Err(Refusal::TooFewWitnesses) }
}

/// The quorum is reached by cosignatures of the last hour alone.
pub(crate) fn check_fresh(
    keys: &TlogPolicy,
    opened: &Opened,
    profile: Profile,
    now: Timestamp,
) -> Result<(), Refusal> {
    let rule = Quorum {
        count_own: profile == Profile::Trial,
        not_before: now.minus(COSIGNATURE_AGE_MAX),
        not_after: now.plus(CLOCK_SKEW_MAX),
    };
    if keys.satisfies(opened, rule) { Ok(()) } else { Err(Refusal::CosignaturesStale) }
}

/// Now is inside the lease.
pub(crate) fn check_lease(terms: &Terms, now: Timestamp) -> Result<(), Refusal> {
    if now < terms.not_before {
        return Err(Refusal::NotYet(terms.not_before));
    }
    if now >= terms.expires { Err(Refusal::Expired(terms.expires)) } else { Ok(()) }
}

/// `admissible` judges floor, policy, scope and reach in one go; the lease is asked in between.
fn concerns_scope(refusal: &policy::Refusal) -> bool {
    use policy::Refusal as R;
    matches!(
        refusal,
        R::ScopeChanged
            | R::Scope(_)
            | R::TrialOnRealName(_)
            | R::NeverBlockCategory { .. }
            | R::BlastRadius { .. }
    )
}
