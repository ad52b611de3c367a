//! One site's defence: the page, and its forms.

use super::on_site::{OnSite, Sent, SentOnSite, head};
use super::page;
use crate::api::{Api, site_defence as api};
use crate::defence::{self, CAP, DeskRefusal, EventsWanted, SwitchOrder};
use crate::pages::defence::{
    COLUMNS, Column, DefencePage, EventRow, RuleFormView, SignatureRow, SwitchView, TopList, TopRow,
};
use crate::plane::Plane;
use crate::rim::Problem;
use crate::rim::principal::Principal;
use crate::sites::{self, Terms};
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use shield::events::{ActiveSignature, EventKind, EventRecord};
use shield::rules::ChallengeKind;
use snapshot::{RuleAction, ShieldRule, Site};
use std::collections::BTreeMap;
use std::time::Duration;
use vocabulary::Timestamp;

/// What one column of the timeline spans.
const SPAN: Duration = Duration::from_secs(15);
/// Events that the timeline is made of; an edge samples an attack so that it fits.
const EVENTS_MAX: usize = 5_000;
/// Most events, values on the page.
const EVENTS_SHOWN: usize = 25;
const VALUES_SHOWN: usize = 4;

/// Where a link or a form's answer leads.
#[derive(Debug, Default, Deserialize)]
pub(super) struct DefenceQuery {
    /// The event that a rule is made from.
    event: Option<u64>,
    /// What was just done.
    done: Option<String>,
}

/// The form for a rule.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct RuleForm {
    csrf: String,
    name: String,
    when: String,
    action: String,
    request: String,
    /// Any value: what it lowers was looked at.
    go: Option<String>,
}

/// The form for the switch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SwitchForm {
    csrf: String,
    minutes: String,
    reason: String,
    off: Option<String>,
}

/// The form that undoes a signature.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct UndoForm {
    csrf: String,
    signature: String,
}

impl Sent for RuleForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Sent for SwitchForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

impl Sent for UndoForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `GET /sites/{site}/shield`; the site by its id or one of its hosts.
pub(super) async fn show(
    State(api): State<Api>,
    OnSite { principal, site }: OnSite,
    Query(query): Query<DefenceQuery>,
) -> Result<Response, Problem> {
    let mut shown = compose(&api.plane, &principal, &site, query.event).await?;
    shown.outcome = query.done.as_deref().and_then(outcome);
    Ok(page(StatusCode::OK, shown.page()))
}

/// `POST /sites/{site}/shield/rules`: checks a rule, and the second time puts it in force.
pub(super) async fn put_rule(
    State(api): State<Api>,
    SentOnSite { principal, site, sent }: SentOnSite<RuleForm>,
) -> Result<Response, Problem> {
    let dry_run = sent.go.is_none();
    let put = put_in_force(&api.plane, &principal, &site, &sent, dry_run).await;
    let mut view = RuleFormView {
        name: sent.name,
        when: sent.when,
        action: sent.action,
        request: sent.request,
        ..RuleFormView::default()
    };
    let status = match put {
        Ok(_) if !dry_run => return Ok(back(&site, "rule")),
        Ok(lowers) => {
            view.lowers = Some(lowers);
            StatusCode::OK
        }
        Err(problem) => {
            view.error = Some(problem.said());
            problem.status()
        }
    };
    let mut shown = compose(&api.plane, &principal, &site, None).await?;
    shown.form = view;
    Ok(page(status, shown.page()))
}

/// Adds the rule behind those of the site, or says what that would lower.
async fn put_in_force(
    plane: &Plane,
    principal: &Principal,
    site: &Site,
    sent: &RuleForm,
    dry_run: bool,
) -> Result<Vec<String>, Problem> {
    let basis = api::basis(Some(sent.request.clone()))?;
    let action = match sent.action.as_str() {
        "block" => RuleAction::Block,
        "log" => RuleAction::Log,
        "allow" => RuleAction::Allow,
        "skip-challenge" => RuleAction::SkipChallenge,
        _ => RuleAction::Challenge(ChallengeKind::Silent),
    };
    let rule = ShieldRule { name: sent.name.trim().to_owned(), when: sent.when.trim().to_owned(), action };
    let terms = Terms { dry_run, basis: basis.as_ref(), actor: principal.actor() };
    let applied = sites::set_defence(plane, site.id, &terms, |settings| {
        let mut settings = settings.clone();
        settings.rules.push(rule.clone());
        settings
    });
    Ok(applied.await?.steps.into_iter().flat_map(|step| step.lowers).collect())
}

