//! Who asks for a page about one site, which site that is, and the form that was sent from there.

use super::{FORM_BYTES_MAX, form, page};
use crate::api::Api;
use crate::pages::cache::SiteHead;
use crate::pages::console::Notice;
use crate::purges;
use crate::rim::principal::{Principal, check_csrf};
use crate::rim::{Problem, body};
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use snapshot::Site;

/// A session at the page of a site, named in the path by its id or by one of its hosts. Who has no session is asked for
/// one; a site that is not there is a page that is not there.
pub(super) struct OnSite {
    pub(super) principal: Principal,
    pub(super) site: Site,
}

/// The same with a form that the session has sent: one without its token goes no further.
pub(super) struct SentOnSite<F> {
    pub(super) principal: Principal,
    pub(super) site: Site,
    pub(super) sent: F,
}

/// A form of the console.
pub(super) trait Sent: DeserializeOwned + Default {
    /// The session's token as it was sent.
    fn csrf(&self) -> &str;
}

impl FromRequestParts<Api> for OnSite {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Response> {
        let principal = api.door.identify(&parts.headers).await.map_err(Problem::into_response)?;
        let locked = || page(StatusCode::UNAUTHORIZED, Notice::sign_in().page());
        let principal = principal.ok_or_else(locked)?;
        let missing = || page(StatusCode::NOT_FOUND, Notice::missing().page());
        let Path(named) = Path::<String>::from_request_parts(parts, api).await.map_err(|_| missing())?;
        let fleet = api.plane.fleet().await.map_err(|error| Problem::from(error).into_response())?;
        let site = purges::site_named(&fleet.sites, &named).cloned().ok_or_else(missing)?;
        Ok(Self { principal, site })
    }
}

impl<F: Sent> FromRequest<Api> for SentOnSite<F> {
    type Rejection = Response;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Response> {
        let (mut parts, body) = request.into_parts();
        let OnSite { principal, site } = OnSite::from_request_parts(&mut parts, api).await?;
        let bytes = body::whole(body, FORM_BYTES_MAX).await.map_err(Problem::into_response)?;
        let sent: F = form(&bytes).unwrap_or_default();
        check_csrf(&principal, sent.csrf()).map_err(Problem::into_response)?;
        Ok(Self { principal, site, sent })
    }
}

/// The site as its pages name it.
pub(super) fn head(site: &Site) -> SiteHead {
    SiteHead { id: site.id.to_string(), hosts: site.hosts.iter().map(ToString::to_string).collect() }
}
