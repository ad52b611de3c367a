//! What kind of program speaks, as far as a single request tells, and whether a person waits for a page.

use memchr::memmem;
use shield::{BotClass, Request};

/// Words by which programs name themselves.
const DECLARED: [&[u8]; 10] =
    [b"bot", b"crawl", b"spider", b"curl/", b"wget/", b"python", b"go-http", b"feed", b"reader", b"monitor"];

/// How a program names itself: lower case, and cut.
pub(crate) struct Agent {
    lower: [u8; 256],
    length: usize,
}

impl Agent {
    pub(crate) fn of(request: &Request<'_>) -> Self {
        let agent = request.fields.first("user-agent").unwrap_or_default();
        let mut lower = [0; 256];
        let length = agent.len().min(lower.len());
        lower[..length].copy_from_slice(&agent[..length]);
        lower[..length].make_ascii_lowercase();
        Self { lower, length }
    }

    pub(crate) fn lower(&self) -> &[u8] {
        &self.lower[..self.length]
    }
}

/// The class of whoever has sent a request, as far as the request itself tells. That a crawler is who it says is not
/// established here.
pub(crate) fn class(request: &Request<'_>, agent: &Agent) -> BotClass {
    let declares = |word: &&[u8]| memmem::find(agent.lower(), word).is_some();
    match () {
        () if DECLARED.iter().any(declares) => BotClass::Declared,
        () if pretends(request, agent.lower()) => BotClass::Impostor,
        () => BotClass::Unknown,
    }
}

/// Versions from which on browsers say what a request is for (Fetch Metadata), on every request over TLS. Their kin name
/// the same words.
const SAYING_SINCE: [(&[u8], u32); 2] = [(b"chrome/", 80), (b"firefox/", 90)];

/// Whether a program says that it is a browser, and does not say what its request is for as that browser would.
fn pretends(request: &Request<'_>, agent: &[u8]) -> bool {
    let is_recent = |(word, since): &(&[u8], u32)| {
        let Some(begin) = memmem::find(agent, word) else { return false };
        let digits = agent[begin + word.len()..].iter().take_while(|byte| byte.is_ascii_digit()).take(6);
        digits.fold(0, |number, digit| number * 10 + u32::from(digit - b'0')) >= *since
    };
    let claims = request.secure && agent.starts_with(b"mozilla/5.0") && SAYING_SINCE.iter().any(is_recent);
    claims && request.fields.first("sec-fetch-mode").is_none()
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, HeaderValue};
    use shield::Source;
    use vocabulary::Timestamp;

    fn class_of(agent: &'static str, mode: Option<&'static str>, secure: bool) -> BotClass {
        let mut fields = HeaderMap::new();
        fields.insert("user-agent", HeaderValue::from_static(agent));
        fields.extend(
            mode.map(|mode| {
                (http::HeaderName::from_static("sec-fetch-mode"), HeaderValue::from_static(mode))
            }),
        );
        let request = Request {
            method: "GET",
            host: "a.test",
            target: "/",
            secure,
            version: "HTTP/1.1",
            fields: &fields,
            source: Source::at([192, 0, 2, 1].into()),
            tls_fingerprint: None,
            http2_fingerprint: None,
            bot: BotClass::Unknown,
            at: Timestamp::from_secs(1),
            response: None,
        };
        class(&request, &Agent::of(&request))
    }

    #[test]
    fn who_claims_to_be_a_browser_and_does_not_speak_like_it_is_an_impostor() {
        const CHROME: &str =
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/128.0.0.0 Safari/537.36";
        const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
        for (agent, mode, secure, class) in [
            (CHROME, None, true, BotClass::Impostor),
            (FIREFOX, None, true, BotClass::Impostor),
            (CHROME, Some("cors"), true, BotClass::Unknown),
            // Over plain text browsers do not say it.
            (CHROME, None, false, BotClass::Unknown),
            ("Mozilla/5.0 (Windows NT 6.1) Chrome/49.0 Safari/537.36", None, true, BotClass::Unknown),
            ("Mozilla/5.0 (Macintosh) Version/16.1 Safari/605.1.15", None, true, BotClass::Unknown),
            ("Mozilla/5.0 (compatible; Examplebot/2.1) Chrome/128.0", None, true, BotClass::Declared),
            ("curl/8.5", None, true, BotClass::Declared),
            ("Chrome/99999999999", None, true, BotClass::Unknown),
        ] {
            assert_eq!(class_of(agent, mode, secure), class, "{agent}");
        }
    }
}
