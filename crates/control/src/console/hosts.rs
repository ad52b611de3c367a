//! Host names that customers add: the page, and its forms.

use super::{FORM_BYTES_MAX, form, page};
use crate::api::{Api, hosts as api, site_defence::basis};
use crate::pages::console::Notice;
use crate::pages::hosts::{HostRow, HostsPage, ProofRow, SiteChoice};
use crate::plane::Plane;
use crate::rim::principal::{Caller, Principal, check_csrf};
use crate::rim::{Problem, body};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use ownership::{ClaimState, Found, Method};
use records::Fleet;
use serde::Deserialize;
use vocabulary::{AccountId, SiteId};

/// Most claims, and most sites to choose from, on the page.
const SHOWN_MAX: usize = 200;

/// The fields of all three forms.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct HostForm {
    csrf: String,
    host: String,
    site: String,
    account: String,
    customer_request: String,
}

/// `GET /hosts`.
pub(super) async fn show(State(api): State<Api>, fields: HeaderMap) -> Result<Response, Problem> {
    let Some(principal) = api.door.identify(&fields).await? else { return Ok(locked()) };
    Ok(page(StatusCode::OK, compose(&api.plane, &principal, None, String::new()).await?.page()))
}

/// `POST /hosts`: adds a name.
pub(super) async fn add(State(api): State<Api>, fields: HeaderMap, body: Body) -> Result<Response, Problem> {
    let Some(principal) = api.door.identify(&fields).await? else { return Ok(locked()) };
    let sent = sent(&principal, body).await?;
    let added = match sent.site.parse::<SiteId>() {
        Ok(site) => {
            let caller = Caller::Operator(principal.clone());
            api::place(&api.plane, (&caller, None), &sent.host, site).await
        }
        Err(error) => Err(Problem::new(crate::rim::Reason::Malformed).detail(error)),
    };
    match added {
        Ok(_) => Ok(Redirect::to("/hosts").into_response()),
        Err(problem) => {
            let status = problem.status();
            let shown = compose(&api.plane, &principal, Some(problem.words()), sent.host).await?;
            Ok(page(status, shown.page()))
        }
    }
}

/// `POST /hosts/look`: has a proof looked for at once.
pub(super) async fn look(State(api): State<Api>, fields: HeaderMap, body: Body) -> Result<Response, Problem> {
    let Some(principal) = api.door.identify(&fields).await? else { return Ok(locked()) };
    let claim = meant(&api.plane, &principal, &sent(&principal, body).await?)?;
    match api.plane.look_at_host(claim.pattern(), claim.account()).await {
        // Somebody looked just now: the page says what was found.
        Ok(_) | Err(crate::host_names::HostRefusal::TooSoon(_)) => Ok(Redirect::to("/hosts").into_response()),
        Err(refusal) => Err(refusal.into()),
    }
}

/// `POST /hosts/release`: lets a name go.
pub(super) async fn release(
    State(api): State<Api>,
    fields: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let Some(principal) = api.door.identify(&fields).await? else { return Ok(locked()) };
    let sent = sent(&principal, body).await?;
    let claim = meant(&api.plane, &principal, &sent)?;
    let basis = basis(Some(sent.customer_request))?;
    api::let_go(&api.plane, (&Caller::Operator(principal), basis.as_ref()), &claim).await?;
    Ok(Redirect::to("/hosts").into_response())
}

fn locked() -> Response {
    page(StatusCode::UNAUTHORIZED, Notice::sign_in().page())
}

async fn sent(principal: &Principal, body: Body) -> Result<HostForm, Problem> {
    let sent: HostForm = form(&body::whole(body, FORM_BYTES_MAX).await?).unwrap_or_default();
    check_csrf(principal, &sent.csrf)?;
    Ok(sent)
}

fn meant(plane: &Plane, principal: &Principal, sent: &HostForm) -> Result<ownership::Claim, Problem> {
    let account = sent.account.parse::<AccountId>().ok();
    api::found(plane, &Caller::Operator(principal.clone()), &sent.host, account)
}

async fn compose(
    plane: &Plane,
    principal: &Principal,
    error: Option<String>,
    wanted: String,
) -> Result<HostsPage, Problem> {
    let fleet = plane.fleet().await?;
    let (claims, total) = plane.host_names.list(None, SHOWN_MAX);
    let choice = |site: &snapshot::Site| {
        let host = site.hosts.first().map(ToString::to_string).unwrap_or_default();
        SiteChoice {
            id: site.id.to_string(),
            label: format!("{}: {host}", account_name(&fleet, site.account)),
        }
    };
    Ok(HostsPage {
        csrf: principal.csrf().unwrap_or_default().to_owned(),
        now: plane.clock.now(),
        public_url: plane.public_url.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        error,
        wanted,
        sites: fleet.sites.iter().take(SHOWN_MAX).map(choice).collect(),
        hosts: claims.iter().map(|claim| row(plane, &fleet, claim)).collect(),
        total,
    })
}

fn row(plane: &Plane, fleet: &Fleet, claim: &ownership::Claim) -> HostRow {
    let view = api::view(plane, claim);
    let in_doubt = matches!(
        claim.state(),
        ClaimState::Contested { .. } | ClaimState::Served { failing_since: Some(_), .. }
    );
    let proof = |proof: &api::ProofView| ProofRow {
        kind: match proof.by {
            Method::Txt => "A TXT record",
            Method::Delegation => "A CNAME record",
            Method::Http | Method::Reserved => "A file",
        },
        place: proof.place.clone(),
        value: proof.value.clone(),
    };
    let found = |found: Found| match found {
        Found::Proof => "the proof is there",
        Found::Nothing => "no proof is there",
        Found::Unclear => "the resolvers did not agree, or could not tell",
    };
    HostRow {
        host: view.host.to_string(),
        account: view.account.to_string(),
        account_name: account_name(fleet, view.account),
        site: view.site.to_string(),
        state: view.state,
        text: view.text.clone(),
        in_doubt,
        proofs: view.proofs.iter().map(proof).collect(),
        last_look: view.last_look.as_ref().map(|look| (look.at, found(look.found))),
        next_look: view.next_look,
    }
}

fn account_name(fleet: &Fleet, id: AccountId) -> String {
    let account = fleet.accounts.iter().find(|account| account.id == id);
    account.map_or_else(|| id.to_string(), |account| account.name.clone())
}
