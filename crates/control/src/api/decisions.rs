//! Decisions: proposing, showing the exact bytes, taking signatures.

use super::Api;
use super::orders;
use super::refusals::{case, officer};
use super::scope_preview::{self, InScope};
use crate::plane::Plane;
use crate::reconcile::has_enough;
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::version::etag;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use casework::{
    Case, Decision, DecisionRefusal, DecisionState, Earlier, Finding, FollowUp, Footing, GateVerdict, Order,
    Paragraphs, Pending, Proposal, Request, Setting, Text,
};
use ledger::{Body, EntryFormat, Kind};
use policy::{Approval, Demand, Ground, Measure, Pseudonym, Refusal, Salt, Scope, ServiceClass, Territory};
use records::{DecisionFilter, Fleet, PutError, Versioned};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::{CaseId, DecisionId, Digest, OrderId, Timestamp};

/// How long officers may sign after the proposal.
const APPROVAL_WINDOW: Duration = Duration::from_secs(3_600);
/// How often an approval is repeated when another came in between.
const ATTEMPTS: usize = 4;

/// A measure to propose.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewProposal {
    /// The officer's pseudonym.
    #[schema(value_type = String)]
    by: Pseudonym,
    /// The measure, such as `M5`.
    #[schema(value_type = String)]
    measure: Measure,
    /// The class of service: `H`, `S` or `C`.
    #[schema(value_type = String)]
    class: ServiceClass,
    /// The ground, such as `emergency`.
    #[schema(value_type = String)]
    ground: Ground,
    /// How long it shall run, from now.
    lease_seconds: u64,
    /// The sites in scope, each with its reason.
    sites: Vec<InScope>,
    /// For the ground order: the order that is carried out, which was accepted; measure, addresses, territories and
    /// end lie within what it demands.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    order: Option<OrderId>,
    /// For the ground order: who demanded it, under which law, and where that can be read.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    demand: Option<Demand>,
    /// For the ground order: where it acts, as codes of ISO 3166-1; at least one.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    territories: BTreeSet<Territory>,
    /// The statement's title, one line.
    #[schema(value_type = String)]
    title: Text,
    /// The statement's summary, a few sentences.
    #[schema(value_type = String)]
    summary: Paragraphs,
    /// Sentences to add to the statement's facts; never reporter, target or content.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    facts: Vec<Text>,
}

/// Refuses a proposal whose public words hold something from the vault of reports: statement and entry are made of
/// them, and what is signed is never taken back.
fn guarded(plane: &Plane, asked: &NewProposal) -> Result<(), Problem> {
    let facts = asked.facts.iter().map(Text::as_str);
    let reasons = asked.sites.iter().flat_map(InScope::words);
    let words = [asked.title.as_str(), asked.summary.as_str()].into_iter().chain(facts).chain(reasons);
    check_words(plane, words.chain(asked.demand.iter().flat_map(demand_words)))
}

/// The words of a demand, which are signed, published and shown.
pub(super) fn demand_words(demand: &Demand) -> [&str; 3] {
    [&demand.authority, &demand.law, &demand.url]
}

/// Refuses words that repeat something from the vault of reports, as they are typed and with their escapes decoded.
pub(super) fn check_words<'a>(plane: &Plane, words: impl Iterator<Item = &'a str>) -> Result<(), Problem> {
    let typed: Vec<&str> = words.collect();
    let read: Vec<String> = typed.iter().map(|word| policy::unescaped(word)).collect();
    let all = format!("{}\n{}", typed.join("\n"), read.join("\n"));
    plane.intake.check(&all).map_err(|_| Problem::new(Reason::VaultText))
}

/// One officer's signature.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewApproval {
    /// Key, role and signature over the bytes of `/bytes`.
    #[schema(value_type = Object)]
    approval: Approval,
}

