//! A page as a visitor would see it, with values that are no one's.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use error_pages::{Page, PageClass, Values};

/// What stands in place of a challenge's box.
const BOX: &str = "<div class=\"wardmote-challenge\" role=\"group\"><p>Here a visitor shows that it is no \
                   machine.</p></div>";

/// What happened, as an example of each class: status, title, text, reason.
pub(crate) fn sample(class: PageClass) -> (u16, &'static str, &'static str, &'static str) {
    match class {
        PageClass::Origin => (
            502,
            "The site's server cannot be reached",
            "The site's own server refused the connection or could not be reached.",
            "origin-unreachable",
        ),
        PageClass::Configuration => {
            (502, "This site has no server", "No origin server is configured for this site.", "no-origin")
        }
        PageClass::RateLimited => (429, "Too many requests", "Please wait a moment.", "rate-limited"),
        PageClass::BlockedRule => {
            (403, "Refused by the site's rules", "A rule refuses this.", "blocked-rule")
        }
        PageClass::BlockedCountry => {
            (403, "Not offered in your country", "A rule of the site refuses it.", "blocked-country")
        }
        PageClass::Challenge => (403, "One moment", "Please show that you are no machine.", "challenge"),
        PageClass::Maintenance => (
            503,
            "This site is being worked on",
            "Its owner has closed it for a while. Nothing is wrong with your request.",
            "maintenance",
        ),
    }
}

/// The page filled with examples, kept from doing anything to the console: it runs apart, as a page of nobody.
pub(crate) fn preview(page: &Page, class: PageClass) -> Response {
    let (status, title, text, reason) = sample(class);
    let html = page.fill(&Values {
        ray: "00f067aa0ba902b7",
        client: "192.0.2.7",
        geo: "unknown",
        status,
        title,
        text,
        reason,
        challenge: BOX,
    });
    let policy = page.policy().replace("frame-ancestors 'none'", "frame-ancestors 'self'");
    let policy = HeaderValue::try_from(format!("sandbox allow-scripts; {policy}"));
    let mut response = html.into_response();
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    // A policy that cannot be written would leave the page to run as the console's own.
    fields.insert(header::CONTENT_SECURITY_POLICY, policy.unwrap_or(HeaderValue::from_static("sandbox")));
    fields.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
