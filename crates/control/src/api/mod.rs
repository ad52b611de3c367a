//! `/api/v1`: what the console, the command line and other programs speak.
//!
//! Owns paths, shapes and the translation of refusals into problem documents; the work itself is done
//! by the domain crates and the modules beside this one. Must not decide anything.
//!
//! Everything here is described by `openapi.json`, which is generated from these handlers.

mod accounts;
mod alarms;
pub(crate) mod appeals;
pub(crate) mod authorities;
mod cache;
pub(crate) mod cases;
mod certificates;
pub(crate) mod decisions;
pub(crate) mod defence;
pub(crate) mod erasures;
mod events;
pub(crate) mod evidence;
mod explain;
pub(crate) mod findings;
pub(crate) mod follow_ups;
pub(crate) mod forwards;
pub(crate) mod hosts;
pub(crate) mod links;
mod mails;
pub(crate) mod orders;
pub(crate) mod pages;
pub(crate) mod policies;
mod prewarm;
pub(crate) mod purges;
pub(crate) mod referrals;
pub(crate) mod refusals;
pub(crate) mod reports;
pub(crate) mod scope_preview;
mod sealed;
mod session;
pub(crate) mod site_defence;
mod sites;
pub(crate) mod suspension;
mod system;
mod ways_in;

pub(crate) use session::enter;

use crate::plane::Plane;
use crate::rim::idempotency::Repeats;
use crate::rim::principal::Door;
use crate::rim::{Problem, Reason, idempotency, principal};
use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// What every handler gets.
#[derive(Clone)]
pub(crate) struct Api {
    /// The control plane.
    pub(crate) plane: Arc<Plane>,
    /// Who may enter.
    pub(crate) door: Door,
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Wardmote",
        description = "Sites behind the edge, cases, decisions and their signatures. Errors are problem documents \
                       (RFC 9457) with a stable `reason`; `GET /api/v1/reasons` lists them. Send `If-Match` with \
                       an ETag to change a case only as you saw it, `Idempotency-Key` to repeat a request safely.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    security(("token" = []), ("session" = []))
)]
struct Described;

/// The handlers for everybody, for customers and the operator, and for the operator alone.
struct Handlers {
    open: Router<Api>,
    shared: Router<Api>,
    guarded: Router<Api>,
}

/// What is exchanged with authorities and reviewers, and by mail.
fn correspondence(router: OpenApiRouter<Api>) -> OpenApiRouter<Api> {
    router
        .routes(routes!(referrals::packet))
        .routes(routes!(referrals::give_pass))
        .routes(routes!(referrals::end_pass))
        .routes(routes!(referrals::mail))
        .routes(routes!(authorities::list, authorities::enter))
        .routes(routes!(authorities::step))
        .routes(routes!(orders::list, orders::receive))
        .routes(routes!(orders::one))
        .routes(routes!(orders::step))
        .routes(routes!(appeals::give_pass))
        .routes(routes!(links::note))
        .routes(routes!(links::confirm))
        .routes(routes!(mails::list))
        .routes(routes!(sealed::disclose))
        .routes(routes!(mails::again))
        .routes(routes!(mails::settle))
        .routes(routes!(policies::list, policies::publish))
        .routes(routes!(alarms::settle))
}

