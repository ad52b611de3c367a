//! Erasing of confidential fields as the records hold it: what waits for signatures, and what may be erased at all.
//!
//! Owns the register of the few erasings that wait. Must not erase anything: that is the reconciler's, once enough have
//! signed.

use crate::plane::{Placed, Plane};
use crate::rim::{Problem, Reason};
use casework::{AppealState, ErasureDraft};
use ledger::Kind;
use policy::KEPT_AFTER_END;
use records::{PutError, StoreError, Versioned};
use vocabulary::{DecisionId, Digest, Timestamp};

/// The register that holds the drafts.
const REGISTER: &str = "erasures";
/// Most erasings that wait at once.
pub(crate) const ERASURES_MAX: usize = 64;

impl Plane {
    /// The erasings that wait, with the version of their register.
    pub(crate) async fn erasures(&self) -> Result<Versioned<Vec<ErasureDraft>>, StoreError> {
        let Some(register) = self.records.register(REGISTER).await? else {
            return Ok(Versioned { version: 0, value: Vec::new() });
        };
        // What cannot be read is put up again: nothing was erased by it.
        let value = serde_json::from_slice(&register.value).unwrap_or_else(|error| {
            tracing::error!(%error, "the erasings that wait cannot be read");
            Vec::new()
        });
        Ok(Versioned { version: register.version, value })
    }

    /// Keeps the erasings that wait.
    pub(crate) async fn keep_erasures(&self, drafts: &[ErasureDraft], expected: u64) -> Result<(), PutError> {
        let bytes = serde_json::to_vec(drafts).unwrap_or_default();
        self.records.put_register(REGISTER, &bytes, expected).await.map(drop)
    }

    /// The root of an entry's confidential fields, if they may be erased now.
    pub(crate) async fn erasable(&self, placed: &Placed) -> Result<Digest, Problem> {
        let body = &placed.entry.body;
        let nothing = || Problem::new(Reason::NotFound).detail("the entry commits to no fields");
        let root = body.commitments.ok_or_else(nothing)?;
        let from = match body.kind {
            Kind::DecisionMade => self.decision_kept_until(&body.subject).await?,
            Kind::TenantRequest => body.time.plus(KEPT_AFTER_END),
            kind => {
                let why = format!("fields of a {} are not erased", kind.as_str());
                return Err(Problem::new(Reason::WrongState).detail(why));
            }
        };
        if self.clock.now() < from {
            let why = format!("the fields are kept until {from}: an appeal may need them");
            return Err(Problem::new(Reason::WrongState).detail(why));
        }
        Ok(root)
    }

    /// Until when a decision's fields are kept: six months beyond its end, and while an appeal in its case is open.
    async fn decision_kept_until(&self, subject: &str) -> Result<Timestamp, Problem> {
        let missing = || Problem::new(Reason::NotFound).detail("there is no such decision");
        let id: DecisionId = subject.parse().map_err(|_| missing())?;
        let decision = self.docket.get(id).await?.ok_or_else(missing)?.value;
        let case = self.records.case(decision.case).await?.ok_or_else(missing)?.value;
        let is_open = |state: &AppealState| {
            matches!(
                state,
                AppealState::Filed | AppealState::Admissible { .. } | AppealState::UnderReview { .. }
            )
        };
        if let Some(appeal) = case.appeals.iter().find(|appeal| is_open(&appeal.state)) {
            let why = format!("{} is not decided, and may need the fields", appeal.id);
            return Err(Problem::new(Reason::WrongState).detail(why));
        }
        Ok(decision.ends().plus(KEPT_AFTER_END))
    }
}
