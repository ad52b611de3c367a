//! One site's error pages, all classes on one page.

use super::on_site::OnSite;
use super::page;
use crate::api::{Api, pages as api};
use crate::error_pages::sample;
use crate::pages::console::Notice;
use crate::pages::site_pages::{ClassView, ErrorPages};
use crate::rim::Problem;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use error_pages::PageClass;

/// `GET /sites/{site}/pages`; the site by its id or one of its hosts.
pub(super) async fn show(State(api): State<Api>, OnSite { principal, site }: OnSite) -> Response {
    let classes = PageClass::ALL.into_iter().map(|class| ClassView {
        name: class.name(),
        status: sample(class).0,
        own: site.pages.by_class.get(&class).map(ToString::to_string),
        has_default: site.error_page.is_some(),
    });
    let shown = ErrorPages {
        csrf: principal.csrf().unwrap_or_default().to_owned(),
        public_url: api.plane.public_url.to_string(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        site: site.id.to_string(),
        host: site.hosts.first().map(ToString::to_string).unwrap_or_default(),
        contact: site.pages.contact.clone(),
        classes: classes.collect(),
    };
    let mut response = page(StatusCode::OK, shown.page());
    let policy = HeaderValue::from_static(crate::pages::site_pages::CONTENT_SECURITY_POLICY);
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

/// `GET /sites/{site}/pages/{class}`: what stands in its frame.
pub(super) async fn framed(
    State(api): State<Api>,
    Path((site, class)): Path<(String, PageClass)>,
    fields: HeaderMap,
) -> Result<Response, Problem> {
    match api.door.identify(&fields).await? {
        Some(_) => api::show(&api, &site, class).await,
        None => Ok(page(StatusCode::UNAUTHORIZED, Notice::sign_in().page())),
    }
}
