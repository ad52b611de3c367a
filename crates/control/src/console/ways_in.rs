//! The ways into one site: the page, and its form.

use super::on_site::{OnSite, Sent, SentOnSite, head};
use super::page;
use crate::api::{Api, site_defence::basis};
use crate::pages::ways_in::{Checked, WaysInForm, WaysInPage};
use crate::plane::Plane;
use crate::rim::principal::Principal;
use crate::rim::{Problem, Reason};
use crate::sites::{self, ApplyRefusal, Terms, WaysInVersion, quoted};
use crate::sites_toml;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use serde::Deserialize;
use snapshot::{Authorities, Site, TlsMin};

/// What the form offers first for `max_age`, in seconds: a year.
const MAX_AGE: &str = "31536000";
/// The same for `Retry-After`.
const RETRY_AFTER: &str = "600";

/// Where the form's answer leads back to.
#[derive(Debug, Default, Deserialize)]
pub(super) struct WaysInQuery {
    /// Any value: the settings were just changed.
    done: Option<String>,
}

impl Sent for WaysInForm {
    fn csrf(&self) -> &str {
        &self.csrf
    }
}

/// `GET /sites/{site}/ways-in`; the site by its id or one of its hosts.
pub(super) async fn show(
    State(api): State<Api>,
    OnSite { principal, site }: OnSite,
    Query(query): Query<WaysInQuery>,
) -> Result<Response, Problem> {
    let mut shown = compose(&api.plane, &principal, &site, filled(&site));
    shown.done = query.done.is_some();
    Ok(page(StatusCode::OK, shown.page()))
}

/// `POST /sites/{site}/ways-in`: shows what would change, and the second time changes it.
pub(super) async fn put(
    State(api): State<Api>,
    SentOnSite { principal, site, sent }: SentOnSite<WaysInForm>,
) -> Result<Response, Problem> {
    let checked = set(&api.plane, &principal, &site, &sent, true).await;
    let mut shown = compose(&api.plane, &principal, &site, sent.clone());
    let refused = match checked {
        Ok(checked) => {
            shown.checked = Some(checked);
            match sent.go {
                true => set(&api.plane, &principal, &site, &sent, false).await.err(),
                false => return Ok(page(StatusCode::OK, shown.page())),
            }
        }
        Err(problem) => Some(problem),
    };
    let Some(problem) = refused else {
        return Ok(Redirect::to(&format!("/sites/{}/ways-in?done=yes", site.id)).into_response());
    };
    shown.error = Some(problem.said());
    Ok(page(problem.status(), shown.page()))
}

/// What the form comes to; put in force where it is no dry run.
async fn set(
    plane: &Plane,
    principal: &Principal,
    site: &Site,
    sent: &WaysInForm,
    dry_run: bool,
) -> Result<Checked, Problem> {
    let written = sites_toml::parse_ways_in(&text(sent), "/".as_ref());
    // The form has no lines to name.
    let wanted = written.map_err(|error| {
        let mistakes: Vec<_> = error.mistakes.iter().map(|mistake| mistake.message.as_str()).collect();
        Problem::from(ApplyRefusal::Text(error.clone())).detail(mistakes.join("; "))
    })?;
    let unread = |_| Problem::new(Reason::SettingsChanged);
    let shown: WaysInVersion = sent.version.parse().map_err(unread)?;
    let basis = basis(Some(sent.request.clone()))?;
    let terms = Terms { dry_run, basis: basis.as_ref(), actor: principal.actor() };
    let applied = sites::set_ways_in(plane, site.id, &terms, (shown, &wanted)).await?;
    let mut changed = Site { front: wanted.front, ..site.clone() };
    changed.origin_policy.host = wanted.origin_host;
    Ok(Checked {
        before: sites::ways_in_text(site),
        after: sites::ways_in_text(&changed),
        changes: !applied.steps.is_empty(),
        lowers: applied.steps.into_iter().flat_map(|step| step.lowers).collect(),
    })
}

/// The form as the keys of a sites file, so that one reader checks both.
fn text(form: &WaysInForm) -> String {
    let mut lines = Vec::new();
    for (key, on) in [("redirect_https", form.redirect_https), ("bypass", form.bypass), ("trace", form.trace)]
    {
        lines.extend(on.then(|| format!("{key} = true")));
    }
    if form.hsts {
        let (below, listed) = (form.include_subdomains, form.preload);
        let max_age = number(&form.max_age);
        lines.push(format!(
            "hsts = {{ max_age = {max_age}, include_subdomains = {below}, preload = {listed} }}"
        ));
    }
    lines.push(format!("tls_min = {}", quoted(&form.tls_min)));
    if form.clients != "none" {
        let (ca, mode) = (quoted(form.authorities.trim()), quoted(&form.clients));
        lines.push(format!("client_certificates = {{ ca = {ca}, mode = {mode} }}"));
    }
    if form.maintenance {
        let allow: Vec<_> = form.allow.split_whitespace().map(quoted).collect();
        let (retry_after, allow) = (number(&form.retry_after), allow.join(", "));
        lines.push(format!("maintenance = {{ retry_after = {retry_after}, allow = [{allow}] }}"));
    }
    if !form.origin_host.trim().is_empty() {
        lines.push(format!("origin_host = {}", quoted(form.origin_host.trim())));
    }
    lines.join("\n")
}

/// A number as it is; anything else is for the reader to refuse.
fn number(text: &str) -> String {
    match text.trim().parse::<u32>() {
        Ok(number) => number.to_string(),
        Err(_) => quoted(text),
    }
}

/// The form as the site's settings fill it.
fn filled(site: &Site) -> WaysInForm {
    let front = &site.front;
    let (clients, authorities) = match &front.client_certificates {
        None => ("none", String::new()),
        Some(own) => {
            let authorities = match &own.authorities {
                Authorities::File(path) => path.display().to_string(),
                Authorities::Pem(pem) => pem.as_str().to_owned(),
            };
            (if own.required { "required" } else { "optional" }, authorities)
        }
    };
    let maintenance = front.maintenance.as_ref();
    let allow = maintenance.map(|own| own.allow.iter().map(ToString::to_string).collect::<Vec<_>>());
    WaysInForm {
        redirect_https: front.redirect_https,
        hsts: front.hsts.is_some(),
        max_age: front.hsts.map_or_else(|| MAX_AGE.to_owned(), |hsts| hsts.max_age_seconds.to_string()),
        include_subdomains: front.hsts.is_some_and(|hsts| hsts.include_subdomains),
        preload: front.hsts.is_some_and(|hsts| hsts.preload),
        tls_min: if front.tls_min == TlsMin::Tls13 { "1.3" } else { "1.2" }.to_owned(),
        clients: clients.to_owned(),
        authorities,
        maintenance: maintenance.is_some(),
        retry_after: maintenance
            .map_or_else(|| RETRY_AFTER.to_owned(), |own| own.retry_after_seconds.to_string()),
        allow: allow.unwrap_or_default().join("\n"),
        bypass: front.bypass,
        trace: front.trace,
        origin_host: site.origin_policy.host.clone().unwrap_or_default(),
        ..WaysInForm::default()
    }
}

/// The page. Whoever is shown it knows the settings in force: what would change stands beside them.
fn compose(plane: &Plane, principal: &Principal, site: &Site, form: WaysInForm) -> WaysInPage {
    let form = WaysInForm { version: WaysInVersion::of(site).to_string(), ..form };
    WaysInPage {
        csrf: principal.csrf().unwrap_or_default().to_owned(),
        public_url: plane.public_url.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        site: head(site),
        form,
        checked: None,
        error: None,
        done: false,
    }
}