/// Which decisions are listed.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct DecisionsQuery {
    /// Only those in this state: `proposed`, `approving`, `logged`, `published`, `in-force`, `lapsed`, `ended`,
    /// `final` or `expired`.
    state: Option<String>,
    /// Only those of this case.
    #[param(value_type = Option<String>)]
    case: Option<CaseId>,
    /// Items wanted, 1 to 200; 50 when left out.
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// One line of the list of decisions.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct DecisionLine {
    /// Its id.
    #[schema(value_type = String)]
    id: DecisionId,
    /// Its case.
    #[schema(value_type = String)]
    case: CaseId,
    /// Its state.
    state: &'static str,
    /// Its headline.
    title: String,
    /// What is done.
    #[schema(value_type = String)]
    measure: Measure,
    /// How many sites it covers.
    sites: usize,
    /// When its lease ends.
    #[schema(value_type = String)]
    expires: Timestamp,
    /// How many officers have signed.
    approvals: usize,
}

/// Proposes a measure. The gate runs; when it is closed the answer lists why.
#[utoipa::path(post, path = "/api/v1/cases/{case}/proposals", tag = "decisions", params(("case" = String, Path)),
    request_body = NewProposal,
    responses((status = 201, description = "`decision` is its id"),
        (status = 409, description = "The gate is closed, or floor, policy or scope refuse; `reason` says which")))]
pub(crate) async fn propose(
    State(api): State<Api>,
    Path(id): Path<CaseId>,
    Json(asked): Json<NewProposal>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    let by = officer(plane, &asked.by)?;
    guarded(plane, &asked)?;
    let held = case(plane, id).await?;
    let fleet = plane.fleet().await?;
    let order = orders::named(plane, asked.order).await?;
    orders::check_demand(plane, order.as_ref(), asked.demand.as_ref()).await?;
    let footing = (&held.value, order.as_ref());
    let request = request(plane, &fleet, asked)?;
    let public_url = plane.public_url.to_string();
    let contact = plane.contact();
    let policy = plane.founded.policies.of_case(&held.value);
    let setting = Setting {
        matrix: &policy.matrix,
        roster: &plane.founded.roster,
        footprint: plane.footprint(fleet.sites.len()),
        public_url: &public_url,
        contact: &contact,
    };
    let now = plane.clock.now();
    let verdict = casework::assess(footing, request.measure, request.ground, now);
    let account = held.value.account;
    let earlier = plane.docket.earlier(account, &plane.founded.roster, now).await?;
    let earlier = match request.measure {
        Measure::M7 => plane.docket.beside_cases(earlier, account).await?,
        _ => earlier,
    };
    let proposal = casework::propose(footing, &verdict, request, by, &setting, &earlier, now)?;
    let sealed = plane.seal_fields(confidential(&held.value, &verdict, order.as_ref())).await?;
    let body = body(&proposal, (sealed, policy.matrix.hash()), now)?;
    let decision = proposal.into_decision(body);
    let version = match plane.docket.put(decision.clone(), 0).await {
        Ok(version) => version,
        Err(error) => {
            // The fate of a failed write is not known; only what is surely not there needs no fields.
            if matches!(plane.docket.get(decision.id).await, Ok(None)) {
                plane.destroy_fields(&sealed).await?;
            }
            return Err(error.into());
        }
    };
    let mut response = shown(plane, StatusCode::CREATED, &Versioned { version, value: decision.clone() });
    if let Ok(location) = format!("/api/v1/decisions/{}", decision.id).parse() {
        response.headers_mut().insert(header::LOCATION, location);
    }
    Ok(response)
}

