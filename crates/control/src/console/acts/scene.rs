//! What a form stands in: the case it is about, who may act, what there is to choose from.

use crate::api::Api;
use crate::api::appeals::decisions_of;
use crate::api::refusals::case as one_case;
use crate::rim::principal::Principal;
use crate::rim::{Problem, Reason};
use casework::{Case, Decision, DirectoryEntry, ErasureDraft, Finding, Order, SuspensionDraft};
use policy::Pseudonym;
use records::{EvidenceSummary, Fleet, Page};
use serde::Deserialize;
use std::str::FromStr;
use vocabulary::CaseId;

/// Most orders and cases to choose from.
const CHOICES_MAX: u32 = 200;

/// What a form is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::console) struct Place {
    case: Option<CaseId>,
    of: Option<String>,
}

/// Everything a form needs.
pub(super) struct Scene {
    pub(super) api: Api,
    principal: Principal,
    place: Place,
    /// The officer who acted last at this browser.
    pub(super) officer: Option<Pseudonym>,
    case: Option<Case>,
    pub(super) evidence: Vec<EvidenceSummary>,
    pub(super) decisions: Vec<Decision>,
    pub(super) authorities: Vec<DirectoryEntry>,
    pub(super) orders: Vec<Order>,
    pub(super) cases: Vec<Case>,
    pub(super) fleet: Fleet,
    /// The suspension that waits for signatures.
    pub(super) suspension: Option<SuspensionDraft>,
    /// The erasings that do.
    pub(super) erasures: Vec<ErasureDraft>,
}

impl Scene {
    pub(super) async fn of(
        api: Api,
        principal: Principal,
        place: Place,
        officer: Option<Pseudonym>,
    ) -> Result<Self, Problem> {
        let records = &api.plane.records;
        let (mut case, mut evidence, mut decisions) = (None, Vec::new(), Vec::new());
        if let Some(id) = place.case {
            case = Some(one_case(&api.plane, id).await?.value);
            evidence = records.evidence_of(id).await?;
            decisions = decisions_of(&api.plane, id).await?;
        }
        let authorities = records.authorities().await?.into_iter().map(|held| held.value).collect();
        let orders = records.list_orders(Page::first(CHOICES_MAX)).await?;
        let cases = records.list_cases(Page::first(CHOICES_MAX)).await?;
        let fleet = api.plane.fleet().await?;
        let now = api.plane.clock.now();
        let suspension = api.plane.suspension_draft().await?.value;
        let mut erasures = api.plane.erasures().await?.value;
        erasures.retain(|draft| draft.waits(now));
        Ok(Self {
            principal,
            place,
            officer,
            case,
            evidence,
            decisions,
            authorities,
            orders: orders.items.into_iter().flatten().map(|held| held.value).collect(),
            cases: cases.items.into_iter().map(|held| held.value).collect(),
            fleet,
            suspension: suspension.filter(|draft| now < draft.void_from()),
            erasures,
            api,
        })
    }

    pub(super) fn csrf(&self) -> &str {
        self.principal.csrf().unwrap_or_default()
    }

    /// The case; a form that needs one says so where it is asked for without.
    pub(super) fn case(&self) -> Result<&Case, Problem> {
        self.case.as_ref().ok_or_else(|| Problem::new(Reason::NotFound).detail("this is about a case"))
    }

    /// What the form is about within its case.
    pub(super) fn of_what<T: FromStr>(&self) -> Result<T, Problem> {
        let missing = || Problem::new(Reason::NotFound).detail("the address does not say what this is about");
        self.place.of.as_deref().and_then(|of| of.parse().ok()).ok_or_else(missing)
    }

    /// The case's findings.
    pub(super) fn findings(&self) -> &[Finding] {
        self.case.as_ref().map_or(&[], |case| &case.findings)
    }

    /// The decision that the form is about.
    pub(super) fn decision(&self) -> Option<&Decision> {
        let id = self.of_what().ok()?;
        self.decisions.iter().find(|decision| decision.id == id)
    }

    /// The form's own address.
    pub(super) fn address(&self, act: &'static str) -> String {
        let case = self.place.case.map(|case| case.to_string());
        super::address(act, case.as_deref(), self.place.of.as_deref())
    }

    /// Where one came from, and its name.
    pub(super) fn back(&self) -> (String, String) {
        match &self.case {
            Some(case) => (format!("/cases/{}", case.id), format!("Back to the case: {}", case.allegation)),
            None => ("/cases".to_owned(), "Back to the queue".to_owned()),
        }
    }
}
