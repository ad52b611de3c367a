//! What the shield answers itself: challenges, their errands, and redirects of rules.

use super::defend::OwnAnswer;
use super::reply::{form_for, put, send};
use crate::authority::Scheme;
use crate::date::DateText;
use crate::pages::{
    CHALLENGE_POLICY, ChallengeView, ErrorView, Form, HTML, PROBLEM_JSON, WORK_SCRIPT, challenge_page,
    refresh,
};
use crate::ports::Answer;
use crate::reasons::Reason;
use crate::request::Request;
use crate::trail::Trail;
use guard::{COOKIE, COOKIE_OVER_TLS, ChallengePage, Errand, Granted, Handed};
use http::{HeaderMap, HeaderValue, header};

/// Sends the shield's own answer.
pub(crate) async fn answer<A: Answer>(
    own: OwnAnswer,
    request: &Request,
    trail: &mut Trail,
    date: &DateText,
    answer: &mut A,
) -> Result<Reason, Reason> {
    let mut fields = HeaderMap::with_capacity(10);
    let (reason, status, body) = match own {
        OwnAnswer::Challenge(Handed::Page(page)) | OwnAnswer::Errand(Errand::Page(page)) => {
            (Reason::Challenged, 403, shown(&mut fields, &page, request, trail))
        }
        // Its own words and `Retry-After`, in the form that was asked for.
        OwnAnswer::Challenge(Handed::ComeAgain(seconds)) => {
            trail.retry_after = Some(seconds);
            return Err(Reason::ComeAgain);
        }
        OwnAnswer::Errand(Errand::Nothing) => return Err(Reason::NoErrand),
        OwnAnswer::Errand(Errand::Style(granted)) => {
            plain(&mut fields, "text/css");
            give(&mut fields, granted.as_ref(), request);
            (Reason::ChallengeStep, 200, String::new())
        }
        OwnAnswer::Errand(Errand::Script) => {
            plain(&mut fields, "text/javascript");
            (Reason::ChallengeStep, 200, WORK_SCRIPT.to_owned())
        }
        OwnAnswer::Errand(Errand::Onward { to, granted }) => {
            give(&mut fields, granted.as_ref(), request);
            put(&mut fields, header::LOCATION, &to);
            (Reason::ChallengeStep, 303, String::new())
        }
        OwnAnswer::Redirect { status, location } => {
            put(&mut fields, header::LOCATION, &location);
            (Reason::RuledElsewhere, status, String::new())
        }
    };
    send(status, fields, body, Some(request), trail, &date.at(trail.started), answer).await?;
    Ok(reason)
}

fn plain(fields: &mut HeaderMap, media: &'static str) {
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
}

/// The page, or the same as a problem document for programs that ask for one.
fn shown(fields: &mut HeaderMap, page: &ChallengePage, request: &Request, trail: &Trail) -> String {
    let (ray, entry) = (trail.ray.to_string(), Reason::Challenged.entry());
    let host = request.authority.host().as_str();
    if form_for(Some(request)) == Form::Problem {
        plain(fields, PROBLEM_JSON);
        let (side, retry_after) = (Reason::Challenged.side(), None);
        let (status, title, text, reason) = (entry.status, entry.title, entry.text, entry.name);
        return ErrorView { status, title, text, reason, ray: &ray, host, side, retry_after }.problem_json();
    }
    plain(fields, HTML);
    put(fields, header::CONTENT_SECURITY_POLICY, CHALLENGE_POLICY);
    fields.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    if let Some(refresh) = refresh(page) {
        put(fields, header::REFRESH, &refresh);
    }
    let languages = request.fields.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    challenge_page(&ChallengeView {
        page,
        host,
        ray: &ray,
        contact: trail.site.as_ref().and_then(|site| site.pages.contact.as_deref()),
        languages: languages.unwrap_or_default(),
    })
}

/// Gives the clearance: for this host alone, out of reach of scripts, and of no use to other sites.
fn give(fields: &mut HeaderMap, granted: Option<&Granted>, request: &Request) {
    let Some(Granted { value, seconds }) = granted else { return };
    let (name, secure) = match request.scheme {
        Scheme::Https => (COOKIE_OVER_TLS, "; Secure"),
        Scheme::Http => (COOKIE, ""),
    };
    let cookie = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    put(fields, header::SET_COOKIE, &cookie);
}