/// What a decision rests on and the public does not see: the log commits to it, field by field.
fn confidential(case: &Case, verdict: &GateVerdict, order: Option<&Order>) -> Vec<(String, Value)> {
    let counted = |finding: &&Finding| verdict.counted.contains(&finding.id);
    let evidence: Vec<Digest> = case.findings.iter().filter(counted).flat_map(|f| f.sha256.clone()).collect();
    let fields = [
        ("case", json!(case.id)),
        ("counted-findings", json!(verdict.counted)),
        ("evidence", json!(evidence)),
        ("gate-input", json!(verdict.input_hash)),
    ];
    let order = order.map(|order| ("order", json!(order.id)));
    fields.into_iter().chain(order).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The exact bytes that officers will sign.
fn body(proposal: &Proposal, (sealed, policy): (Digest, Digest), now: Timestamp) -> Result<String, Problem> {
    let body = Body {
        format: EntryFormat::V1,
        kind: Kind::DecisionMade,
        time: now,
        actors: vec![proposal.by().to_string()],
        subject: proposal.terms().decision.to_string(),
        sequence: 1,
        previous: None,
        policy: Some(policy),
        commitments: Some(sealed),
        public: serde_json::to_value(proposal.terms()).map_err(|error| broken(&error))?,
    };
    let bytes = body.to_bytes().map_err(|error| broken(&error))?;
    String::from_utf8(bytes).map_err(|error| broken(&error))
}

pub(super) fn broken(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(Reason::Broken).detail(error)
}

/// The request as the domain takes it.
fn request(plane: &Plane, fleet: &Fleet, asked: NewProposal) -> Result<Request, Problem> {
    let sites = scope_preview::listed(fleet, asked.sites)?;
    let scope = Scope::new(Salt::random(&*plane.random), sites);
    Ok(Request {
        decision: DecisionId::random(&*plane.random),
        measure: asked.measure,
        class: asked.class,
        ground: asked.ground,
        lease: Duration::from_secs(asked.lease_seconds),
        demand: asked.demand,
        territories: asked.territories,
        scope: scope.map_err(|error| Problem::refused("scope-malformed", error))?,
        title: asked.title,
        summary: asked.summary,
        facts: asked.facts,
    })
}

/// Lists decisions, last proposed first.
#[utoipa::path(get, path = "/api/v1/decisions", tag = "decisions", params(DecisionsQuery),
    responses((status = 200, body = PageOf<DecisionLine>)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Query(query): Query<DecisionsQuery>,
) -> Result<axum::Json<PageOf<DecisionLine>>, Problem> {
    let DecisionsQuery { state, case, limit, after } = query;
    if let Some(unknown) = state.as_deref().filter(|state| !DecisionState::NAMES.contains(state)) {
        let unknown: String = unknown.chars().take(40).collect();
        let known = DecisionState::NAMES.join(", ");
        let why = format!("there is no state {unknown:?}; the states are {known}");
        return Err(Problem::new(Reason::Malformed).detail(why));
    }
    let filter = DecisionFilter { states: state.into_iter().collect(), case };
    let page = PageQuery { limit, after }.page()?;
    let listing = api.plane.records.list_decisions(&filter, page).await?;
    Ok(axum::Json(PageOf::of(listing, |held| DecisionLine {
        id: held.value.id,
        case: held.value.case,
        state: held.value.state.name(),
        measure: held.value.terms.measure,
        sites: held.value.scope.sites().len(),
        expires: held.value.terms.expires,
        approvals: held.value.state.approvals().len(),
        title: held.value.statement.title,
    })))
}

/// Gives one decision: terms, scope, statement, verdict, approvals, and how far it is.
#[utoipa::path(get, path = "/api/v1/decisions/{decision}", tag = "decisions", params(("decision" = String, Path)),
    responses((status = 200, body = Object), (status = 404)))]
pub(crate) async fn one(State(api): State<Api>, Path(id): Path<DecisionId>) -> Result<Response, Problem> {
    let held = decision(&api.plane, id).await?;
    Ok(shown(&api.plane, StatusCode::OK, &held))
}

/// Gives the exact bytes that officers sign: of the record that would follow, where one waits.
#[utoipa::path(get, path = "/api/v1/decisions/{decision}/bytes", tag = "decisions", params(("decision" = String, Path)),
    responses((status = 200, body = String, content_type = "application/json"), (status = 404)))]
