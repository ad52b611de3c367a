//! Admitted → on, elsewhere or closed: what the site's owner has set for the way in.
//!
//! These are the customer's own settings. They come after [`super::admit`], so that a measure in force is never
//! hidden behind a redirect or a maintenance page.

use super::identify::Identified;
use crate::authority::Scheme;
use crate::reasons::Reason;
use crate::request::Request;
use http::{HeaderName, Method};
use snapshot::{Maintenance, Site};

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Under these paths machines ask whether a host is somebody's: before there is a certificate, over plain HTTP,
/// and whatever state the site is in (RFC 8555 §8.3).
const PROOFS: [&str; 2] = ["/.well-known/acme-challenge/", "/.well-known/wardmote-challenge/"];

/// Where the way in leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Approach {
    /// Into the site.
    Open,
    /// To the same place over TLS: its address.
    Elsewhere(String),
    /// Nowhere: the site is being worked on, or visitors show certificates there, which takes TLS with this edge.
    Closed(Reason),
}

/// Looks at the way into a site. `https_port`: where this edge speaks TLS, if it does.
pub(crate) fn approach(
    site: &Site,
    request: &Request,
    identified: &Identified,
    https_port: Option<u16>,
) -> Approach {
    let front = &site.front;
    // What comes by another edge has been looked at there.
    if request.child.is_some() || is_proof(request) {
        return Approach::Open;
    }
    if let Some(address) = https_port
        .filter(|_| front.redirect_https && !is_secure(request, identified))
        .and_then(|port| over_tls(request, port))
    {
        return Approach::Elsewhere(address);
    }
    // No proxy's word stands for a certificate. Over TLS the handshake has seen to it.
    let wants_certificate = front.client_certificates.as_ref().is_some_and(|clients| clients.required);
    if wants_certificate && request.scheme == Scheme::Http {
        return Approach::Closed(Reason::Uncertified);
    }
    match &front.maintenance {
        Some(maintenance) if !lets_in(maintenance, identified) => Approach::Closed(Reason::Maintenance),
        _ => Approach::Open,
    }
}

