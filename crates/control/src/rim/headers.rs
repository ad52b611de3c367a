//! Response fields that protect people's browsers.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

/// Console: own scripts and styles, nothing inline, nothing from elsewhere.
const CONSOLE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Public record: as the console's, and no scripts at all.
const RECORD_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Adds the console's fields; answers are private unless a handler said otherwise.
pub(crate) async fn console(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    protect(&mut response, CONSOLE_POLICY);
    // Not `no-referrer`: with that a browser sends the console's own forms with `Origin: null` (Fetch, "append
    // a request Origin header"), and they would look like another site's.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Adds the public record's fields; anyone may read it from anywhere, and no cookie ever leaves it.
pub(crate) async fn record(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    protect(&mut response, RECORD_POLICY);
    let fields = response.headers_mut();
    fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    fields.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    fields.remove(header::SET_COOKIE);
    fields.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-cache"));
    response
}

/// Adds the fields of report pages: like the record's, but for nobody else's page to read, and never kept.
pub(crate) async fn report(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    protect(&mut response, RECORD_POLICY);
    let fields = response.headers_mut();
    fields.remove(header::SET_COOKIE);
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn protect(response: &mut Response, policy: &'static str) {
    let fields = response.headers_mut();
    // A page that states its own policy knows better: the record's pages permit their style sheet by hash.
    fields.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(policy));
    fields.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    fields.entry(header::X_FRAME_OPTIONS).or_insert(HeaderValue::from_static("DENY"));
    fields.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    fields.insert(
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    );
    fields.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
}
