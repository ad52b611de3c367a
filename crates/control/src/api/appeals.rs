//! Appeals, from filing to the word to the appellant; and how a case stands to earlier decisions.

use super::Api;
use super::cases::answered;
use super::refusals::{case as one_case, changed_case, officer};
use crate::desk::{PassFor, give_pass as give};
use crate::plane::Plane;
use crate::rim::Problem;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::version::Wanted;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use casework::{
    Against, Appeal, AppealOutcome, Appellant, Case, Decision, Officer, Paragraphs, Precedent, Relation,
    Review, Text,
};
use policy::{Pseudonym, Role};
use records::{DecisionFilter, Page};
use serde::Deserialize;
use serde_json::json;
use vocabulary::{AppealId, CaseId, DecisionId};

/// An appeal that came in.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAppeal {
    /// `customer`, `reporter` or `third-party`.
    #[schema(value_type = String)]
    by: Appellant,
    /// `{"decision": ID}`, `"inaction"`, or `{"missed-clock": "triage" | "referral" | "appeal" | "notice"}`.
    #[schema(value_type = Object)]
    against: Against,
    /// Why, in the appellant's words; not public.
    #[schema(value_type = String)]
    grounds: Paragraphs,
}

/// A step of an appeal.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppealStep {
    /// The officer's pseudonym; of a reviewer for `dismiss`, `hear` and `rule`.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// `"admit"`, `{"dismiss": REASON}`, `"hear"`, `{"rule": {"outcome": …, "reasons": …}}` or `"notified"`.
    /// An outcome is `upheld`, `overturned` or `varied`.
    #[schema(value_type = Object)]
    step: Step,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Step {
    Admit,
    Dismiss(Paragraphs),
    Hear,
    Rule { outcome: AppealOutcome, reasons: Paragraphs },
    Notified,
}

/// How a case stands to an earlier decision.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPrecedent {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The earlier decision.
    #[schema(value_type = String)]
    decision: DecisionId,
    /// `follows`, `distinguished` or `overruled`.
    #[schema(value_type = String)]
    relation: Relation,
    /// Wherein they are alike, or differ.
    #[schema(value_type = String)]
    reason: Text,
}

/// Takes an appeal in. A closed case can be appealed against, too.
#[utoipa::path(post, path = "/api/v1/cases/{case}/appeals", tag = "appeals", params(("case" = String, Path)),
    request_body = NewAppeal,
    responses((status = 201, description = "`appeal` is its id, `due` by when it has to be decided")))]
pub(crate) async fn file(
    State(api): State<Api>,
    Path(case): Path<CaseId>,
    fields: HeaderMap,
    Json(asked): Json<NewAppeal>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let id = AppealId::random(&*plane.random);
    let decisions = decisions_of(plane, case).await?;
    if let Against::Decision(decision) = asked.against
        && !decisions.iter().any(|held| held.id == decision)
    {
        return Err(Problem::refused("other-decision", format!("{decision} is no decision of this case")));
    }
    let all: Vec<&Decision> = decisions.iter().collect();
    let (due, kept) = changed_case(plane, case, Wanted::of(&fields)?, |case, now| {
        let by = (asked.by, asked.against);
        let appeal = Appeal::file(id, by, asked.grounds.clone(), &all, now);
        let due = appeal.due;
        case.add_appeal(appeal)?;
        Ok(due)
    })
    .await?;
    Ok(answered(StatusCode::CREATED, &kept, json!({"appeal": id, "due": due})))
}

/// Moves an appeal on by one step. Who took part in the case never hears it.
#[utoipa::path(post, path = "/api/v1/cases/{case}/appeals/{appeal}/steps", tag = "appeals",
    params(("case" = String, Path), ("appeal" = String, Path)), request_body = AppealStep,
    responses((status = 200, description = "`state` is its state now"), (status = 409)))]
pub(crate) async fn step(
    State(api): State<Api>,
    Path((case, appeal)): Path<(CaseId, AppealId)>,
    fields: HeaderMap,
    Json(asked): Json<AppealStep>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    let decisions = decisions_of(plane, case).await?;
    let all: Vec<&Decision> = decisions.iter().collect();
    let review = |case: &mut Case, review, now| {
        case.review_appeal(appeal, (&by, review), (&all, &plane.founded.roster), now)
    };
    let ((), kept) = changed_case(plane, case, Wanted::of(&fields)?, |case, now| {
        match asked.step.clone() {
            Step::Admit => case.step_appeal(appeal, |held| held.admit(by.clone(), now))?,
            Step::Dismiss(why) => review(case, Review::Dismiss(why), now)?,
            Step::Hear => review(case, Review::Hear, now)?,
            Step::Rule { outcome, reasons } => review(case, Review::Rule { outcome, reasons }, now)?,
            Step::Notified => case.step_appeal(appeal, |held| held.notify(now))?,
        }
        Ok(())
    })
    .await?;
    let state = kept.value.appeals.iter().find(|held| held.id == appeal).map(|held| held.state.name());
    Ok(answered(StatusCode::OK, &kept, json!({"appeal": appeal, "state": state})))
}

