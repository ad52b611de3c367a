//! The page for a request that could not be answered.

use super::markup::{Markup, TEXT_MAX};
use super::{STYLE, icons};
use serde::Serialize;
use std::time::Duration;
use vocabulary::moment::span;

/// Where on the way the request came to a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The request itself: malformed, too large, for a host not served here, over a limit.
    Visitor,
    /// This edge.
    Edge,
    /// The site's own server: unreachable, too slow, or its answer was not usable.
    Origin,
    /// Nowhere by mistake: the site's owner has it so.
    Owner,
}

/// What an error page says. Text may come from anywhere: it is escaped and bounded.
#[derive(Debug, Clone, Copy)]
pub struct ErrorView<'a> {
    /// The status code of the answer.
    pub status: u16,
    /// What happened, as a headline of a few plain words.
    pub title: &'a str,
    /// What happened, in one or two sentences.
    pub text: &'a str,
    /// The stable name of the reason, as in the table of reasons.
    pub reason: &'a str,
    /// The request's id.
    pub ray: &'a str,
    /// The host asked for; empty when the request named none that can be read.
    pub host: &'a str,
    /// Where the request came to a stop.
    pub side: Side,
    /// After how many seconds to try again, as in `Retry-After`.
    pub retry_after: Option<u32>,
}

impl ErrorView<'_> {
    /// The same as a problem document (RFC 9457): no `type`, so `title` is the phrase of the status; our own
    /// words are `detail`.
    pub fn problem_json(&self) -> String {
        let problem = Problem {
            title: phrase(self.status),
            status: self.status,
            detail: &format!("{}. {}", self.title.trim_end_matches('.'), self.text),
            reason: self.reason,
            ray: self.ray,
            host: Some(self.host).filter(|host| !host.is_empty()),
            retry_after: self.retry_after,
        };
        // A struct of strings and numbers has a JSON form; the text is never empty in practice.
        serde_json::to_string(&problem).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Problem<'a> {
    title: &'static str,
    status: u16,
    detail: &'a str,
    reason: &'a str,
    ray: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u32>,
}

/// The phrase of a status code (RFC 9110 section 15); `Error` for a code without one.
pub(super) fn phrase(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|code| code.canonical_reason()).unwrap_or("Error")
}

/// The whole page, under 12 KB, to be sent with [`super::CONTENT_SECURITY_POLICY`].
pub fn error_page(view: &ErrorView<'_>) -> String {
    let mut page = Markup::default();
    open(&mut page, view.title, "noindex");
    page.raw("<header class=\"brand\">").raw(icons::MARK).raw("<b>Wardmote</b><span>Error ");
    page.text(&view.status.to_string(), 5).raw("</span></header><main>");
    page.raw("<p class=\"flag\">").raw(icons::ALERT).raw(flag(view.side)).raw("</p><h1>");
    page.text(view.title, TEXT_MAX).raw("</h1><p class=\"lead\">").text(view.text, 2 * TEXT_MAX).raw("</p>");
    way(&mut page, view);
    page.raw("<section class=\"card\"><h2>What you can do</h2><p>").raw(advice(view.side));
    if let Some(seconds) = view.retry_after {
        page.raw(" Please wait ").text(&span(Duration::from_secs(seconds.into())), 40);
        page.raw(" before you try again.");
    }
    page.raw("</p></section>");
    page.raw("<section class=\"card\"><h2>If you ask for help, send these</h2><dl>");
    row(&mut page, "Ray", view.ray);
    row(&mut page, "Reason", view.reason);
    if !view.host.is_empty() {
        row(&mut page, "Site", view.host);
    }
    page.raw("</dl></section></main><footer><p>");
    page.raw("This page comes from the network in front of the site, not from the site itself.");
    close(page.raw("</p></footer>"));
    page.finish()
}

/// Everything before the page's own content.
pub(super) fn open(page: &mut Markup, title: &str, robots: &'static str) {
    page.raw("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>");
    page.text(title, 200)
        .raw("</title><meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">");
    page.raw("<meta name=\"robots\" content=\"")
        .raw(robots)
        .raw("\">")
        .raw(icons::ICON)
        .raw("<style>")
        .raw(STYLE);
    page.raw("</style></head><body><div class=\"page\">");
}

/// Everything after it.
pub(super) fn close(page: &mut Markup) {
    page.raw("</div></body></html>\n");
}

/// One line of a list of terms.
pub(super) fn row(page: &mut Markup, term: &'static str, value: &str) {
    page.raw("<dt>").raw(term).raw("</dt><dd><code>").text(value, TEXT_MAX).raw("</code></dd>");
}

fn flag(side: Side) -> &'static str {
    match side {
        Side::Visitor => "The request could not be used",
        Side::Edge => "Trouble on our side",
        Side::Origin => "Trouble at the site’s own server",
        Side::Owner => "Closed by the site’s owner",
    }
}

fn advice(side: Side) -> &'static str {
    match side {
        Side::Visitor => {
            "Check the address for a slip and try again. If you followed a link, the link may be wrong or old."
        }
        Side::Edge => "Try again in a moment. The fault is ours, not yours and not the site’s.",
        Side::Origin => {
            "Try again in a few minutes. If this is your site: look whether its server runs and can be \
             reached, then search your log for the ray below."
        }
        Side::Owner => "Come back later: the people who run this site have closed it for a while.",
    }
}

/// The way from the visitor to the site, with the place where it ended.
fn way(page: &mut Markup, view: &ErrorView<'_>) {
    let stops = [(Side::Visitor, icons::PERSON, "You"), (Side::Edge, icons::MARK, "Network")];
    page.raw("<ol class=\"way\" aria-label=\"How far the request came\">");
    for (side, icon, name) in stops {
        stop(page, view.side, side, icon);
        page.raw(name).raw("</b>").raw(state(view.side, side)).raw("</li>");
    }
    stop(page, view.side, Side::Origin, icons::SERVER);
    page.text(if view.host.is_empty() { "Site" } else { view.host }, 120);
    page.raw("</b>").raw(state(view.side, Side::Origin)).raw("</li></ol>");
}

fn stop(page: &mut Markup, at: Side, this: Side, icon: &'static str) {
    let item = match state(at, this) {
        STOPPED => "<li class=\"stop\">",
        NOT_ASKED => "<li class=\"off\">",
        _ => "<li>",
    };
    page.raw(item).raw(icon).raw("<b>");
}

const STOPPED: &str = "Stopped here";
const NOT_ASKED: &str = "Not asked";

fn state(at: Side, this: Side) -> &'static str {
    match (at, this) {
        (at, this) if at == this => STOPPED,
        (Side::Visitor | Side::Edge | Side::Owner, Side::Origin) => NOT_ASKED,
        _ => "Working",
    }
}
