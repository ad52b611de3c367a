//! Certificates of the sites: where each name's comes from and when it ends; uploads.

use super::Api;
use crate::rim::body::Json;
use crate::rim::extract::{Path, Query};
use crate::rim::page::{PageOf, PageQuery};
use crate::rim::{Problem, Reason};
use axum::extract::State;
use certificates::acme::Outlook;
use certificates::{CertificateError, CertificateStore, KeyedChain, NameStanding, Provenance};
use records::bounds::PAGE_MAX;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{SiteId, SitePattern, Timestamp};
use zeroize::Zeroizing;

/// Names that the status shows.
const NOTABLE_MAX: usize = 20;
/// A certificate that ends this soon is shown there.
const ENDS_SOON: Duration = Duration::from_secs(14 * 86_400);

/// A host name and its certificate.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CertificateView {
    /// The name, or the wildcard.
    #[schema(value_type = String)]
    host: SitePattern,
    /// The site it belongs to.
    #[schema(value_type = String)]
    site: SiteId,
    /// `files`, `uploaded`, `issued` (by an authority, over ACME), `local` (by the local authority, when it is first
    /// asked for) or `missing`.
    from: &'static str,
    /// When it ends; absent where it is local or missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    not_after: Option<Timestamp>,
    /// Where one is being ordered, will be within a day, or could not be had.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<OrderView>,
}

/// How the order of a certificate stands.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct OrderView {
    /// Whether it is under way now.
    running: bool,
    /// When it is expected to begin, the authorities' limits and the names before it considered; absent where too many
    /// are before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    expected: Option<Timestamp>,
    /// How many orders in a row have failed.
    failures: u32,
    /// Why the last one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
}

/// What somebody may have to look at.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct CertificatesView {
    /// How many names there are.
    names: usize,
    /// How many of them have no certificate.
    missing: usize,
    /// Names without a certificate, whose certificate ends within two weeks, or whose order is under way, waits or has
    /// failed: the first 20.
    notable: Vec<CertificateView>,
}

/// A chain and its key.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UploadBody {
    /// PEM: the site's own certificate first, then each issuer.
    chain: String,
    /// PEM: the private key, not encrypted. It is kept sealed and never shown again.
    #[schema(value_type = String)]
    #[serde(deserialize_with = "wiped")]
    key: Zeroizing<String>,
}

fn wiped<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Zeroizing<String>, D::Error> {
    String::deserialize(from).map(Zeroizing::new)
}

impl fmt::Debug for UploadBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UploadBody")
    }
}

/// What was taken.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct Uploaded {
    /// When the chain ends: the earliest of its certificates.
    #[schema(value_type = String)]
    not_after: Timestamp,
}

/// Lists the host names of all sites with their certificates, in the order of the names; `after` is a name.
#[utoipa::path(get, path = "/api/v1/certificates", tag = "certificates", params(PageQuery),
    responses((status = 200, body = PageOf<CertificateView>),
        (status = 503, description = "No edge runs here")))]
pub(crate) async fn list(
    State(api): State<Api>,
    Query(query): Query<PageQuery>,
) -> Result<axum::Json<PageOf<CertificateView>>, Problem> {
    let limit = query.limit.unwrap_or(50);
    if limit == 0 || limit > PAGE_MAX {
        return Err(Problem::new(Reason::Malformed).detail(format!("limit is 1 to {PAGE_MAX}")));
    }
    let after = query.after.map(|after| after.parse::<SitePattern>()).transpose();
    let after = after.map_err(|error| Problem::new(Reason::Malformed).detail(format!("after: {error}")))?;
    let (store, now) = (store(&api)?, api.plane.clock.now());
    let outlook = store.outlook();
    let mut all = on_a_thread(move || store.standings(now)).await?;
    all.retain(|one| after.as_ref().is_none_or(|after| one.host > *after));
    all.sort_unstable_by(|one, other| one.host.cmp(&other.host));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = all.len() > limit;
    all.truncate(limit);
    let next = all.last().filter(|_| more).map(|last| last.host.to_string());
    Ok(axum::Json(PageOf { items: all.into_iter().map(|one| view(one, &outlook)).collect(), next }))
}

