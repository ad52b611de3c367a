//! What kind of program speaks, as far as a single request tells, and whether a person waits for a page.

use memchr::memmem;
use shield::{BotClass, Request};

/// Words by which programs name themselves.
const DECLARED: [&[u8]; 10] =
    [b"bot", b"crawl", b"spider", b"curl/", b"wget/", b"python", b"go-http", b"feed", b"reader", b"monitor"];

/// The class of whoever has sent a request. That a crawler is who it says is not established here.
pub(crate) fn class(request: &Request<'_>, cleared: bool) -> BotClass {
    if cleared {
        return BotClass::Browser;
    }
    let agent = request.fields.first("user-agent").unwrap_or_default();
    let mut lower = [0; 256];
    let length = agent.len().min(lower.len());
    lower[..length].copy_from_slice(&agent[..length]);
    lower.make_ascii_lowercase();
    let declares = |word: &&[u8]| memmem::find(&lower[..length], word).is_some();
    if DECLARED.iter().any(declares) { BotClass::Declared } else { BotClass::Unknown }
}

/// Media types of what reads pages without showing them.
const FEEDS: [&[u8]; 4] = [b"rss+xml", b"atom+xml", b"activity+json", b"feed+json"];

/// Whether a browser asks for a page that a person will see: it says so (Fetch Metadata), or, where it is too old
/// to say, its `Accept` names HTML and nothing that only programs read.
pub fn is_navigation(request: &Request<'_>) -> bool {
    // What a form sends would be lost on the way that a page leads.
    if !matches!(request.method, "GET" | "HEAD") {
        return false;
    }
    if let Some(mode) = request.fields.first("sec-fetch-mode") {
        return mode == b"navigate";
    }
    let accept = request.fields.first("accept").unwrap_or_default();
    memmem::find(accept, b"text/html").is_some()
        && FEEDS.iter().all(|feed| memmem::find(accept, feed).is_none())
}

/// Whether a browser asks what a page of another origin may send (the Fetch standard's CORS preflight): it carries no
/// cookie, so that it can pass no challenge.
pub(crate) fn is_preflight(request: &Request<'_>) -> bool {
    let has = |name| request.fields.first(name).is_some();
    request.method == "OPTIONS" && has("origin") && has("access-control-request-method")
}
