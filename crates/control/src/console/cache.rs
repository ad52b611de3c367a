//! One site's cache: the page, and its form for purging.

use super::on_site::{OnSite, Sent, SentOnSite, head};
use super::page;
use crate::api::{Api, purges as api};
use crate::pages::cache::{
    CachePage, MissRow, PurgeFormView, PurgePreview, PurgeRow, PurgeTargetView, ReasonRow, Totals,
};
use crate::plane::Plane;
use crate::purges::{self, OrderRefusal, Subject, Whose, Wish};
use crate::rim::Problem;
use crate::rim::principal::Principal;
use crate::telemetry::SiteFigures;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use caching::Rules;
use records::{KeptPurge, Page, StoreError};
use serde::Deserialize;
use snapshot::{CacheMode, Service, Site};
use std::cmp::Reverse;

/// Most purges, reasons on the page.
const PURGES_SHOWN: u32 = 20;
const REASONS_SHOWN: usize = 8;

/// Where the form's answer leads back to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CacheQuery {
    /// The purge just asked for.
    purge: Option<u64>,
}

/// The form's fields.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct PurgeForm {
    csrf: String,
    kind: String,
    target: String,
    /// Any value: the box is ticked.
    soft: Option<String>,
    /// Any value: what would be purged was looked at.
    go: Option<String>,
}

impl Sent for PurgeForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `GET /sites/{site}/cache`; the site by its id or one of its hosts.
pub(super) async fn show(
    State(api): State<Api>,
    OnSite { principal, site }: OnSite,
    Query(query): Query<CacheQuery>,
) -> Result<Response, Problem> {
    let mut shown = compose(&api.plane, &principal, &site, PurgeFormView::default()).await?;
    shown.outcome = query.purge.map(|revision| outcome(&api.plane, revision));
    Ok(page(StatusCode::OK, shown.page()))
}

/// `POST /sites/{site}/purges`: shows what would be purged, and the second time purges it.
pub(super) async fn purge(
    State(api): State<Api>,
    SentOnSite { principal, site, sent }: SentOnSite<PurgeForm>,
) -> Result<Response, Problem> {
    let mut view = PurgeFormView {
        kind: sent.kind.clone(),
        target: sent.target.clone(),
        soft: sent.soft.is_some(),
        error: None,
    };
    let wish = wish(&sent, &site);
    match purges::orders(&wish, std::slice::from_ref(&site)) {
        Ok(_) if sent.go.is_some() => {
            let (_, purged) = api::place(&api, &principal, &wish).await?;
            let address = format!("/sites/{}/cache?purge={}#purges", site.id, purged.revision);
            Ok(Redirect::to(&address).into_response())
        }
        Ok(orders) => {
            let targets = orders.iter().map(|order| target_view(&order.target)).collect();
            Ok(page(StatusCode::OK, preview(&api.plane, &principal, &site, view, targets).page()))
        }
        Err(refusal) => {
            view.error = Some(in_the_form(&refusal));
            let shown = compose(&api.plane, &principal, &site, view).await?;
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, shown.page()))
        }
    }
}

fn wish(sent: &PurgeForm, site: &Site) -> Wish {
    let text = sent.target.trim().to_owned();
    let subject = match sent.kind.as_str() {
        "tag" => Subject::Tag(text),
        "prefix" => Subject::Prefix(text),
        "host" => Subject::Host(text),
        "everything" => Subject::Everything,
        // A path alone is an address on the site's first host.
        _ if text.starts_with('/') && !text.starts_with("//") => {
            Subject::Url(format!("https://{}{text}", first_host(site)))
        }
        _ => Subject::Url(text),
    };
    Wish { subject, whose: Whose::Named(vec![site.id.to_string()]), soft: sent.soft.is_some() }
}

fn first_host(site: &Site) -> String {
    site.hosts.first().map(|host| host.base().to_string()).unwrap_or_default()
}

/// A refusal in words that fit the page: the site is known there.
fn in_the_form(refusal: &OrderRefusal) -> String {
    let text = refusal.to_string();
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().collect::<String>() + letters.as_str() + ".")
        .unwrap_or_default()
}

fn preview(
    plane: &Plane,
    principal: &Principal,
    site: &Site,
    form: PurgeFormView,
    targets: Vec<PurgeTargetView>,
) -> PurgePreview {
    PurgePreview {
        csrf: principal.csrf().unwrap_or_default().to_owned(),
        public_url: plane.public_url.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        site: head(site),
        form,
        targets,
        edges: plane.publisher.receipts().len(),
    }
}

fn target_view(target: &caching::PurgeTarget) -> PurgeTargetView {
    let (kind, text) = purges::shown(target);
    PurgeTargetView { kind, text }
}

