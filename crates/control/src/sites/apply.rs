//! Applying a sites file: plan, check, record the customer's request, change.

use super::customer_request::CustomerRequest;
use super::origin_files;
use super::plan::{Plan, PlanError, Step, plan, plan_settings};
use super::ways_in::WaysInVersion;
use crate::defence;
use crate::error_pages::{PressRefusal, settle};
use crate::plane::Plane;
use crate::sealing::SealingError;
use crate::sequencer::Stopped;
use crate::sites_toml::{self, SitesError, WaysIn};
use casework::Paragraphs;
use certificates::Certificate;
use ownership::ClaimRefusal;
use records::{ApplyError, Change, Fleet, RevisionNote, StoreError};
use serde_json::json;
use snapshot::{ShieldError, ShieldSettings, Site, SiteShield};
use std::collections::BTreeSet;
use std::path::PathBuf;
use vocabulary::{AccountId, DecisionId, SiteId, Timestamp};

/// How often a plan is made anew when others apply meanwhile.
const ATTEMPTS: usize = 4;

/// What is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Application {
    /// The sites file.
    pub(crate) text: String,
    /// The folder that relative paths in it start from.
    pub(crate) base: PathBuf,
    /// Whether sites that the file does not name go.
    pub(crate) prune: bool,
    /// Only say what would change.
    pub(crate) dry_run: bool,
    /// What allows lowering a customer's service.
    pub(crate) basis: Option<Basis>,
    /// Who asks.
    pub(crate) actor: String,
}

/// What allows lowering a customer's service.
#[derive(Debug, Clone)]
pub(crate) enum Basis {
    /// The customer asked for it, in these words.
    CustomerRequest(Paragraphs),
    /// A decision. None can be a basis yet.
    Decision(DecisionId),
}

/// What came of it.
#[derive(Debug, Clone)]
pub(crate) struct Applied {
    /// The revision that holds it; of a dry run, the one it was planned on.
    pub(crate) revision: u64,
    /// What changed, or would.
    pub(crate) steps: Vec<Step>,
}

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApplyRefusal {
    #[error("{0}")]
    Text(SitesError),
    #[error("{0}")]
    Plan(PlanError),
    #[error("{0}")]
    Claimed(ClaimRefusal),
    #[error("the certificate of {host}: {why}")]
    Certificate { host: String, why: String },
    #[error("origins of {host}: {why}")]
    Origins { host: String, why: String },
    #[error("certificates of the visitors of {host}: {why}")]
    Visitors { host: String, why: String },
    #[error("there is no site {0}")]
    NoSite(SiteId),
    #[error("since the settings were shown, others have changed: {}", .0.join(", "))]
    Overtaken(Vec<&'static str>),
    #[error("{0}")]
    Defence(ShieldError),
    #[error("{0}")]
    Page(Box<PressRefusal>),
    #[error("{0}")]
    NoBasis(String, Vec<Step>),
    #[error("{0}")]
    Log(Stopped),
    #[error("{0}")]
    Sealing(SealingError),
    #[error("{0}")]
    Records(ApplyError),
    #[error("{0}")]
    Store(StoreError),
}

impl From<StoreError> for ApplyRefusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Applies a sites file, or says what that would change.
pub(crate) async fn apply(plane: &Plane, asked: Application) -> Result<Applied, ApplyRefusal> {
    let operator = defence::book(&*plane.records).await?.value.shield;
    let mut document =
        sites_toml::parse_with(&asked.text, &asked.base, &operator).map_err(ApplyRefusal::Text)?;
    settle(plane, &mut document, !asked.dry_run).await.map_err(|why| ApplyRefusal::Page(Box::new(why)))?;
    let terms = Terms { dry_run: asked.dry_run, basis: asked.basis.as_ref(), actor: &asked.actor };
    let make =
        |fleet: &Fleet| plan(fleet, &document, asked.prune, &*plane.random).map_err(ApplyRefusal::Plan);
    carry_out(plane, &terms, make).await
}

/// Replaces what `change` makes of one site's defence, or says what that would change.
pub(crate) async fn set_defence(
    plane: &Plane,
    site: SiteId,
    terms: &Terms<'_>,
    change: impl Fn(&ShieldSettings) -> ShieldSettings,
) -> Result<Applied, ApplyRefusal> {
    let operator = defence::book(&*plane.records).await?.value.shield;
    set(plane, site, terms, |site| {
        let shield = change(&site.shield);
        SiteShield::check(&shield, site.origins.len(), &operator).map_err(ApplyRefusal::Defence)?;
        Ok(Site { shield, ..site.clone() })
    })
    .await
}

/// Replaces the ways into one site, or says what that would change. `shown`: what the settings were when they were last
/// looked at; where they are others by now, nothing is replaced.
pub(crate) async fn set_ways_in(
    plane: &Plane,
    site: SiteId,
    terms: &Terms<'_>,
    (shown, wanted): (WaysInVersion, &WaysIn),
) -> Result<Applied, ApplyRefusal> {
    set(plane, site, terms, |site| {
        let overtaken = WaysInVersion::of(site).differing(shown);
        if !overtaken.is_empty() {
            return Err(ApplyRefusal::Overtaken(overtaken));
        }
        let mut changed = Site { front: wanted.front.clone(), ..site.clone() };
        changed.origin_policy.host.clone_from(&wanted.origin_host);
        Ok(changed)
    })
    .await
}

/// Replaces one site by what `change` makes of it.
async fn set(
    plane: &Plane,
    site: SiteId,
    terms: &Terms<'_>,
    change: impl Fn(&Site) -> Result<Site, ApplyRefusal>,
) -> Result<Applied, ApplyRefusal> {
    let make = |fleet: &Fleet| {
        let site = fleet.sites.iter().find(|own| own.id == site).ok_or(ApplyRefusal::NoSite(site))?;
        Ok(plan_settings(fleet, site, change(site)?))
    };
    carry_out(plane, terms, make).await
}

/// How a plan is carried out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms<'a> {
    /// Only say what would change.
    pub(crate) dry_run: bool,
    /// What allows lowering a customer's service.
    pub(crate) basis: Option<&'a Basis>,
    /// Who asks.
    pub(crate) actor: &'a str,
}