/// `POST /sites/{site}/shield/switch`.
pub(super) async fn switch(
    State(api): State<Api>,
    SentOnSite { principal, site, sent }: SentOnSite<SwitchForm>,
) -> Result<Response, Problem> {
    let now = api.plane.clock.now();
    let changed = if sent.off.is_some() {
        defence::change(&api.plane, |book| book.switch_off(site.id, now)).await.map(|()| "off")
    } else {
        let minutes: u64 = sent.minutes.trim().parse().unwrap_or_default();
        let lasts = Duration::from_secs(minutes.saturating_mul(60));
        let by = principal.actor().to_owned();
        let order = SwitchOrder { site: site.id, lasts, reason: sent.reason, by };
        defence::change(&api.plane, |book| book.switch_on(order.clone(), now)).await.map(|_| "on")
    };
    match changed {
        Ok(done) => Ok(back(&site, done)),
        Err(DeskRefusal::Book(refusal)) => {
            let mut shown = compose(&api.plane, &principal, &site, None).await?;
            shown.switch.error = Some(refusal.to_string());
            Ok(page(StatusCode::UNPROCESSABLE_ENTITY, shown.page()))
        }
        Err(refusal) => Err(refusal.into()),
    }
}

/// `POST /sites/{site}/shield/undo`.
pub(super) async fn undo(
    State(api): State<Api>,
    SentOnSite { site, sent, .. }: SentOnSite<UndoForm>,
) -> Result<Response, Problem> {
    let undone = api.plane.telemetry.defence().is_some_and(|edge| edge.undo(site.id, &sent.signature));
    Ok(back(&site, if undone { "undone" } else { "over" }))
}

fn back(site: &Site, done: &str) -> Response {
    Redirect::to(&format!("/sites/{}/shield?done={done}", site.id)).into_response()
}

fn outcome(done: &str) -> Option<&'static str> {
    Some(match done {
        "rule" => "The rule is kept; every edge takes it within moments.",
        "on" => "Every visitor of this site is challenged from now on.",
        "off" => "Visitors are not challenged any more.",
        "undone" => "The signature is undone and left alone for ten minutes.",
        "over" => "That signature is not acted upon any more.",
        _ => return None,
    })
}

async fn compose(
    plane: &Plane,
    principal: &Principal,
    site: &Site,
    event: Option<u64>,
) -> Result<DefencePage, Problem> {
    let now = plane.clock.now();
    let edge = plane.telemetry.defence();
    let since = now.minus(SPAN * COLUMNS as u32);
    let wanted = EventsWanted { site: Some(site.id), kind: None, since: Some(since), limit: EVENTS_MAX };
    let events = edge.as_ref().map(|edge| edge.events(&wanted));
    let signatures = edge.map(|edge| edge.signatures()).unwrap_or_default();
    let seen = events.as_deref().unwrap_or_default();
    let book = defence::book(&*plane.records).await?.value;
    let on = book.shield.under_attack.iter().find(|own| own.site == site.id && now < own.until);
    let left = CAP.saturating_sub(book.spent(site.id, now));
    Ok(DefencePage {
        csrf: principal.csrf().unwrap_or_default().to_owned(),
        now,
        public_url: plane.public_url.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        site: head(site),
        profile: site.shield.profile.name(),
        owner_switch: site.shield.under_attack.name(),
        rules: site.shield.rules.iter().map(rule_row).collect(),
        tops: tops(seen),
        events: seen.iter().take(EVENTS_SHOWN).map(event_row).collect(),
        form: suggested(seen, event),
        timeline: events.as_deref().map(|events| timeline(events, since)),
        signatures: signatures.iter().filter(|own| own.site == site.id).map(signature_row).collect(),
        switch: SwitchView { until: on.map(|own| own.until), left_minutes: left.as_secs() / 60, error: None },
        outcome: None,
    })
}

fn rule_row(rule: &ShieldRule) -> (String, &'static str, String) {
    (rule.name.clone(), sites::action_name(&rule.action), rule.when.clone())
}