pub(crate) async fn bytes(State(api): State<Api>, Path(id): Path<DecisionId>) -> Result<Response, Problem> {
    let held = decision(&api.plane, id).await?;
    let bytes = held.value.pending.map_or(held.value.body, |pending| pending.body);
    Ok(([(header::CONTENT_TYPE, "application/json")], bytes).into_response())
}

/// Takes one officer's signature. It is checked against the pinned roster, and the gate runs again.
#[utoipa::path(post, path = "/api/v1/decisions/{decision}/approvals", tag = "decisions",
    params(("decision" = String, Path)), request_body = NewApproval,
    responses((status = 200, description = "The decision as it is now; `missing` says what it still lacks", body = Object),
        (status = 409, description = "Not taken; `reason` says why")))]
pub(crate) async fn approve(
    State(api): State<Api>,
    Path(id): Path<DecisionId>,
    Json(asked): Json<NewApproval>,
) -> Result<Response, Problem> {
    let plane = &api.plane;
    for _ in 0..ATTEMPTS {
        let Versioned { version, value } = decision(plane, id).await?;
        let held = case(plane, value.case).await?;
        let earlier =
            plane.docket.earlier(held.value.account, &plane.founded.roster, plane.clock.now()).await?;
        check_acts(plane, &value).await?;
        let order = plane.docket.order_behind(&value).await?;
        let footing = Footing { case: &held.value, order: order.as_ref() };
        let next = approved(plane, value, footing, &earlier, asked.approval.clone())?;
        match plane.docket.put(next.clone(), version).await {
            Ok(version) => {
                plane.wake.notify_one();
                return Ok(shown(plane, StatusCode::OK, &Versioned { version, value: next }));
            }
            Err(PutError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Problem::new(Reason::Contended))
}

/// What a suspension would set aside as soon as it is signed takes no signature: those who sign shall know, and what
/// is proposed anew acts.
async fn check_acts(plane: &Plane, decision: &Decision) -> Result<(), Problem> {
    let awaited = matches!(decision.state, DecisionState::Proposed | DecisionState::Approving { .. });
    let terms = match &decision.pending {
        Some(pending) => pending.follow_up.terms(),
        None => awaited.then_some(&decision.terms),
    };
    let Some(terms) = terms else { return Ok(()) };
    let acting = plane.suspensions_at(plane.clock.now()).await;
    let acting = acting.map_err(|error| Problem::new(Reason::Broken).detail(error))?;
    let aside = acting.iter().any(|suspension| policy::is_suspended_by(terms, suspension.from()));
    if aside { Err(Problem::new(Reason::SuspendedSince)) } else { Ok(()) }
}

fn approved(
    plane: &Plane,
    decision: Decision,
    footing: Footing<'_>,
    earlier: &Earlier,
    approval: Approval,
) -> Result<Decision, Problem> {
    let now = plane.clock.now();
    if let Some(pending) = &decision.pending {
        // Its entry may be on the way: one signature more would make it another.
        if decision.check_signatures(pending, &plane.founded.roster).is_ok() {
            return Err(Problem::refused(
                "approved-already",
                "enough officers have signed; the record goes its way",
            ));
        }
        return Ok(decision.sign(approval, footing.case, &plane.founded.roster, now)?);
    }
    let awaited = matches!(decision.state, DecisionState::Proposed | DecisionState::Approving { .. });
    if awaited && now >= decision.terms.proposed_at().plus(APPROVAL_WINDOW) {
        return Err(Problem::new(Reason::WindowOver));
    }
    if awaited && has_enough(plane, &decision) {
        return Err(Problem::refused(
            "approved-already",
            "enough officers have signed; the decision goes its way",
        ));
    }
    decision.approve(approval, footing, &plane.founded.roster, earlier, now).map_err(
        |refusal| match refusal {
            DecisionRefusal::WrongState { .. } => Problem::new(Reason::WrongState).detail(refusal),
            refusal => refusal.into(),
        },
    )
}

/// One decision, or 404.
pub(crate) async fn decision(plane: &Plane, id: DecisionId) -> Result<Versioned<Decision>, Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("there is no decision {id}"));
    plane.docket.get(id).await?.ok_or_else(missing)
}

