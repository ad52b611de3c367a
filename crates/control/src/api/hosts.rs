//! Host names that customers add, for the operator and for customers themselves.

use super::Api;
use super::site_defence::basis;
use crate::host_names::{Asker, HostRefusal};
use crate::plane::Plane;
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::principal::Caller;
use crate::rim::{Problem, Reason};
use crate::sites::Basis;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use ownership::{Challenge, Claim, ClaimRefusal, ClaimState, Found, Method, Why, Wish};
use serde::{Deserialize, Serialize};
use vocabulary::{AccountId, SiteId, SitePattern, Timestamp};

/// Most claims in one answer: what one account may have.
const LISTED_MAX: usize = ownership::ACCOUNT_CLAIMS_MAX;

/// A claim to a host name.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct HostView {
    /// The name, or `*.` and a name.
    #[schema(value_type = String)]
    pub(crate) host: SitePattern,
    /// Whose claim.
    #[schema(value_type = String)]
    pub(crate) account: AccountId,
    /// The site that is to answer to it.
    #[schema(value_type = String)]
    pub(crate) site: SiteId,
    /// `claimed`, `proved`, `served`, `contested`, `quarantined` or `released`.
    pub(crate) state: &'static str,
    /// The same in words, with what to do and until when.
    pub(crate) text: String,
    /// When this state ends if nothing happens.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) until: Option<Timestamp>,
    /// How it was proved the last time: `txt`, `http`, `delegation` or `reserved`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) proved_by: Option<Method>,
    /// What proves it: any one of these.
    pub(crate) proofs: Vec<ProofView>,
    /// The last look.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_look: Option<LookView>,
    /// When is looked the next time; none: never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) next_look: Option<Timestamp>,
}

/// Something to put somewhere.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct ProofView {
    /// `txt`, `http` or `delegation`.
    #[schema(value_type = String)]
    pub(crate) by: Method,
    /// The name of the record, or the address of the file.
    pub(crate) place: String,
    /// What stands there, and nothing else.
    pub(crate) value: String,
}

/// A look at a name.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct LookView {
    /// When.
    #[schema(value_type = String)]
    pub(crate) at: Timestamp,
    /// `proof`, `nothing` or `unclear`.
    #[schema(value_type = String)]
    pub(crate) found: Found,
}

/// Claims.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct HostsView {
    /// How many there are; more than are listed where they are too many.
    total: usize,
    /// By name.
    hosts: Vec<HostView>,
}

/// Whose claims are meant. A customer's are always its own.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct WhoseQuery {
    /// An account's id; the operator may leave it out where one account alone is possible.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
}

/// Whose claim is to go, and why.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ReleaseQuery {
    /// An account's id; the operator may leave it out where one account alone is possible.
    #[param(value_type = Option<String>)]
    account: Option<AccountId>,
    /// The customer's request in its own words, where the operator lets go of a name that is served. It is logged.
    customer_request: Option<String>,
}

/// A name to add.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HostBody {
    /// The name, or `*.` and a name for all below it.
    host: String,
    /// The id of the site that is to answer to it.
    #[schema(value_type = String)]
    site: SiteId,
    /// The customer's request in its own words, where the operator moves a name that is served to another site. It is
    /// logged.
    customer_request: Option<String>,
}

/// Lists claims to host names.
#[utoipa::path(get, path = "/api/v1/hosts", tag = "hosts", params(WhoseQuery),
    responses((status = 200, body = HostsView)))]
pub(crate) async fn list(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<WhoseQuery>,
) -> Result<axum::Json<HostsView>, Problem> {
    let (claims, total) = api.plane.host_names.list(caller.account(query.account)?, LISTED_MAX);
    let hosts = claims.iter().map(|claim| view(&api.plane, claim)).collect();
    Ok(axum::Json(HostsView { total, hosts }))
}

/// Adds a host name to a site. It is served once it is proved; a reserved name (`.test`, `.localhost`, …) at once.
#[utoipa::path(post, path = "/api/v1/hosts", tag = "hosts", request_body = HostBody,
    responses((status = 201, body = HostView, description = "What to put where"),
        (status = 409, description = "Another account has it, or a name that overlaps it"),
        (status = 422, description = "Nobody can claim it")))]
pub(crate) async fn add(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Json(body): Json<HostBody>,
) -> Result<Response, Problem> {
    let basis = basis(body.customer_request)?;
    let claim = place(&api.plane, (&caller, basis.as_ref()), &body.host, body.site).await?;
    Ok((StatusCode::CREATED, axum::Json(view(&api.plane, &claim))).into_response())
}

