//! Admitted → warned: the page of a decision that visitors see before a site (M1), and the way past it.
//!
//! Only a browser that asks for a page is warned: a picture, a call or a form that is sent would be lost, and shows
//! nobody a warning. Who goes on takes a cookie along that the edge alone can make, for this decision and the
//! visitor's own network, so that no site can take the warning away beforehand.

use super::admit::facts;
use super::approach::is_proof;
use super::defend::view;
use super::reply::{put, send, sent_page};
use crate::authority::Scheme;
use crate::date::DateText;
use crate::pages::{WARNING_POLICY, WarningView, warning_page};
use crate::ports::Answer;
use crate::reasons::Reason;
use crate::request::Request;
use crate::trail::Trail;
use crate::worker::Worker;
use guard::{PREFIX, SEEN, SEEN_OVER_TLS, as_value, is_navigation, site_path};
use http::{HeaderMap, Method, header};
use policy::Profile;
use snapshot::ProvedMeasure;
use std::sync::Arc;

/// How long a browser keeps the cookie; it counts for no longer.
const SECONDS: u32 = 6 * 3_600;

/// What a visitor gets instead of the site.
pub(crate) enum Warning {
    /// The page, and the path of this site that it leads on to.
    Page { measure: Arc<ProvedMeasure>, to: String },
    /// On to a path of this site: the warning was seen.
    Onward { to: String, seen: String },
}

/// Whether a visitor is to see a warning first. What comes by another edge has been asked there.
pub(crate) fn warn(worker: &Worker, request: &Request, trail: &mut Trail) -> Option<Warning> {
    if request.child.is_some() || is_proof(request) {
        return None;
    }
    let serving = worker.shared.serving.load();
    let facts = facts(&worker.shared, &serving, request, trail.client);
    let warnings = serving.snapshot.warnings(&facts, trail.started);
    let first = *warnings.first()?;
    let (guard, seen) = (&worker.shared.guard, view(request, trail.client, trail.started));
    let (measure, warning) = match sent(request) {
        Some((token, to)) => {
            let to = site_path(to).unwrap_or_else(|| "/".into());
            let holds =
                |measure: &&&Arc<ProvedMeasure>| guard.holds(token.as_bytes(), measure.id(), trail.client);
            match warnings.iter().find(holds).filter(|_| request.method == Method::POST) {
                Some(measure) => {
                    let all = warnings.iter().map(|measure| measure.id());
                    (*measure, Warning::Onward { to, seen: guard.seen_with(&seen, measure.id(), all) })
                }
                // The page again, as for one who has waited for too long or has another address by now.
                None => (first, Warning::Page { measure: Arc::clone(first), to }),
            }
        }
        None if !is_navigation(&seen) => return None,
        None => {
            let unseen = *warnings.iter().find(|measure| !guard.has_seen(&seen, measure.id()))?;
            let to = request.target.as_str().to_owned();
            (unseen, Warning::Page { measure: Arc::clone(unseen), to })
        }
    };
    trail.decision = Some(measure.id());
    Some(warning)
}

/// What the form of the page says: whose warning was seen, and where to go on.
fn sent(request: &Request) -> Option<(&str, &str)> {
    request.target.as_str().strip_prefix(PREFIX)?.strip_prefix("seen?t=")?.split_once("&to=")
}

/// Answers with the warning, or leads on.
pub(crate) async fn answer<A: Answer>(
    worker: &Worker,
    warning: Warning,
    request: &Request,
    trail: &Trail,
    date: &DateText,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let mut fields = HeaderMap::with_capacity(12);
    let (reason, status, body) = match warning {
        Warning::Onward { to, seen } => {
            give(&mut fields, &seen, request);
            put(&mut fields, header::LOCATION, &to);
            (Reason::WarningPassed, 303, String::new())
        }
        Warning::Page { measure, to } => {
            let seen = worker.shared.guard.seen(measure.id(), trail.client);
            let (decision, ray) = (measure.id().to_string(), trail.ray.to_string());
            let page = warning_page(&WarningView {
                host: request.authority.host().as_str(),
                decision: &decision,
                statement_url: measure.statement_url(),
                title: measure.title(),
                meaning: measure.meaning(),
                contact: measure.contact(),
                until: measure.until(trail.country),
                ray: &ray,
                trial: measure.profile() == Profile::Trial,
                onward: &format!("{PREFIX}seen?t={seen}&to={}", as_value(&to)),
            });
            let page = sent_page(&mut fields, page, WARNING_POLICY, &measure);
            (Reason::Warned, 403, page)
        }
    };
    send(status, fields, body, Some(request), trail, &date.at(trail.started), answer).await?;
    Ok(reason)
}

/// For this host alone, out of reach of scripts, and of no use to other sites.
fn give(fields: &mut HeaderMap, seen: &str, request: &Request) {
    let (name, secure) = match request.scheme {
        Scheme::Https => (SEEN_OVER_TLS, "; Secure"),
        Scheme::Http => (SEEN, ""),
    };
    let cookie = format!("{name}={seen}; Path=/; Max-Age={SECONDS}; HttpOnly; SameSite=Lax{secure}");
    put(fields, header::SET_COOKIE, &cookie);
}
