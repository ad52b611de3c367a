//! The customer's own way to an appeal: a page that its letter names, for one decision, without account or script.
//!
//! Owns the codes in those addresses. A code is made of a secret key, the decision and the account, so the same letter
//! says the same address however often it is composed, and nothing secret is kept beside the records: what is kept
//! under a code is found by its keyed digest alone. Must not judge anything: whoever opens a page files an appeal, and
//! an independent reviewer who took no part hears it.

use crate::api::refusals::changed_case;
use crate::intake::{NotOpened, Source};
use crate::plane::Plane;
use crate::rim::version::Wanted;
use crate::rim::{Problem, Reason};
use casework::{Against, Appeal, Appellant, Case, Decision, Paragraphs};
use records::{DocumentName, StoreError, Versioned, WriteOnceError};
use reports::Code;
use serde::{Deserialize, Serialize};
use vocabulary::{AccountId, AppealId, DecisionId, Digest, Hasher};

/// The kind of documents that say what a code is for.
const KIND: &str = "appeal-code";
/// Most appeals of one customer against one decision that come in this way; whoever has more to say writes.
pub(crate) const BY_CODE_MAX: usize = 3;

/// What makes the codes.
pub(crate) struct AppealCodes(Digest);

/// What a code is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppealTo {
    decision: DecisionId,
    account: AccountId,
}

/// What a code opened.
pub(crate) struct Opened {
    /// Whose page it is.
    pub(crate) account: AccountId,
    /// The decision, as it is.
    pub(crate) decision: Decision,
    /// Its case.
    pub(crate) case: Case,
}

impl std::fmt::Debug for AppealCodes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppealCodes")
    }
}

impl AppealCodes {
    /// `secret` is known to this deployment alone.
    pub(crate) fn new(secret: &[u8]) -> Self {
        Self(Hasher::domain("wardmote/appeal-codes/v1").part(secret).finish())
    }

    fn code(&self, to: AppealTo) -> Code {
        let (decision, account) = (to.decision.to_string(), to.account.to_string());
        let made = Hasher::domain("wardmote/appeal-code/v1")
            .part(self.0.as_bytes())
            .part(decision.as_bytes())
            .part(account.as_bytes())
            .finish();
        Code::from_bytes(std::array::from_fn(|place| made.as_bytes()[place]))
    }

    /// Under which name a code is found; it says nothing about the code.
    fn name(&self, code: &Code) -> DocumentName {
        let words = code.words().join(" ");
        let hidden =
            Hasher::domain("wardmote/appeal-locator/v1").part(self.0.as_bytes()).part(words.as_bytes());
        DocumentName::new(KIND, hidden.finish().to_string())
    }
}

impl Opened {
    /// The customer's appeals against the decision, the first one first.
    pub(crate) fn appeals(&self) -> impl Iterator<Item = &Appeal> {
        appeals(&self.case, self.decision.id)
    }

    /// Whether one more may be filed here: not while one waits, not after one succeeded, and not without end.
    pub(crate) fn may_file(&self) -> bool {
        may_file(&self.case, self.decision.id)
    }
}

fn appeals(case: &Case, decision: DecisionId) -> impl Iterator<Item = &Appeal> {
    let own = move |appeal: &&Appeal| {
        appeal.by == Appellant::Customer && appeal.against == Against::Decision(decision)
    };
    case.appeals.iter().filter(own)
}

fn may_file(case: &Case, decision: DecisionId) -> bool {
    let waits = appeals(case, decision).any(Appeal::is_open);
    let won = case.overturned(decision);
    !waits && !won && appeals(case, decision).count() < BY_CODE_MAX
}

impl Plane {
    /// The address of the page on which a customer appeals against a decision; known to the records from then on.
    pub(crate) async fn appeal_address(
        &self,
        decision: DecisionId,
        account: AccountId,
    ) -> Result<String, WriteOnceError> {
        let to = AppealTo { decision, account };
        let code = self.appeal_codes.code(to);
        let name = self.appeal_codes.name(&code);
        let known = self.records.document(&name).await.map_err(WriteOnceError::Store)?;
        if known.is_none() {
            let bytes = serde_json::to_vec(&to).unwrap_or_default();
            self.records.put_document(&name, &bytes, self.clock.now()).await?;
        }
        let public_url = self.public_url.to_string();
        Ok(format!("{}/appeal/{}", public_url.trim_end_matches('/'), code.words().join("-")))
    }

    /// Opens what a code is for. Wrong ones of one source are slowed, together with wrong receipt codes.
    pub(crate) async fn open_appeal(&self, source: Source, typed: &str) -> Result<Opened, NotOpened> {
        self.intake.may_try(&source, self.clock.now())?;
        match self.found_appeal(typed).await.map_err(|error| NotOpened::Problem(error.into()))? {
            Some(opened) => Ok(opened),
            None => {
                self.intake.wrong_try(source, self.clock.now());
                Err(NotOpened::Wrong)
            }
        }
    }

    async fn found_appeal(&self, typed: &str) -> Result<Option<Opened>, StoreError> {
        let Ok(code) = Code::parse(typed) else { return Ok(None) };
        let Some(kept) = self.records.document(&self.appeal_codes.name(&code)).await? else {
            return Ok(None);
        };
        let Ok(to) = serde_json::from_slice::<AppealTo>(&kept.bytes) else { return Ok(None) };
        let Some(Versioned { value: decision, .. }) = self.docket.get(to.decision).await? else {
            return Ok(None);
        };
        let case = self.records.case(decision.case).await?;
        Ok(case.map(|case| Opened { account: to.account, decision, case: case.value }))
    }

    /// Files the customer's appeal.
    pub(crate) async fn appeal_by_code(
        &self,
        opened: &Opened,
        grounds: &Paragraphs,
    ) -> Result<AppealId, Problem> {
        let decision = &opened.decision;
        let id = AppealId::random(&*self.random);
        let (filed, _) = changed_case(self, decision.case, Wanted::Any, |case, now| {
            if !may_file(case, decision.id) {
                return Ok(None);
            }
            let by = (Appellant::Customer, Against::Decision(decision.id));
            case.add_appeal(Appeal::file(id, by, grounds.clone(), &[decision], now))?;
            Ok(Some(id))
        })
        .await?;
        filed.ok_or_else(|| {
            Problem::new(Reason::WrongState).detail("an appeal of yours waits already, or has been decided")
        })
    }
}
