//! What a change of TLS and HTTPS takes from a site's visitors.
//!
//! To speak newer TLS alone keeps people out, to speak older again lets weaker ones in; what browsers were told of HTTPS
//! holds until its time is over, so that it can be neither broken off nor taken back. All of it is the customer's to ask
//! for.

use snapshot::{Front, Hsts};

/// Who is kept out, let in, bound or let go.
pub(super) fn lowers(before: &Front, after: &Front) -> impl Iterator<Item = String> {
    let certificates = before.client_certificates != after.client_certificates;
    let changes = [
        (after.tls_min > before.tls_min, "visitors who speak older versions of TLS are turned away"),
        (after.tls_min < before.tls_min, "older versions of TLS are spoken again"),
        (certificates, "other visitors' certificates are asked for"),
        (
            before.redirect_https && !after.redirect_https,
            "visitors who come by plain HTTP are no longer sent to HTTPS",
        ),
    ];
    let changes = changes.into_iter().filter(|(does, _)| *does).map(|(_, what)| what);
    let hsts = frees(before.hsts, after.hsts).into_iter().chain(binds(before.hsts, after.hsts));
    changes.chain(hsts).map(str::to_owned)
}

/// What browsers hear less of.
fn frees(before: Option<Hsts>, after: Option<Hsts>) -> Option<&'static str> {
    let before = before?;
    match after {
        None => Some("browsers are no longer told to come over HTTPS alone"),
        Some(after) if after.max_age_seconds < before.max_age_seconds => {
            Some("browsers are told for less long to come over HTTPS alone")
        }
        Some(after) if before.include_subdomains && !after.include_subdomains => {
            Some("the names below are no longer held to HTTPS")
        }
        Some(after) if before.preload && !after.preload => {
            Some("its place in browsers' own lists is given up")
        }
        Some(_) => None,
    }
}

/// What browsers will keep to whatever is set later.
fn binds(before: Option<Hsts>, after: Option<Hsts>) -> Option<&'static str> {
    let after = after?;
    let was = |set: fn(&Hsts) -> bool| before.as_ref().is_some_and(set);
    if after.preload && !was(|hsts| hsts.preload) {
        Some("browsers' vendors may list it and every name below for HTTPS alone, which takes months to undo")
    } else if after.include_subdomains && !was(|hsts| hsts.include_subdomains) {
        Some("every name below is bound to HTTPS for as long as browsers were told")
    } else {
        None
    }
}
