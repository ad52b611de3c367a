//! Which answer a request gets.

use super::{catalogue, pages};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;

/// Everything the site loads is its own.
const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// Answers one request; its body, if it has one, is not read.
pub(super) fn answer<B>(request: &Request<B>) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "This library only lends: GET and HEAD.\n");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    let path = request.uri().path();
    if path == "/catalogue" {
        return fresh(catalogue::page(request.uri().query().unwrap_or_default()));
    }
    match pages::find(path) {
        Some(page) if is_known(request.headers(), page.etag()) => {
            headed(StatusCode::NOT_MODIFIED, page, Bytes::new())
        }
        Some(page) => headed(StatusCode::OK, page, Bytes::from_static(page.body().as_bytes())),
        None => {
            let page = pages::not_found();
            headed(StatusCode::NOT_FOUND, page, Bytes::from_static(page.body().as_bytes()))
        }
    }
}

/// A page made for this one request.
fn fresh(page: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(page)));
    put(&mut response, CONTENT_TYPE, pages::HTML);
    put(&mut response, CACHE_CONTROL, "private, no-store");
    put(&mut response, CONTENT_SECURITY_POLICY, POLICY);
    response
}

fn headed(status: StatusCode, page: &'static pages::Page, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    put(&mut response, CONTENT_TYPE, page.media_type());
    put(&mut response, CACHE_CONTROL, page.cache_control());
    put(&mut response, ETAG, page.etag());
    put(&mut response, CONTENT_SECURITY_POLICY, POLICY);
    response
}

fn text(status: StatusCode, words: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(words.as_bytes())));
    *response.status_mut() = status;
    put(&mut response, CONTENT_TYPE, "text/plain; charset=utf-8");
    put(&mut response, CACHE_CONTROL, "no-store");
    response
}

fn put(response: &mut Response<Full<Bytes>>, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}

/// Whether the client already holds this version (RFC 9110 section 13.1.2, weak comparison).
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        list.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == etag)
    })
}