/// A decision as it is answered.
pub(super) fn shown(plane: &Plane, status: StatusCode, held: &Versioned<Decision>) -> Response {
    (status, [(header::ETAG, etag(held.version))], axum::Json(view(plane, held))).into_response()
}

/// Everything that officers see of a decision.
pub(crate) fn view(plane: &Plane, held: &Versioned<Decision>) -> Value {
    let Versioned { version, value: decision } = held;
    let state = &decision.state;
    json!({
        "decision": decision.id,
        "id": decision.id,
        "case": decision.case,
        "state": state.name(),
        "proposed_by": decision.proposed_by,
        "terms": decision.terms,
        "scope": decision.scope,
        "statement": decision.statement,
        "verdict": decision.verdict,
        "approvals": approvals(plane, decision),
        "missing": missing(plane, decision),
        "approve_until": decision.terms.proposed_at().plus(APPROVAL_WINDOW),
        "expires": decision.terms.expires,
        "order": decision.order,
        "former": decision.former,
        "pending": decision.pending.as_ref().map(|pending| pending_view(plane, decision, pending)),
        "log": state.logged(),
        "progress": progress(state),
        "version": version,
    })
}

fn approvals(plane: &Plane, decision: &Decision) -> Vec<Value> {
    let named = |approval: &Approval| {
        let member = plane.founded.roster.member(&approval.key);
        let pseudonym = member.map(|member| member.pseudonym.to_string());
        json!({"role": approval.role, "pseudonym": pseudonym, "key": approval.key})
    };
    decision.state.approvals().iter().map(named).collect()
}

/// The record that waits for signatures, with the statement that its bytes commit to.
fn pending_view(plane: &Plane, decision: &Decision, pending: &Pending) -> Value {
    let statement = match &pending.follow_up {
        FollowUp::Ratification { statement, .. } | FollowUp::Renewal { statement, .. } => Some(statement),
        FollowUp::Lift { .. } | FollowUp::Reversal { .. } => None,
    };
    let missing = decision.check_signatures(pending, &plane.founded.roster).err();
    let missing = missing.map(|refusal| json!({"reason": refusal.name(), "text": refusal.to_string()}));
    json!({
        "follow_up": pending.follow_up,
        "by": pending.by,
        "at": pending.at,
        "statement": statement,
        "approvals": pending.approvals,
        "missing": missing,
    })
}

/// What the approvals still lack; one signature alone is no error but a state.
fn missing(plane: &Plane, decision: &Decision) -> Option<Value> {
    if !matches!(decision.state, DecisionState::Proposed | DecisionState::Approving { .. }) {
        return None;
    }
    let approvals = decision.state.approvals();
    let refusal: Refusal =
        policy::approve(decision.body.as_bytes(), approvals, &plane.founded.roster, &decision.terms).err()?;
    Some(json!({"reason": refusal.name(), "text": refusal.to_string()}))
}

/// Where it is published and enforced, as far as it is.
fn progress(state: &DecisionState) -> Value {
    match state {
        DecisionState::Proposed | DecisionState::Approving { .. } | DecisionState::Logged { .. } => json!({}),
        DecisionState::Published { published, .. } => json!({"published": published}),
        DecisionState::InForce { published, receipts, .. } => {
            json!({"published": published, "edges": receipts})
        }
        DecisionState::Lapsed { published, receipts, lapse, .. } => {
            json!({"published": published, "edges": receipts, "lapse": lapse})
        }
        DecisionState::Ended { published, receipts, ending, .. }
        | DecisionState::Final { published, receipts, ending, .. } => {
            json!({"published": published, "edges": receipts, "ending": ending})
        }
        DecisionState::Expired { at, .. } => json!({"expired": at}),
    }
}
