//! How visitors come in, as the keys of a sites file.

use super::export::{list, quoted};
use snapshot::{Authorities, ClientCertificates, Front, Hsts, Maintenance, Site, TlsMin};
use std::fmt::Write as _;

/// The ways into one site by themselves.
pub(crate) fn text(site: &Site) -> String {
    let mut text = String::new();
    write_front(&mut text, "", &site.front);
    if let Some(host) = &site.origin_policy.host {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "origin_host = {}", quoted(host));
    }
    text
}

/// Writes what is not at its default, each line behind `indent`.
pub(super) fn write_front(text: &mut String, indent: &str, front: &Front) {
    let switches =
        [("redirect_https", front.redirect_https), ("bypass", front.bypass), ("trace", front.trace)];
    // Writing to a String cannot fail.
    for (key, _) in switches.iter().filter(|(_, on)| *on) {
        let _ = writeln!(text, "{indent}{key} = true");
    }
    if let Some(Hsts { max_age_seconds, include_subdomains, preload }) = &front.hsts {
        let below = if *include_subdomains { ", include_subdomains = true" } else { "" };
        let listed = if *preload { ", preload = true" } else { "" };
        let _ = writeln!(text, "{indent}hsts = {{ max_age = {max_age_seconds}{below}{listed} }}");
    }
    if front.tls_min == TlsMin::Tls13 {
        let _ = writeln!(text, "{indent}tls_min = \"1.3\"");
    }
    if let Some(ClientCertificates { authorities, required }) = &front.client_certificates {
        let ca = match authorities {
            Authorities::File(path) => quoted(&path.to_string_lossy()),
            Authorities::Pem(pem) => quoted(pem.as_str()),
        };
        let mode = if *required { "required" } else { "optional" };
        let _ = writeln!(text, "{indent}client_certificates = {{ ca = {ca}, mode = \"{mode}\" }}");
    }
    if let Some(Maintenance { retry_after_seconds, allow }) = &front.maintenance {
        let allow = match allow.is_empty() {
            true => String::new(),
            false => format!(", allow = {}", list(allow.iter().map(ToString::to_string))),
        };
        let _ = writeln!(text, "{indent}maintenance = {{ retry_after = {retry_after_seconds}{allow} }}");
    }
}
