//! Everything at a glance, composed from the records.

use crate::pages::console::{DecisionRow, Overview, SiteRow, SiteStanding, Stage};
use crate::plane::Plane;
use crate::record::{log_view, standing};
use casework::{Decision, DecisionState};
use records::{DecisionFilter, Fleet, Page, StoreError, Versioned};
use snapshot::{Scheme, Service, Site};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{DecisionId, SiteId, Timestamp};

/// Most sites on the page.
const SITES_SHOWN: usize = 200;
/// How long an ended decision stays on the page.
const LATELY: Duration = Duration::from_secs(24 * 3_600);
/// Most ended decisions on the page.
const ENDED_SHOWN: u32 = 10;

pub(super) async fn compose(plane: &Plane, csrf: String) -> Result<Overview, StoreError> {
    let fleet = plane.fleet().await?;
    let open = plane.docket.open().await?;
    let now = plane.clock.now();
    let mut decisions: Vec<DecisionRow> = open.iter().map(|held| row(plane, &held.value, now)).collect();
    for held in ended(plane).await? {
        if now.since(held.value.terms.expires) < LATELY {
            decisions.push(row(plane, &held.value, now));
        }
    }
    Ok(Overview {
        csrf,
        now,
        public_url: plane.public_url.to_string(),
        trial: plane.founded.roster.profile() == policy::Profile::Trial,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        figures: plane.live.last(),
        sites: fleet.sites.iter().take(SITES_SHOWN).map(|site| site_row(&fleet, site, &open, now)).collect(),
        sites_total: u32::try_from(fleet.sites.len()).unwrap_or(u32::MAX),
        decisions,
        log: log_view(plane),
    })
}

async fn ended(plane: &Plane) -> Result<Vec<Versioned<Decision>>, StoreError> {
    let filter = DecisionFilter { states: vec!["lapsed".to_owned()], case: None };
    Ok(plane.records.list_decisions(&filter, Page::first(ENDED_SHOWN)).await?.items)
}

fn site_row(fleet: &Fleet, site: &Site, open: &[Arc<Versioned<Decision>>], now: Timestamp) -> SiteRow {
    let account = fleet.accounts.iter().find(|account| account.id == site.account);
    let origins = site.origins.iter().map(|origin| {
        let scheme = if origin.scheme == Scheme::Https { "https" } else { "http" };
        format!("{scheme}://{}:{}", origin.host, origin.port)
    });
    let service = |service: &Service| match service {
        Service::Cache => "cache".to_owned(),
        Service::Shield => "shield".to_owned(),
        Service::Errors => "errors".to_owned(),
    };
    SiteRow {
        id: site.id.to_string(),
        hosts: site.hosts.iter().map(ToString::to_string).collect(),
        account: account.map(|account| account.name.clone()).unwrap_or_default(),
        origins: origins.collect(),
        services: site.services.iter().map(service).collect(),
        standing: match blocking(site.id, open, now) {
            Some(decision) => SiteStanding::Blocked { decision: decision.to_string() },
            None => SiteStanding::Serving,
        },
    }
}

/// The decision in force that names this site.
fn blocking(site: SiteId, open: &[Arc<Versioned<Decision>>], now: Timestamp) -> Option<DecisionId> {
    let names = |decision: &Decision| decision.scope.sites().iter().any(|entry| entry.site == site);
    let in_force = |decision: &Decision| {
        matches!(decision.state, DecisionState::InForce { .. }) && now < decision.terms.expires
    };
    open.iter()
        .map(|held| &held.value)
        .find(|decision| in_force(decision) && names(decision))
        .map(|held| held.id)
}

fn row(plane: &Plane, decision: &Decision, now: Timestamp) -> DecisionRow {
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let public = standing(decision, now);
    let enforced = match &decision.state {
        DecisionState::InForce { receipts, .. } | DecisionState::Lapsed { receipts, .. } => receipts.len(),
        _ => 0,
    };
    DecisionRow {
        id: decision.id.to_string(),
        title: decision.statement.title.clone(),
        measure: decision.terms.measure,
        sites: decision.terms.scope.sites,
        statement_url: public.map(|_| decision.statement.url.clone()),
        stage: match public {
            Some(standing) => Stage::Public(standing),
            None => Stage::Signing {
                signed: count(decision.state.approvals().len()),
                needed: plane.founded.roster.thresholds().approvals,
            },
        },
        edges: (count(enforced), count(plane.publisher.receipts().len().max(enforced))),
    }
}