/// A pass for the reviewer who hears an appeal.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReviewerPass {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The reviewer's.
    #[schema(value_type = String)]
    reviewer: Pseudonym,
}

/// Makes a pass to the desk for the reviewer who hears an appeal; not by somebody who took part in the case. Its code is
/// shown this once.
#[utoipa::path(post, path = "/api/v1/cases/{case}/appeals/{appeal}/pass", tag = "appeals",
    params(("case" = String, Path), ("appeal" = String, Path)), request_body = ReviewerPass,
    responses((status = 201, description = "`code` are the eight words, `pass` is the number it is ended by"), (status = 404), (status = 409)))]
pub(crate) async fn give_pass(
    State(api): State<Api>,
    Path((case, appeal)): Path<(CaseId, AppealId)>,
    Json(asked): Json<ReviewerPass>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    let reviewer = officer(plane, &asked.reviewer)?;
    if reviewer.role != Role::Reviewer {
        return Err(Problem::refused("not-reviewer", format!("{reviewer} is no independent reviewer")));
    }
    let held = one_case(plane, case).await?.value;
    if !held.appeals.iter().any(|one| one.id == appeal) {
        return Err(casework::CaseRefusal::NoAppeal(appeal).into());
    }
    let decisions = decisions_of(plane, case).await?;
    let all: Vec<&Decision> = decisions.iter().collect();
    // Who makes the pass hears its code, and could rule in the reviewer's name.
    if held.barred_from_pass(&all, &plane.founded.roster).contains(&by.pseudonym.to_string()) {
        return Err(Problem::refused(
            "took-part",
            format!("{by} took part in the case; somebody else makes the pass"),
        ));
    }
    let opens = PassFor::Appeal { case, appeal, reviewer: asked.reviewer };
    let given = give(plane, opens, by).await?;
    let shown = json!({"code": given.code.words().join(" "), "pass": given.number});
    Ok((StatusCode::CREATED, axum::Json(shown)).into_response())
}

/// Records how the case stands to an earlier decision, in place of what was said of it before.
#[utoipa::path(post, path = "/api/v1/cases/{case}/precedents", tag = "cases", params(("case" = String, Path)),
    request_body = NewPrecedent, responses((status = 201), (status = 404), (status = 409)))]
pub(crate) async fn compare(
    State(api): State<Api>,
    Path(case): Path<CaseId>,
    fields: HeaderMap,
    Json(asked): Json<NewPrecedent>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    super::decisions::decision(plane, asked.decision).await?;
    let precedent = Precedent { decision: asked.decision, relation: asked.relation, reason: asked.reason };
    let ((), kept) = changed_case(plane, case, Wanted::of(&fields)?, |case, now| {
        Ok(case.compare(precedent.clone(), by.clone(), now)?)
    })
    .await?;
    Ok(answered(StatusCode::CREATED, &kept, json!({"decision": asked.decision})))
}

/// One step of a reviewer with an appeal.
pub(crate) async fn review(
    plane: &Plane,
    (case, appeal): (CaseId, AppealId),
    by: &Officer,
    review: Review,
    decisions: &[Decision],
) -> Result<(), Problem> {
    let all: Vec<&Decision> = decisions.iter().collect();
    let (step, _) = changed_case(plane, case, Wanted::Any, |case, now| {
        Ok(case.review_appeal(appeal, (by, review.clone()), (&all, &plane.founded.roster), now)?)
    })
    .await?;
    Ok(step)
}

/// All decisions of a case.
pub(crate) async fn decisions_of(plane: &Plane, case: CaseId) -> Result<Vec<Decision>, Problem> {
    one_case(plane, case).await?;
    let filter = DecisionFilter { states: Vec::new(), case: Some(case) };
    let (mut found, mut page) = (Vec::new(), Page::first(records::bounds::PAGE_MAX));
    loop {
        let listing = plane.records.list_decisions(&filter, page).await?;
        found.extend(listing.items.into_iter().map(|item| item.value));
        match listing.next {
            Some(next) => page.after = Some(next),
            None => return Ok(found),
        }
    }
}