/// One token below such a path and nothing else: a path that an origin would resolve to another place is none.
pub(crate) fn is_proof(request: &Request) -> bool {
    let asked = matches!(request.method, Method::GET | Method::HEAD);
    let is_token = |rest: &str| {
        !rest.is_empty()
            && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    asked && PROOFS.iter().any(|path| request.target.path().strip_prefix(path).is_some_and(is_token))
}

/// Whether the visitor speaks TLS, here or with the proxy in front, whose word counts.
fn is_secure(request: &Request, identified: &Identified) -> bool {
    let told = || request.fields.get(FORWARDED_PROTO).is_some_and(|proto| proto.as_bytes() == b"https");
    request.scheme == Scheme::Https || identified.by_trusted_proxy && told()
}

/// The same address over TLS. Who named no port came by port 80, whatever this process listens on, and finds
/// TLS on 443; who named one is in a place where ports are told apart.
fn over_tls(request: &Request, port: u16) -> Option<String> {
    let (target, authority) = (request.target.as_str(), request.authority.as_str());
    // OPTIONS * is about the connection, not about a place.
    if !target.starts_with('/') {
        return None;
    }
    let end = match request.authority.port() {
        Some(_) => authority.rfind(':').unwrap_or(authority.len()),
        None => authority.len(),
    };
    let named = request.authority.port().filter(|_| port != Scheme::Https.default_port());
    let port = named.map_or_else(String::new, |_| format!(":{port}"));
    Some(format!("https://{}{port}{target}", &authority[..end]))
}

fn lets_in(maintenance: &Maintenance, identified: &Identified) -> bool {
    maintenance.allow.iter().any(|network| network.contains(identified.client))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::framing::{HeadMemory, HeadReader};
    use bytes::BytesMut;
    use shield::admission::Class;
    use snapshot::ClientCertificates;
    use snapshot::fixture::Mote;
    use vocabulary::Timestamp;

    fn request(text: &str, scheme: Scheme) -> Request {
        let mut buffer = BytesMut::from(text);
        let head = HeadReader::default().read(&mut buffer, &mut HeadMemory::default(), scheme);
        head.expect("well-formed").expect("whole").request
    }

    fn site(redirect_https: bool, maintenance: Option<Maintenance>) -> Site {
        let mut site = Mote::found(1, Timestamp::from_secs(1)).site(&["a.test"], 1);
        site.front.redirect_https = redirect_https;
        site.front.maintenance = maintenance;
        site
    }

    fn from(client: [u8; 4], by_trusted_proxy: bool) -> Identified {
        Identified { peer: client.into(), client: client.into(), by_trusted_proxy, class: Class::Usual }
    }

    #[test]
    fn who_comes_without_tls_is_sent_to_the_same_place_over_it() {
        let site = site(true, None);
        for (first, host, port, address) in [
            ("GET /a?b=c", "a.test", Some(443), Some("https://a.test/a?b=c")),
            ("GET /a?b=c", "a.test:80", Some(443), Some("https://a.test/a?b=c")),
            ("GET //evil.test/", "a.test", Some(443), Some("https://a.test//evil.test/")),
            ("GET /", "a.test:8080", Some(8443), Some("https://a.test:8443/")),
            ("GET /", "a.test", Some(8443), Some("https://a.test/")),
            ("GET /", "[::1]:8080", Some(8443), Some("https://[::1]:8443/")),
            ("GET /", "[::1]", Some(8443), Some("https://[::1]/")),
            ("POST /form", "a.test", Some(443), Some("https://a.test/form")),
            ("OPTIONS *", "a.test", Some(443), None),
            ("GET /.well-known/acme-challenge/x", "a.test", Some(443), None),
            ("GET /.well-known/wardmote-challenge/x", "a.test", Some(443), None),
            (
                "GET /.well-known/acme-challenge",
                "a.test",
                Some(443),
                Some("https://a.test/.well-known/acme-challenge"),
            ),
            ("GET /", "a.test", None, None),
        ] {
            let request = request(&format!("{first} HTTP/1.1\r\nHost: {host}\r\n\r\n"), Scheme::Http);
            let found = approach(&site, &request, &from([192, 0, 2, 1], false), port);
            let expected = address.map_or(Approach::Open, |address| Approach::Elsewhere(address.to_owned()));
            assert_eq!(found, expected, "{first} {host} {port:?}");
        }
    }

    #[test]
    fn a_visitor_who_speaks_tls_already_is_not_sent_round_in_a_circle() {
        let site = site(true, None);
        let text = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: https\r\n\r\n";
        for (scheme, trusted, open) in
            [(Scheme::Https, false, true), (Scheme::Http, true, true), (Scheme::Http, false, false)]
        {
            let found = approach(&site, &request(text, scheme), &from([192, 0, 2, 1], trusted), Some(443));
            assert_eq!(found == Approach::Open, open, "{scheme:?} {trusted}");
        }
    }

    /// A proxy may say that its visitor spoke TLS, and not whose certificate was shown.
    #[test]
    fn a_site_that_wants_certificates_is_closed_without_tls_but_to_proofs() {
        for (required, scheme, path, expected) in [
            (true, Scheme::Http, "/", Approach::Closed(Reason::Uncertified)),
            (true, Scheme::Http, "/.well-known/acme-challenge/x", Approach::Open),
            (true, Scheme::Https, "/", Approach::Open),
            (false, Scheme::Http, "/", Approach::Open),
        ] {
            let mut site = site(false, None);
            let authorities = snapshot::Authorities::File("clients.pem".into());
            site.front.client_certificates = Some(ClientCertificates { authorities, required });
            let text = format!("GET {path} HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: https\r\n\r\n");
            let found = approach(&site, &request(&text, scheme), &from([192, 0, 2, 1], true), Some(443));
            assert_eq!(found, expected, "{required} {scheme:?} {path}");
        }
    }

    #[test]
    fn a_site_under_maintenance_is_open_to_whom_its_owner_names_and_to_proofs() {
        let allow = vec!["192.0.2.0/24".parse().expect("a network")];
        let site = site(false, Some(Maintenance { retry_after_seconds: 60, allow }));
        for (path, client, expected) in [
            ("/", [192, 0, 2, 9], Approach::Open),
            ("/", [198, 51, 100, 1], Approach::Closed(Reason::Maintenance)),
            ("/.well-known/acme-challenge/x", [198, 51, 100, 1], Approach::Open),
            (
                "/.well-known/acme-challenge/../../admin",
                [198, 51, 100, 1],
                Approach::Closed(Reason::Maintenance),
            ),
            (
                "/.well-known/acme-challenge/%2e%2e/admin",
                [198, 51, 100, 1],
                Approach::Closed(Reason::Maintenance),
            ),
            ("/.well-known/acme-challenge/", [198, 51, 100, 1], Approach::Closed(Reason::Maintenance)),
        ] {
            let request = request(&format!("GET {path} HTTP/1.1\r\nHost: a.test\r\n\r\n"), Scheme::Http);
            assert_eq!(
                approach(&site, &request, &from(client, false), Some(443)),
                expected,
                "{path} {client:?}"
            );
        }
    }
}
