//! Requests made by other sites' pages, and by names that only pretend to be this machine.

use super::{Problem, Reason};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use vocabulary::Hostname;

/// What names the control listener answers to.
#[derive(Debug, Clone)]
pub(crate) struct OwnNames(Arc<SocketAddr>);

impl OwnNames {
    /// The names of a listener at this address: the address itself, and on loopback `localhost` and
    /// every loopback address. Ports are left aside, so that a forwarded port works; a rebound name
    /// is caught by the name.
    pub(crate) fn of(listen: SocketAddr) -> Self {
        Self(Arc::new(listen))
    }

    fn contain(&self, authority: &str) -> bool {
        let Some(host) = host_of(authority) else { return false };
        match host.ip() {
            Some(ip) => ip == self.0.ip() || (is_loopback(self.0.ip()) && is_loopback(ip)),
            None => host.as_str() == "localhost" && is_loopback(self.0.ip()),
        }
    }
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The host of `host[:port]`.
fn host_of(authority: &str) -> Option<Hostname> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !host.ends_with(':') => host,
        _ => authority,
    };
    Hostname::parse(host).ok()
}

/// Lets a request pass that names this listener and was not made by another site's page.
pub(crate) async fn own_site_only(State(names): State<OwnNames>, request: Request, next: Next) -> Response {
    match check(&names, request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(reason) => Problem::new(reason).into_response(),
    }
}

fn check(names: &OwnNames, method: &Method, fields: &HeaderMap) -> Result<(), Reason> {
    let host = single(fields, &header::HOST).ok_or(Reason::ForeignHost)?;
    if !names.contain(host) {
        return Err(Reason::ForeignHost);
    }
    if method.is_safe() {
        return Ok(());
    }
    if fields.contains_key(header::ORIGIN) {
        let origin = single(fields, &header::ORIGIN).ok_or(Reason::ForeignOrigin)?;
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        if authority != Some(host) {
            return Err(Reason::ForeignOrigin);
        }
    }
    match fields.get("sec-fetch-site").map(|value| value.as_bytes()) {
        None | Some(b"same-origin" | b"none") => Ok(()),
        Some(_) => Err(Reason::ForeignOrigin),
    }
}

/// The value of a field that must stand exactly once.
fn single<'a>(fields: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    let mut values = fields.get_all(name).iter();
    let first = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(method: Method, fields: &[(&'static str, &str)]) -> Result<(), Reason> {
        let names = OwnNames::of("127.0.0.1:9090".parse().expect("address"));
        let mut map = HeaderMap::new();
        for (name, value) in fields {
            map.append(*name, value.parse().expect("value"));
        }
        check(&names, &method, &map)
    }

    #[test]
    fn only_own_names_are_answered() {
        for host in ["localhost:9090", "localhost", "127.0.0.1:9090", "[::1]:9090", "LOCALHOST:19090"] {
            assert_eq!(verdict(Method::GET, &[("host", host)]), Ok(()), "{host}");
        }
        for host in ["evil.test", "evil.test:9090", "localhost.evil.test", "192.0.2.1", "", "local host"] {
            assert_eq!(verdict(Method::GET, &[("host", host)]), Err(Reason::ForeignHost), "{host}");
        }
        assert_eq!(verdict(Method::GET, &[]), Err(Reason::ForeignHost));
        let twice = [("host", "localhost"), ("host", "localhost")];
        assert_eq!(verdict(Method::GET, &twice), Err(Reason::ForeignHost));
    }

    #[test]
    fn changes_asked_for_by_other_sites_are_refused() {
        let host = ("host", "localhost:9090");
        for (field, value, expected) in [
            ("origin", "http://localhost:9090", Ok(())),
            ("origin", "http://evil.test", Err(Reason::ForeignOrigin)),
            ("origin", "http://localhost:8080", Err(Reason::ForeignOrigin)),
            ("origin", "null", Err(Reason::ForeignOrigin)),
            ("sec-fetch-site", "same-origin", Ok(())),
            ("sec-fetch-site", "same-site", Err(Reason::ForeignOrigin)),
            ("sec-fetch-site", "cross-site", Err(Reason::ForeignOrigin)),
        ] {
            assert_eq!(verdict(Method::POST, &[host, (field, value)]), expected, "{field}: {value}");
            assert_eq!(verdict(Method::GET, &[host, (field, value)]), Ok(()), "{field}: {value}");
        }
    }
}