/// Adds a host name, on the word of a program or of the console's form.
pub(crate) async fn place(
    plane: &Plane,
    (caller, basis): (&Caller, Option<&Basis>),
    host: &str,
    site: SiteId,
) -> Result<Claim, Problem> {
    let pattern = host.trim().parse::<SitePattern>();
    let pattern = pattern.map_err(|error| Problem::new(Reason::HostUnclaimable).detail(error))?;
    let fleet = plane.records.fleet().await?;
    let owner = fleet.sites.iter().find(|known| known.id == site).map(|known| known.account);
    // A customer learns nothing of sites that are not its own.
    let unknown = || Problem::from(HostRefusal::Site(site.to_string()));
    let owner = owner.ok_or_else(unknown)?;
    let account = caller.account(Some(owner)).map_err(|_| unknown())?.unwrap_or(owner);
    let claim = plane.claim_host(Wish { pattern, account, site }, asker(caller, basis)).await?;
    tracing::info!(name = %claim.pattern(), %account, actor = caller.actor(), "a host name was added");
    Ok(claim)
}

/// Reads one claim.
#[utoipa::path(get, path = "/api/v1/hosts/{host}", tag = "hosts",
    params(("host" = String, Path, description = "The name"), WhoseQuery),
    responses((status = 200, body = HostView), (status = 404, description = "Not claimed"),
        (status = 409, description = "Several accounts claim it; say which is meant")))]
pub(crate) async fn one(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(host): Path<String>,
    Query(query): Query<WhoseQuery>,
) -> Result<axum::Json<HostView>, Problem> {
    let claim = found(&api.plane, &caller, &host, query.account)?;
    Ok(axum::Json(view(&api.plane, &claim)))
}

/// Has the proof of a name looked for at once.
#[utoipa::path(post, path = "/api/v1/hosts/{host}/look", tag = "hosts",
    params(("host" = String, Path, description = "The name"), WhoseQuery),
    responses((status = 202, body = HostView), (status = 404, description = "Not claimed"),
        (status = 429, description = "Looked at just now")))]
pub(crate) async fn look(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(host): Path<String>,
    Query(query): Query<WhoseQuery>,
) -> Result<Response, Problem> {
    let claim = found(&api.plane, &caller, &host, query.account)?;
    let claim = api.plane.look_at_host(claim.pattern(), claim.account()).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(view(&api.plane, &claim))).into_response())
}

/// Lets a name go. It is no longer served, and passes to no other account for a while.
#[utoipa::path(delete, path = "/api/v1/hosts/{host}", tag = "hosts",
    params(("host" = String, Path, description = "The name"), ReleaseQuery),
    responses((status = 200, body = HostView), (status = 404, description = "Not claimed"),
        (status = 409, description = "It is served, and the customer's request is not given")))]
pub(crate) async fn release(
    State(api): State<Api>,
    Extension(caller): Extension<Caller>,
    Path(host): Path<String>,
    Query(query): Query<ReleaseQuery>,
) -> Result<axum::Json<HostView>, Problem> {
    let claim = found(&api.plane, &caller, &host, query.account)?;
    let basis = basis(query.customer_request)?;
    let claim = let_go(&api.plane, (&caller, basis.as_ref()), &claim).await?;
    Ok(axum::Json(view(&api.plane, &claim)))
}

/// Lets a name go, on the word of a program or of the console's form.
pub(crate) async fn let_go(
    plane: &Plane,
    (caller, basis): (&Caller, Option<&Basis>),
    claim: &Claim,
) -> Result<Claim, Problem> {
    let claim = plane.release_host(claim.pattern(), claim.account(), asker(caller, basis)).await?;
    tracing::info!(name = %claim.pattern(), actor = caller.actor(), "a host name was let go of");
    Ok(claim)
}

fn asker<'a>(caller: &'a Caller, basis: Option<&'a Basis>) -> Asker<'a> {
    match caller {
        Caller::Operator(principal) => Asker::Operator { actor: principal.actor(), basis },
        Caller::Customer { .. } => Asker::Holder,
    }
}

/// The one claim that is meant.
pub(crate) fn found(
    plane: &Plane,
    caller: &Caller,
    host: &str,
    account: Option<AccountId>,
) -> Result<Claim, Problem> {
    let missing = || Problem::new(Reason::NotFound).detail(format!("{host} is not claimed"));
    let pattern: SitePattern = host.parse().map_err(|_| missing())?;
    let account = match caller.account(account)? {
        Some(account) => account,
        None => match plane.host_names.claimants(&pattern).as_slice() {
            [one] => *one,
            [] => return Err(missing()),
            _ => return Err(Problem::new(Reason::AccountAmbiguous)),
        },
    };
    plane.host_names.claim(&pattern, account).ok_or_else(missing)
}