/// Carries out what is planned on the sites as they are, anew where others were faster.
async fn carry_out(
    plane: &Plane,
    terms: &Terms<'_>,
    make: impl Fn(&Fleet) -> Result<Plan, ApplyRefusal>,
) -> Result<Applied, ApplyRefusal> {
    let mut recorded = false;
    let _turn = plane.host_names.turn().await;
    for _ in 1..ATTEMPTS {
        let plan = make(&plane.records.fleet().await?)?;
        check_claims(plane, &plan)?;
        check_certificates(&plan, plane.clock.now()).await?;
        origin_files::check(&plan, &plane.clock, &plane.founded.files).await?;
        if terms.dry_run || plan.changes.is_empty() {
            return Ok(Applied { revision: plan.revision, steps: plan.steps });
        }
        check_basis(&plan, terms.basis)?;
        if let (Some(Basis::CustomerRequest(words)), false) = (terms.basis, recorded) {
            record_requests(plane, &plan, words, terms.actor).await?;
            recorded = true;
        }
        let note = RevisionNote { at: plane.clock.now(), actor: terms.actor.to_owned() };
        match plane.records.apply(&plan.changes, Some(plan.revision), &note).await {
            Ok(revision) => {
                plane.wake.notify_one();
                plane.docket.touch();
                return Ok(Applied { revision, steps: plan.steps });
            }
            Err(ApplyError::Conflict { .. }) => {}
            Err(error) => return Err(ApplyRefusal::Records(error)),
        }
    }
    let fleet = plane.records.revision().await?;
    Err(ApplyRefusal::Records(ApplyError::Conflict { expected: fleet, found: fleet }))
}

/// Refuses hosts that would take names from a customer who has proved them.
fn check_claims(plane: &Plane, plan: &Plan) -> Result<(), ApplyRefusal> {
    for change in &plan.changes {
        let Change::PutSite(site) = change else { continue };
        for host in &site.hosts {
            plane.host_names.check_operator(host, site.account).map_err(ApplyRefusal::Claimed)?;
        }
    }
    Ok(())
}

/// Reads the certificate files of every site that is new or changed.
async fn check_certificates(plan: &Plan, now: Timestamp) -> Result<(), ApplyRefusal> {
    for change in &plan.changes {
        let Change::PutSite(site) = change else { continue };
        let Some(files) = site.certificate.clone() else { continue };
        let hosts = site.hosts.clone();
        let load = tokio::task::spawn_blocking(move || {
            Certificate::load(&files.chain, &files.key, &hosts, now)
                .map(drop)
                .map_err(|error| error.to_string())
        });
        let result = load.await.map_err(|error| error.to_string()).flatten();
        if let Err(why) = result {
            let host = site.hosts.first().map(ToString::to_string).unwrap_or_default();
            return Err(ApplyRefusal::Certificate { host, why });
        }
    }
    Ok(())
}

/// Refuses to lower a customer's service on the operator's word alone, or on a decision of another kind:
/// a measure that ends by itself is no reason for what does not.
fn check_basis(plan: &Plan, basis: Option<&Basis>) -> Result<(), ApplyRefusal> {
    let lowering: Vec<Step> = plan.lowering().cloned().collect();
    if lowering.is_empty() {
        return Ok(());
    }
    let refuse = |why: &str| Err(ApplyRefusal::NoBasis(why.to_owned(), lowering.clone()));
    match basis {
        Some(Basis::CustomerRequest(_)) => Ok(()),
        None => refuse("no customer_request was given"),
        Some(Basis::Decision(id)) => refuse(&format!(
            "{id} cannot lower a service here: what a decision does is enforced by the edges, and ends by itself or, \
             for M7, which ends the service, is carried out by itself in its time. Record the customer's request \
             (customer_request)"
        )),
    }
}

/// Records what each customer has asked for whose service is lowered.
async fn record_requests(
    plane: &Plane,
    plan: &Plan,
    words: &Paragraphs,
    actor: &str,
) -> Result<(), ApplyRefusal> {
    let accounts: BTreeSet<AccountId> = plan.lowering().map(|step| step.account_id).collect();
    for account in accounts {
        let of_account = plan.lowering().filter(|step| step.account_id == account);
        let steps = of_account.map(|step| json!(step)).collect();
        CustomerRequest { account, words, actor, steps }.record(plane).await?;
    }
    Ok(())
}
