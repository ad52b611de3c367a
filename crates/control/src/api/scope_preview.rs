//! The scope of a measure: the sites that are meant, and what a decision on them would hit.

use super::Api;
use super::refusals::case;
use crate::rim::body::Json;
use crate::rim::extract::Path;
use crate::rim::{Problem, Reason};
use axum::extract::State;
use casework::{Preview, ServedSite, Text, WholeProgram};
use policy::{Feature, ListedUrl, SITES_MAX, ScopeSite, Territory};
use records::Fleet;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use vocabulary::{CaseId, SiteId, SitePattern};

/// A site in scope.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct InScope {
    /// The site, by id or by one of its hosts.
    site: String,
    /// The host patterns to cover; all of the site's when left out.
    #[schema(value_type = Option<Vec<String>>)]
    hosts: Option<Vec<SitePattern>>,
    /// For M3: the addresses to disable, as paths below these hosts, with or without a query.
    #[serde(default)]
    urls: Vec<String>,
    /// For M2: the features to withdraw: `error-pages`.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    features: BTreeSet<Feature>,
    /// Why this site is in scope.
    #[schema(value_type = String)]
    reason: Text,
}

impl InScope {
    /// Everything in it that becomes public as it is.
    pub(super) fn words(&self) -> impl Iterator<Item = &str> {
        self.urls.iter().map(String::as_str).chain([self.reason.as_str()])
    }
}

/// A scope to look at before anything is proposed.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPreview {
    /// The sites in scope, as in a proposal.
    sites: Vec<InScope>,
    /// Where the measure would act; everywhere when left out.
    #[serde(default)]
    #[schema(value_type = Vec<String>)]
    territories: BTreeSet<Territory>,
}

/// Says what a scope would hit, and who stands near it: below one of its wildcards, at the same server, of the same
/// customer. Nothing is proposed.
#[utoipa::path(post, path = "/api/v1/cases/{case}/scope-preview", tag = "decisions", params(("case" = String, Path)),
    request_body = NewPreview,
    responses((status = 200, description = "`hits`, with the hosts that would stay `open` and the exceptions the \
        proposal will carry under `except`; `neighbours` with what each `shares`: `wildcard`, `origin`, `customer`",
        body = Object),
        (status = 422, description = "A site in scope is unknown; `reason` says so")))]
pub(crate) async fn preview(
    State(api): State<Api>,
    Path(id): Path<CaseId>,
    Json(asked): Json<NewPreview>,
) -> Result<axum::Json<Preview>, Problem> {
    case(&api.plane, id).await?;
    let fleet = api.plane.fleet().await?;
    let sites = listed(&fleet, asked.sites)?;
    let whole = sites.iter().flat_map(|entry| {
        let programs = entry.urls.iter().filter(|url| url.is_whole_program());
        programs.map(|url| WholeProgram { site: entry.site, url: url.clone() })
    });
    let whole = whole.collect();
    let scope = sites.into_iter().map(|entry| (entry.site, entry.hosts)).collect();
    Ok(axum::Json(Preview { whole, ..casework::preview(&scope, asked.territories, &served(&fleet)) }))
}

/// The sites that are meant, looked up among those that are served. What belongs to sites not in scope is excepted,
/// where it lies below a wildcard of one that is.
pub(super) fn listed(fleet: &Fleet, asked: Vec<InScope>) -> Result<Vec<ScopeSite>, Problem> {
    // Looked up among all sites, and all of them held against it: bounded before that work is done.
    if asked.len() > SITES_MAX {
        let why = format!("a scope has at most {SITES_MAX} sites; {} are asked for", asked.len());
        return Err(Problem::refused("scope-malformed", why));
    }
    let known = Known::of(fleet);
    let mut sites = asked.into_iter().map(|entry| one(&known, entry)).collect::<Result<Vec<_>, _>>()?;
    let scope: BTreeMap<SiteId, Vec<SitePattern>> =
        sites.iter().map(|entry| (entry.site, entry.hosts.clone())).collect();
    let hits = casework::preview(&scope, BTreeSet::new(), &served(fleet)).hits;
    let mut except: BTreeMap<SiteId, BTreeSet<SitePattern>> =
        hits.into_iter().map(|hit| (hit.site, hit.except)).collect();
    for entry in &mut sites {
        entry.except = except.remove(&entry.site).unwrap_or_default();
    }
    Ok(sites)
}

/// The sites that are served, by their ids and by their hosts.
struct Known<'a> {
    by_id: BTreeMap<SiteId, &'a snapshot::Site>,
    by_host: BTreeMap<&'a SitePattern, &'a snapshot::Site>,
}

impl<'a> Known<'a> {
    fn of(fleet: &'a Fleet) -> Self {
        let by_id = fleet.sites.iter().map(|site| (site.id, site)).collect();
        let hosts = |site: &'a snapshot::Site| site.hosts.iter().map(move |host| (host, site));
        Self { by_id, by_host: fleet.sites.iter().flat_map(hosts).collect() }
    }

    /// The site of an id or of one of its hosts.
    fn named(&self, text: &str) -> Option<&'a snapshot::Site> {
        let by_id = text.parse::<SiteId>().ok().and_then(|id| self.by_id.get(&id));
        let by_host = || text.parse::<SitePattern>().ok().and_then(|host| self.by_host.get(&host));
        by_id.or_else(by_host).copied()
    }
}

fn one(known: &Known<'_>, entry: InScope) -> Result<ScopeSite, Problem> {
    let unknown = |what: String| Problem::new(Reason::ScopeUnknown).detail(what);
    let site = known.named(&entry.site).ok_or_else(|| unknown(entry.site.clone()))?;
    let hosts = entry.hosts.unwrap_or_else(|| site.hosts.clone());
    if let Some(other) = hosts.iter().find(|host| !site.hosts.contains(host)) {
        return Err(unknown(format!("{other} is no host of {}", site.id)));
    }
    let url = |text: &String| {
        text.parse::<ListedUrl>()
            .map_err(|error| Problem::refused("scope-malformed", format!("{text}: {error}")))
    };
    Ok(ScopeSite {
        site: site.id,
        account: site.account,
        hosts,
        except: BTreeSet::new(),
        urls: entry.urls.iter().map(url).collect::<Result<_, _>>()?,
        features: entry.features,
        reason: entry.reason.to_string(),
    })
}

/// The sites as the preview sees them.
pub(crate) fn served(fleet: &Fleet) -> Vec<ServedSite> {
    let served = |site: &snapshot::Site| ServedSite {
        site: site.id,
        account: site.account,
        hosts: site.hosts.clone(),
        origins: site.origins.iter().map(|origin| format!("{}:{}", origin.host, origin.port)).collect(),
    };
    fleet.sites.iter().map(served).collect()
}
