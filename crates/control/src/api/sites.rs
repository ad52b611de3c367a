//! Customers and their sites.

use super::Api;
use crate::rim::body::{self, Json};
use crate::rim::extract::Query;
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::principal::Principal;
use crate::rim::version::etag;
use crate::rim::{Problem, Reason};
use crate::sites::{self, Application, Basis, Step};
use crate::sites_toml;
use axum::Extension;
use axum::extract::{FromRequest, Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use vocabulary::{AccountId, DecisionId, Timestamp};

/// All customers and their sites.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct FleetView {
    /// The revision they stand at.
    revision: u64,
    /// The customers.
    accounts: Vec<AccountView>,
}

/// A customer.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct AccountView {
    /// Its id.
    #[schema(value_type = String)]
    id: AccountId,
    /// Its name.
    name: String,
    /// Its sites, as edges get them.
    #[schema(value_type = Vec<Object>)]
    sites: Vec<snapshot::Site>,
}

/// Options of an apply.
#[derive(Debug, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(crate) struct ApplyQuery {
    /// Only say what would change.
    dry_run: bool,
    /// Remove what the file does not name.
    prune: bool,
    /// The folder that relative paths of certificates start from.
    base: Option<String>,
    /// The customer's request in its own words, where a service is lowered. It is logged.
    customer_request: Option<String>,
    /// A decision that lowers a service; none can yet.
    #[param(value_type = Option<String>)]
    decision: Option<DecisionId>,
}

/// The same as a JSON body, with the file's text.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplyBody {
    /// The sites file.
    sites: String,
    /// Only say what would change.
    #[serde(default)]
    dry_run: bool,
    /// Remove what the file does not name.
    #[serde(default)]
    prune: bool,
    /// The folder that relative paths of certificates start from.
    base: Option<String>,
    /// The customer's request in its own words.
    customer_request: Option<String>,
    /// A decision that lowers a service; none can yet.
    #[schema(value_type = Option<String>)]
    decision: Option<DecisionId>,
}

/// What an apply did, or would do.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Applied {
    /// The revision that holds it; edges name it in their receipts.
    revision: u64,
    /// Whether nothing was changed because that was asked for.
    dry_run: bool,
    /// What changed, one line for each site touched.
    steps: Vec<Step>,
}

impl Applied {
    pub(super) fn of(applied: sites::Applied, dry_run: bool) -> Self {
        Self { revision: applied.revision, dry_run, steps: applied.steps }
    }
}

/// One line of the history.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct RevisionView {
    /// The revision.
    revision: u64,
    /// When.
    #[schema(value_type = String)]
    at: Timestamp,
    /// Who, and why.
    actor: String,
    /// How many accounts and sites it touched.
    touched: u64,
}

/// Lists all customers and sites.
#[utoipa::path(get, path = "/api/v1/sites", tag = "sites", responses((status = 200, body = FleetView)))]
pub(crate) async fn list(State(api): State<Api>) -> Result<Response, Problem> {
    let fleet = api.plane.fleet().await?;
    let revision = fleet.revision;
    let of = |id| fleet.sites.iter().filter(move |site| site.account == id).cloned().collect();
    let accounts = fleet.accounts.iter();
    let accounts = accounts.map(|account| AccountView {
        id: account.id,
        name: account.name.clone(),
        sites: of(account.id),
    });
    let view = FleetView { revision, accounts: accounts.collect() };
    Ok(([(header::ETAG, etag(revision))], axum::Json(view)).into_response())
}

/// Applies a sites file: the text itself with options in the query, or all of it as JSON.
#[utoipa::path(post, path = "/api/v1/apply", tag = "sites", params(ApplyQuery),
    request_body(content((String = "application/toml"), (ApplyBody = "application/json"))),
    responses((status = 200, body = Applied), (status = 409, description = "A service would be lowered, or a host is taken"),
        (status = 422, description = "The file has mistakes, each with its line")))]
pub(crate) async fn apply(
    State(api): State<Api>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<ApplyQuery>,
    request: Request,
) -> Result<axum::Json<Applied>, Problem> {
    let asked = read(query, request).await?;
    let base = PathBuf::from(asked.base.unwrap_or_else(|| "/".to_owned()));
    if !base.is_absolute() {
        return Err(Problem::new(Reason::Malformed).detail("base is an absolute path"));
    }
    let basis = match (asked.customer_request, asked.decision) {
        (Some(_), Some(_)) => {
            let why = "give customer_request or decision, not both";
            return Err(Problem::new(Reason::Malformed).detail(why));
        }
        (Some(words), None) => Some(Basis::CustomerRequest(words.parse().map_err(|error| {
            Problem::new(Reason::Malformed).detail(format!("customer_request: {error}"))
        })?)),
        (None, decision) => decision.map(Basis::Decision),
    };
    let dry_run = asked.dry_run;
    let application = Application {
        text: asked.sites,
        base,
        prune: asked.prune,
        dry_run,
        basis,
        actor: principal.actor().to_owned(),
    };
    Ok(axum::Json(Applied::of(sites::apply(&api.plane, application).await?, dry_run)))
}

async fn read(query: ApplyQuery, request: Request) -> Result<ApplyBody, Problem> {
    if body::media_type(request.headers()) == "application/json" {
        return Json::from_request(request, &()).await.map(|Json(body)| body);
    }
    let bytes = body::whole(request.into_body(), sites_toml::BYTES_MAX).await?;
    let text = String::from_utf8(bytes.to_vec());
    let ApplyQuery { dry_run, prune, base, customer_request, decision } = query;
    let sites =
        text.map_err(|_| Problem::new(Reason::Malformed).detail("the sites file is not UTF-8 text"))?;
    Ok(ApplyBody { sites, dry_run, prune, base, customer_request, decision })
}

/// Gives all customers and sites as a sites file.
#[utoipa::path(get, path = "/api/v1/export", tag = "sites",
    responses((status = 200, body = String, content_type = "application/toml")))]
pub(crate) async fn export(State(api): State<Api>) -> Result<Response, Problem> {
    let fleet = api.plane.records.fleet().await?;
    let fields = [(header::CONTENT_TYPE, "application/toml; charset=utf-8")];
    Ok((fields, sites::export(&fleet)).into_response())
}

/// Lists the revisions, newest first.
#[utoipa::path(get, path = "/api/v1/revisions", tag = "sites", params(PageQuery),
    responses((status = 200, body = PageOf<RevisionView>)))]
pub(crate) async fn revisions(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<PageOf<RevisionView>>, Problem> {
    let listing = api.plane.records.revisions(query.page()?).await?;
    Ok(axum::Json(PageOf::of(listing, |line| RevisionView {
        revision: line.revision,
        at: line.note.at,
        actor: line.note.actor,
        touched: line.touched,
    })))
}