/// What the status tells of certificates; nothing where no edge runs here.
pub(crate) async fn notable(api: &Api) -> Result<Option<CertificatesView>, Problem> {
    let (Some(store), now) = (api.plane.certificates.clone(), api.plane.clock.now()) else { return Ok(None) };
    let outlook = store.outlook();
    let all = on_a_thread(move || store.standings(now)).await?;
    let (names, is_missing) = (all.len(), |one: &NameStanding| one.from == Provenance::Missing);
    let missing = all.iter().filter(|one| is_missing(one)).count();
    let views = all.into_iter().map(|one| view(one, &outlook));
    let notable = views.filter(|one| {
        let ends_soon = one.not_after.is_some_and(|end| end.since(now) < ENDS_SOON);
        ends_soon || one.order.is_some() || (one.not_after.is_none() && one.from != "local")
    });
    Ok(Some(CertificatesView { names, missing, notable: notable.take(NOTABLE_MAX).collect() }))
}

/// Takes a chain and its key for a site, in place of an earlier upload, and shows it to visitors at once.
///
/// Refused with the reason where the chain is out of order or no longer valid, the key is not its key, or a host of the
/// site is not covered.
#[utoipa::path(put, path = "/api/v1/sites/{site}/certificate", tag = "certificates",
    params(("site" = String, Path, description = "The site's id")), request_body = UploadBody,
    responses((status = 200, body = Uploaded), (status = 404, description = "No such site"),
        (status = 409, description = "The site names files of its own"),
        (status = 422, description = "The certificate cannot be used for the site")))]
pub(crate) async fn upload(
    State(api): State<Api>,
    Path(site): Path<SiteId>,
    Json(body): Json<UploadBody>,
) -> Result<axum::Json<Uploaded>, Problem> {
    let fleet = api.plane.fleet().await?;
    let found = fleet.sites.iter().find(|known| known.id == site);
    let found = found.ok_or_else(|| Problem::new(Reason::NotFound).detail("no such site"))?;
    if found.certificate.is_some() {
        let why = "the site names certificate files in sites.toml; take them out there first";
        return Err(Problem::new(Reason::WrongState).detail(why));
    }
    let (store, now, hosts) = (store(&api)?, api.plane.clock.now(), found.hosts.clone());
    let taken = on_a_thread(move || {
        let chain = KeyedChain::from_pem(body.chain.as_bytes(), body.key.as_bytes())?;
        store.upload(site, &hosts, &chain, now)
    });
    let not_after = taken.await?.map_err(|error| match error {
        CertificateError::Keep(error) => Problem::new(Reason::DiskFull).detail(error),
        error => Problem::new(Reason::CertificateUnfit).detail(error),
    })?;
    Ok(axum::Json(Uploaded { not_after }))
}

fn store(api: &Api) -> Result<Arc<CertificateStore>, Problem> {
    api.plane.certificates.clone().ok_or_else(|| Problem::new(Reason::EdgeAway))
}

/// The store waits for its disk.
async fn on_a_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::new(Reason::Broken))
}

fn view(standing: NameStanding, outlook: &[Outlook]) -> CertificateView {
    let order = outlook.iter().find(|line| line.name == standing.host).map(|line| OrderView {
        running: line.running,
        expected: line.expected,
        failures: line.failures,
        trouble: line.trouble.clone(),
    });
    let from = match standing.from {
        Provenance::Files => "files",
        Provenance::Uploaded => "uploaded",
        Provenance::Issued => "issued",
        Provenance::Local => "local",
        Provenance::Missing => "missing",
    };
    CertificateView { host: standing.host, site: standing.site, from, not_after: standing.not_after, order }
}
