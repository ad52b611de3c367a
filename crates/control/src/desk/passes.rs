//! Passes: made by an officer, handed over by voice or hand, open for a month unless somebody ends them before.

use crate::intake::{NotOpened, Source};
use crate::plane::Plane;
use crate::rim::{Problem, Reason};
use casework::{Case, Officer, Referral};
use policy::Pseudonym;
use records::{DocumentName, Versioned};
use reports::{Code, ReceiptHash};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use vocabulary::{AppealId, AuthorityId, CaseId, Digest, ReferralId, Timestamp};

/// How long a pass opens.
const OPEN: Duration = Duration::from_secs(30 * 24 * 3_600);
/// The kind of documents that passes are kept as. A document never changes, and a pass needs none.
const KIND: &str = "desk-pass";

/// The kind of documents that say that a pass was ended.
const ENDED: &str = "desk-pass-ended";

/// A pass that was made: its code, shown this once, and its number, by which it can be ended.
pub(crate) struct Given {
    /// The eight words.
    pub(crate) code: Code,
    /// The number.
    pub(crate) number: Digest,
}

/// One pass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pass {
    hash: ReceiptHash,
    /// What it opens.
    pub(crate) opens: PassFor,
    /// Who made it.
    pub(crate) by: Officer,
    /// Until when it opens.
    pub(crate) until: Timestamp,
}

/// What a pass opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum PassFor {
    /// A referral, to its authority.
    Referral {
        /// The case.
        case: CaseId,
        /// The referral.
        referral: ReferralId,
        /// The authority's entry in the directory.
        authority: AuthorityId,
    },
    /// An appeal, to the reviewer who hears it.
    Appeal {
        /// The case.
        case: CaseId,
        /// The appeal.
        appeal: AppealId,
        /// The reviewer.
        reviewer: Pseudonym,
    },
}

/// What a pass opened.
pub(crate) struct Opened {
    /// The pass.
    pub(crate) pass: Pass,
    /// Its case as it is.
    pub(crate) case: Versioned<Case>,
}

impl Opened {
    /// The referral it opens.
    pub(crate) fn referral(&self) -> Option<&Referral> {
        let PassFor::Referral { referral, .. } = self.pass.opens else { return None };
        self.case.value.referrals.iter().find(|held| held.id == referral)
    }
}

impl PassFor {
    /// The case it belongs to.
    pub(crate) fn case(&self) -> CaseId {
        match self {
            Self::Referral { case, .. } | Self::Appeal { case, .. } => *case,
        }
    }
}

pub(crate) async fn give_pass(plane: &Plane, opens: PassFor, by: Officer) -> Result<Given, Problem> {
    let code = Code::from_bytes(plane.random.bytes());
    let hash = plane.intake.receipt(&code).await.ok_or_else(|| Problem::new(Reason::Broken))?;
    let now = plane.clock.now();
    let pass = Pass { hash, opens, by, until: now.plus(OPEN) };
    let bytes = serde_json::to_vec(&pass).map_err(|_| Problem::new(Reason::Broken))?;
    let number = number(&hash);
    plane.records.put_document(&DocumentName::new(KIND, number.to_string()), &bytes, now).await?;
    Ok(Given { code, number })
}

/// Ends a pass by its number, for good.
pub(crate) async fn end_pass(plane: &Plane, number: Digest, by: &Officer) -> Result<(), Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no pass {number}"));
    let kept = plane.records.document(&DocumentName::new(KIND, number.to_string())).await?;
    kept.ok_or_else(missing)?;
    let ended = DocumentName::new(ENDED, number.to_string());
    if plane.records.document(&ended).await?.is_some() {
        return Ok(());
    }
    let said = format!("{{\"by\":\"{by}\"}}");
    plane.records.put_document(&ended, said.as_bytes(), plane.clock.now()).await?;
    Ok(())
}

fn number(hash: &ReceiptHash) -> Digest {
    Digest::of(&hash.locator())
}

impl Plane {
    /// Opens what a code is a pass for. Wrong ones of one source are slowed, together with wrong receipt codes.
    pub(crate) async fn open_pass(&self, source: Source, typed: &str) -> Result<Opened, NotOpened> {
        self.intake.may_try(&source, self.clock.now())?;
        match self.found_pass(typed).await? {
            Some(opened) => Ok(opened),
            None => {
                self.intake.wrong_try(source, self.clock.now());
                Err(NotOpened::Wrong)
            }
        }
    }

    async fn found_pass(&self, typed: &str) -> Result<Option<Opened>, NotOpened> {
        let Ok(code) = Code::parse(typed) else { return Ok(None) };
        let hash = self.intake.receipt(&code).await.ok_or_else(|| Problem::new(Reason::Broken))?;
        let number = number(&hash).to_string();
        let Some(document) = self.records.document(&DocumentName::new(KIND, number.clone())).await? else {
            return Ok(None);
        };
        let read = serde_json::from_slice::<Pass>(&document.bytes).ok();
        let fits = |pass: &Pass| pass.hash.matches(&hash) && self.clock.now() < pass.until;
        let Some(pass) = read.filter(fits) else { return Ok(None) };
        let ended = self.records.document(&DocumentName::new(ENDED, number)).await?.is_some();
        if ended || self.is_gone(&pass).await? {
            return Ok(None);
        }
        let case = self.records.case(pass.opens.case()).await?;
        Ok(case.map(|case| Opened { pass, case }))
    }

    /// Whether the authority that a pass was given to was retired from the directory since, or said in a call back that it
    /// knows nothing of this: who holds the pass is not who it was made for.
    async fn is_gone(&self, pass: &Pass) -> Result<bool, Problem> {
        let PassFor::Referral { authority, .. } = pass.opens else { return Ok(false) };
        let entry = self.records.authority(authority).await?;
        let now = self.clock.now();
        Ok(entry.is_none_or(|entry| entry.value.retired.is_some() || entry.value.is_denied(now)))
    }
}