/// The handlers by who may call them, with their description.
fn described() -> (Handlers, utoipa::openapi::OpenApi) {
    let (open, open_text) = OpenApiRouter::<Api>::with_openapi(Described::openapi())
        .routes(routes!(session::setup))
        .routes(routes!(system::reasons))
        .routes(routes!(system::openapi))
        .split_for_parts();
    let (shared, shared_text) = OpenApiRouter::<Api>::with_openapi(open_text)
        .routes(routes!(hosts::list, hosts::add))
        .routes(routes!(hosts::one, hosts::release))
        .routes(routes!(hosts::look))
        .routes(routes!(accounts::export))
        .split_for_parts();
    let (guarded, mut text) = correspondence(OpenApiRouter::with_openapi(shared_text))
        .routes(routes!(session::present, session::leave))
        .routes(routes!(session::setup_link))
        .routes(routes!(sites::list))
        .routes(routes!(sites::apply))
        .routes(routes!(sites::export))
        .routes(routes!(sites::revisions))
        .routes(routes!(accounts::list, accounts::give))
        .routes(routes!(accounts::end))
        .routes(routes!(certificates::list))
        .routes(routes!(certificates::upload))
        .routes(routes!(pages::take_in))
        .routes(routes!(pages::shown))
        .routes(routes!(cases::list, cases::open))
        .routes(routes!(cases::one))
        .routes(routes!(cases::close))
        .routes(routes!(cases::record_fact))
        .routes(routes!(cases::gate))
        .routes(routes!(evidence::list, evidence::put))
        .routes(routes!(evidence::read))
        .routes(routes!(findings::add))
        .routes(routes!(findings::rate))
        .routes(routes!(referrals::add))
        .routes(routes!(referrals::send))
        .routes(routes!(referrals::deliver))
        .routes(routes!(referrals::acknowledge))
        .routes(routes!(referrals::answer))
        .routes(routes!(referrals::call_back))
        .routes(routes!(referrals::fall_silent))
        .routes(routes!(reports::allegations))
        .routes(routes!(reports::of_allegation))
        .routes(routes!(reports::assign))
        .routes(routes!(reports::signal))
        .routes(routes!(reports::close_allegation))
        .routes(routes!(reports::file))
        .routes(routes!(reports::open))
        .routes(routes!(reports::readings))
        .routes(routes!(reports::message))
        .routes(routes!(reports::assess))
        .routes(routes!(reports::close))
        .routes(routes!(reports::erase))
        .routes(routes!(forwards::forward))
        .routes(routes!(scope_preview::preview))
        .routes(routes!(decisions::propose))
        .routes(routes!(decisions::list))
        .routes(routes!(decisions::one))
        .routes(routes!(decisions::bytes))
        .routes(routes!(decisions::approve))
        .routes(routes!(follow_ups::propose, follow_ups::withdraw))
        .routes(routes!(appeals::file))
        .routes(routes!(appeals::step))
        .routes(routes!(appeals::compare))
        .routes(routes!(suspension::one, suspension::propose, suspension::withdraw))
        .routes(routes!(erasures::propose))
        .routes(routes!(erasures::bytes))
        .routes(routes!(erasures::approve))
        .routes(routes!(suspension::bytes))
        .routes(routes!(suspension::approve))
        .routes(routes!(purges::list, purges::purge))
        .routes(routes!(purges::one))
        .routes(routes!(cache::counters))
        .routes(routes!(cache::live))
        .routes(routes!(defence::book))
        .routes(routes!(defence::enter))
        .routes(routes!(defence::end))
        .routes(routes!(defence::put_list, defence::remove_list))
        .routes(routes!(defence::events))
        .routes(routes!(defence::signatures))
        .routes(routes!(defence::undo))
        .routes(routes!(site_defence::switch_on, site_defence::switch_off))
        .routes(routes!(site_defence::defence_of, site_defence::set_defence))
        .routes(routes!(ways_in::ways_in_of, ways_in::set_ways_in))
        .routes(routes!(system::status))
        .routes(routes!(system::backup))
        .routes(routes!(explain::explain))
        .routes(routes!(prewarm::warm))
        .routes(routes!(prewarm::sitemap))
        .routes(routes!(events::live))
        .split_for_parts();
    let components = text.components.get_or_insert_default();
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    components
        .add_security_scheme("session", SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("wardmote"))));
    (Handlers { open, shared, guarded }, text)
}

/// The description of the whole API.
pub(crate) fn openapi() -> utoipa::openapi::OpenApi {
    described().1
}

/// The whole API.
pub(crate) fn router(api: &Api) -> Router {
    let (Handlers { open, shared, guarded }, _) = described();
    let repeats = Repeats { records: api.plane.records.clone(), clock: api.plane.clock.clone() };
    let shared = shared
        .layer(from_fn_with_state(repeats.clone(), idempotency::once))
        .layer(from_fn_with_state(api.door.clone(), principal::any_account));
    let guarded = guarded
        .layer(from_fn_with_state(repeats, idempotency::once))
        .layer(from_fn_with_state(api.door.clone(), principal::authenticated));
    let none = || async { Problem::new(Reason::NotFound) };
    let router = guarded
        .merge(shared)
        .merge(open)
        .method_not_allowed_fallback(|| async { Problem::new(Reason::NotAllowed) });
    // Unknown paths below the API are answered as documents, too.
    router.route("/api/{*rest}", axum::routing::any(none)).layer(from_fn(no_store)).with_state(api.clone())
}

async fn no_store(request: axum::extract::Request, next: axum::middleware::Next) -> axum::response::Response {
    let mut response = next.run(request).await;
    let value = axum::http::HeaderValue::from_static("no-store");
    response.headers_mut().entry(axum::http::header::CACHE_CONTROL).or_insert(value);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The committed description is the generated one. To renew it: `BLESS=1 cargo test -p control openapi`.
    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test reads whether to renew its file")]
    fn the_committed_openapi_document_is_the_generated_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/openapi.json");
        let text = openapi().to_pretty_json().expect("json") + "\n";
        if std::env::var("BLESS").is_ok() {
            std::fs::write(path, &text).expect("written");
        }
        let committed = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            committed == text,
            "crates/control/openapi.json has drifted; run BLESS=1 cargo test -p control openapi"
        );
    }
}