async fn compose(
    plane: &Plane,
    principal: &Principal,
    site: &Site,
    form: PurgeFormView,
) -> Result<CachePage, StoreError> {
    let kept = plane.records.list_purges(Some(site.id), Page::first(PURGES_SHOWN)).await?;
    let counted = plane.live.site_counters(site.id);
    Ok(CachePage {
        csrf: principal.csrf().unwrap_or_default().to_owned(),
        now: plane.clock.now(),
        public_url: plane.public_url.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        site: head(site),
        rules: rules(site),
        figures: plane.live.site_history(site.id).pop(),
        totals: counted.as_ref().map(totals),
        reasons: counted.as_ref().map(reasons).unwrap_or_default(),
        misses: counted.map(misses).unwrap_or_default(),
        form,
        outcome: None,
        purges: kept.items.into_iter().map(|kept| row(plane, kept)).collect(),
    })
}

fn totals(figures: &SiteFigures) -> Totals {
    Totals {
        held: figures.hits.saturating_add(figures.stale),
        stale: figures.stale,
        missed: figures.misses,
        bytes: [figures.memory_bytes, figures.disk_bytes, figures.origin_bytes],
    }
}

fn reasons(figures: &SiteFigures) -> Vec<ReasonRow> {
    let mut reasons = figures.reasons.clone();
    reasons.sort_by_key(|(_, count)| Reverse(*count));
    let all = reasons.iter().map(|(_, count)| count).sum::<u64>().max(1) as f64;
    let row = |(reason, count): (caching::Reason, u64)| ReasonRow {
        text: reason.text(),
        name: reason.name(),
        count,
        share: count as f64 / all,
    };
    reasons.into_iter().take(REASONS_SHOWN).map(row).collect()
}

fn misses(figures: SiteFigures) -> Vec<MissRow> {
    let row =
        |miss: crate::TopMiss| MissRow { target: miss.target, text: miss.reason.text(), count: miss.count };
    figures.top_misses.into_iter().map(row).collect()
}

fn row(plane: &Plane, kept: KeptPurge) -> PurgeRow {
    let spreading = plane.purging.spreading(kept.purge.revision);
    PurgeRow {
        revision: kept.purge.revision,
        at: kept.note.at,
        actor: kept.note.actor,
        target: target_view(&kept.purge.target),
        soft: kept.purge.soft,
        held: spreading.held.into_iter().map(|held| (held.edge, held.at)).collect(),
        missing: spreading.missing,
    }
}

fn outcome(plane: &Plane, revision: u64) -> String {
    let spreading = plane.purging.spreading(revision);
    if spreading.is_complete() {
        return format!("Purge {revision} is done: every edge that reports holds it.");
    }
    match spreading.missing.as_slice() {
        [] => format!(
            "Purge {revision} is kept. No edge reports at the moment; each takes it when it comes back."
        ),
        missing => format!(
            "Purge {revision} is kept. Not yet held by {}; each takes it as soon as it can.",
            missing.join(", ")
        ),
    }
}

/// A lifetime in the largest unit that says it exactly.
fn lifetime(seconds: u32) -> String {
    let units = [(86_400, "days"), (3_600, "hours"), (60, "minutes")];
    let exact = units.into_iter().find(|(length, _)| seconds.is_multiple_of(*length));
    match exact.map(|(length, unit)| (seconds / length, unit)) {
        Some((1, unit)) => format!("1 {}", unit.trim_end_matches('s')),
        Some((count, unit)) => format!("{count} {unit}"),
        None => format!("{seconds} seconds"),
    }
}

/// What decides what is stored, in sentences.
fn rules(site: &Site) -> Vec<String> {
    if !site.services.contains(&Service::Cache) {
        return vec!["This site does not use the cache.".to_owned()];
    }
    let mode = match site.cache {
        CacheMode::Guarded => "Mode guarded: what the origin allows, but nothing that sets a cookie.",
        CacheMode::Origin => "Mode origin: what the origin allows.",
    };
    let Rules { ttl, bypass_cookies, languages, query, agree_content_type } = &site.cache_rules;
    let mut said = vec![mode.to_owned()];
    for rule in ttl {
        let status = match rule.status {
            Some(range) if range.from == range.to => format!(", status {}", range.from),
            Some(range) => format!(", status {} to {}", range.from, range.to),
            None => String::new(),
        };
        said.push(match rule.ttl_seconds {
            0 => format!("{}{status}: the origin is asked each time.", rule.path),
            seconds => {
                format!("{}{status}: kept for {}.", rule.path, lifetime(seconds))
            }
        });
    }
    if !bypass_cookies.is_empty() {
        said.push(format!("Past the cache go requests with the cookies {}.", bypass_cookies.join(", ")));
    }
    if let Some(usual) = languages.first() {
        said.push(format!("Each visitor gets one of {}; {usual} where none suits.", languages.join(", ")));
    }
    if !query.ignore.is_empty() {
        said.push(format!("Left out of queries: {}.", query.ignore.join(", ")));
    }
    if query.sort {
        said.push("Queries are put in order.".to_owned());
    }
    match agree_content_type {
        Some(true) => said.push("Files are stored only if their content type fits their ending.".to_owned()),
        Some(false) => said.push("Files are stored whatever their content type.".to_owned()),
        None => {}
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_said_exactly() {
        for (seconds, said) in [
            (86_400, "1 day"),
            (172_800, "2 days"),
            (5_400, "90 minutes"),
            (3_600, "1 hour"),
            (61, "61 seconds"),
        ] {
            assert_eq!(lifetime(seconds), said);
        }
    }
}
