//! How visitors come in, as the keys of a sites file.

use super::export::{list, quoted};
use snapshot::{ClientCertificates, Front, Hsts, Maintenance, TlsMin};
use std::fmt::Write as _;

/// Writes what is not at its default.
pub(super) fn write_front(text: &mut String, front: &Front) {
    let switches =
        [("redirect_https", front.redirect_https), ("bypass", front.bypass), ("trace", front.trace)];
    // Writing to a String cannot fail.
    for (key, _) in switches.iter().filter(|(_, on)| *on) {
        let _ = writeln!(text, "  {key} = true");
    }
    if let Some(Hsts { max_age_seconds, include_subdomains, preload }) = &front.hsts {
        let below = if *include_subdomains { ", include_subdomains = true" } else { "" };
        let listed = if *preload { ", preload = true" } else { "" };
        let _ = writeln!(text, "  hsts = {{ max_age = {max_age_seconds}{below}{listed} }}");
    }
    if front.tls_min == TlsMin::Tls13 {
        text.push_str("  tls_min = \"1.3\"\n");
    }
    if let Some(ClientCertificates { authorities, required }) = &front.client_certificates {
        let (ca, mode) =
            (quoted(&authorities.to_string_lossy()), if *required { "required" } else { "optional" });
        let _ = writeln!(text, "  client_certificates = {{ ca = {ca}, mode = \"{mode}\" }}");
    }
    if let Some(Maintenance { retry_after_seconds, allow }) = &front.maintenance {
        let allow = match allow.is_empty() {
            true => String::new(),
            false => format!(", allow = {}", list(allow.iter().map(ToString::to_string))),
        };
        let _ = writeln!(text, "  maintenance = {{ retry_after = {retry_after_seconds}{allow} }}");
    }
}