/// A claim as people and programs see it.
pub(crate) fn view(plane: &Plane, claim: &Claim) -> HostView {
    let (state, text, until) = told(plane, claim);
    let looked = claim.looked();
    let is_looked_for = !claim.is_over() && claim.method() != Some(Method::Reserved);
    HostView {
        host: claim.pattern().clone(),
        account: claim.account(),
        site: claim.site(),
        state,
        text,
        until,
        proved_by: claim.method(),
        proofs: if is_looked_for { proofs(plane, claim) } else { Vec::new() },
        last_look: looked.last.map(|look| LookView { at: look.at, found: look.found }),
        next_look: is_looked_for.then_some(looked.next),
    }
}

fn proofs(plane: &Plane, claim: &Claim) -> Vec<ProofView> {
    let (pattern, challenge) = (claim.pattern(), claim.challenge());
    let record = Challenge::record_name(pattern);
    let token = challenge.token().to_owned();
    let mut proofs = vec![ProofView { by: Method::Txt, place: record.clone(), value: token.clone() }];
    if let Some(value) = challenge.delegation(plane.public_url.host()) {
        proofs.push(ProofView { by: Method::Delegation, place: record, value });
    }
    if let SitePattern::Exact(name) = pattern {
        let place = format!("http://{name}{}", challenge.http_path());
        proofs.push(ProofView { by: Method::Http, place, value: token });
    }
    proofs
}

/// The state's name, what it means, and when it ends by itself.
fn told(plane: &Plane, claim: &Claim) -> (&'static str, String, Option<Timestamp>) {
    match claim.state() {
        ClaimState::Claimed { since } => {
            let until = since.plus(ownership::CLAIM_LASTS);
            let text = format!("Waits for its proof until {until}; nobody is served before that.");
            ("claimed", text, Some(until))
        }
        ClaimState::Proved { .. } => {
            let why = plane.host_names.held_back(claim);
            let why = why.unwrap_or_else(|| "a look will settle it in a moment".to_owned());
            ("proved", format!("Proved, and not served yet: {why}."), None)
        }
        ClaimState::Served { proof, failing_since: None, .. } => {
            ("served", format!("Served; proved by {}.", proof.method().text()), None)
        }
        ClaimState::Served { failing_since: Some(since), .. } => {
            let until = since.plus(ownership::FAILING_MAX);
            let text = format!(
                "Served, but its proof is not there any more since {since}. Put it back: the first look after {until} that does not find it takes the name off."
            );
            ("served", text, Some(until))
        }
        ClaimState::Contested { since, .. } => {
            let until = since.plus(ownership::CONTEST_LASTS);
            let text = format!(
                "Served, but another account has proved it too. Prove it in DNS: after {until} it is taken off otherwise."
            );
            ("contested", text, Some(until))
        }
        ClaimState::Quarantined { why, until } => {
            let why = match why {
                Why::Released => "It was let go of",
                Why::Dangling => "Its proof was gone for too long",
                Why::Lost => "Another account proved it, and this one did not",
            };
            let text = format!(
                "{why}. It is not served and passes to no other account until {until}; a proof brings it back."
            );
            ("quarantined", text, Some(*until))
        }
        ClaimState::Released { .. } => ("released", "Let go of.".to_owned(), None),
    }
}

impl From<HostRefusal> for Problem {
    fn from(refusal: HostRefusal) -> Self {
        let reason = match refusal {
            HostRefusal::Store(error) => return error.into(),
            HostRefusal::Request(refusal) => return (*refusal).into(),
            HostRefusal::TooSoon(_) => Reason::LookedJustNow,
            HostRefusal::Site(_) => Reason::HostUnclaimable,
            HostRefusal::Claim(ref refusal) => match refusal {
                ClaimRefusal::Name(_) => Reason::HostUnclaimable,
                ClaimRefusal::Overlap { .. } | ClaimRefusal::Own(_) | ClaimRefusal::Contested(_) => {
                    Reason::HostTaken
                }
                ClaimRefusal::Quarantined(..) => Reason::HostInQuarantine,
                ClaimRefusal::Unclaimed(_) => Reason::NotFound,
                ClaimRefusal::TooMany | ClaimRefusal::Full => Reason::ClaimsFull,
                _ => Reason::WrongState,
            },
        };
        Self::new(reason).detail(refusal)
    }
}