/// The form as the link of an event fills it.
fn suggested(events: &[EventRecord], number: Option<u64>) -> RuleFormView {
    let Some(event) = events.iter().find(|event| Some(event.number) == number) else {
        return RuleFormView::default();
    };
    let suggestions: Vec<_> =
        event.suggestions().into_iter().map(|one| (one.label, one.expression)).collect();
    let when = suggestions.first().map(|(_, expression)| expression.clone()).unwrap_or_default();
    RuleFormView { name: event.rule_name(), when, suggestions, ..RuleFormView::default() }
}

fn timeline(events: &[EventRecord], since: Timestamp) -> Vec<Column> {
    let mut columns: Vec<Column> =
        (0..COLUMNS as u32).map(|place| Column::quiet(since.plus(SPAN * place))).collect();
    for event in events.iter().filter(|event| event.at >= since) {
        let place = event.at.since(since).as_secs() / SPAN.as_secs();
        // What happened at this very moment belongs to the last column.
        let place = usize::try_from(place).unwrap_or(COLUMNS).min(COLUMNS - 1);
        let Some(column) = columns.get_mut(place) else { continue };
        let count = u64::from(event.stands_for);
        match event.what {
            EventKind::Blocked | EventKind::Limited | EventKind::Closed => column.refused += count,
            EventKind::Challenged => column.challenged += count,
            EventKind::Allowed | EventKind::Logged | EventKind::Passed => column.noted += count,
            EventKind::Signature | EventKind::UnderAttack | EventKind::RuleDisabled => {}
        }
    }
    columns
}

/// What was seen most, attribute by attribute.
fn tops(events: &[EventRecord]) -> Vec<TopList> {
    type Read = fn(&EventRecord) -> Option<String>;
    let attributes: [(&'static str, Read); 6] = [
        ("Address", |event| event.client.as_ref().map(|client| client.address.to_string())),
        ("Autonomous system", |event| event.client.as_ref()?.asn.map(|asn| format!("AS{asn}"))),
        ("Country", |event| event.client.as_ref()?.country.clone()),
        ("TLS fingerprint", |event| event.client.as_ref()?.tls.clone()),
        ("Path", |event| {
            event
                .request
                .as_ref()
                .map(|request| request.target.split('?').next().unwrap_or_default().to_owned())
        }),
        ("User agent", |event| event.request.as_ref().map(|request| request.user_agent.clone())),
    ];
    let lists = attributes.into_iter().map(|(title, read)| {
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for event in events {
            if let Some(value) = read(event) {
                *counts.entry(value).or_default() += u64::from(event.stands_for);
            }
        }
        let all = counts.values().sum::<u64>().max(1) as f64;
        let row = |(value, count): (String, u64)| TopRow { value, count, share: count as f64 / all };
        let mut rows: Vec<_> = counts.into_iter().map(row).collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.count));
        rows.truncate(VALUES_SHOWN);
        TopList { title, rows }
    });
    lists.filter(|list| !list.rows.is_empty()).collect()
}

fn signature_row(signature: &ActiveSignature) -> SignatureRow {
    let what = signature.items.iter().map(|item| match &item.value {
        Some(value) => format!("{}: {value}", item.attribute),
        None => item.attribute.to_owned(),
    });
    let (rate, usual) = signature.rate;
    let cause =
        if signature.distress { "the origin was in distress" } else { "the rate was far above the usual" };
    SignatureRow {
        id: signature.id.clone(),
        what: what.collect(),
        stage: match signature.stage {
            "canary" => "tried on one request in a hundred",
            "block" => "blocked",
            _ => "challenged",
        },
        since: signature.since,
        evidence: format!(
            "{rate:.0} requests a second where {usual:.0} are usual; {cause}. It covers {:.0} % of the excess and \
             at most {:.1} % of usual visitors. {} matched, {} of {} challenged have passed.",
            signature.coverage * 100.0,
            signature.usual_share * 100.0,
            signature.matched,
            signature.passed,
            signature.challenged,
        ),
    }
}

fn event_row(event: &EventRecord) -> EventRow {
    let asked = event.request.as_ref();
    EventRow {
        number: event.number,
        at: event.at,
        what: event.what.name(),
        stands_for: event.stands_for,
        noted: !event.acted,
        why: format!("{} {}", event.why, event.evidence).trim().to_owned(),
        undo: event.undo.clone(),
        ray: event.ray.clone().unwrap_or_default(),
        client: event.client.as_ref().map(|client| client.address.to_string()).unwrap_or_default(),
        asked: asked
            .map(|request| format!("{} {}{}", request.method, request.host, request.target))
            .unwrap_or_default(),
    }
}
