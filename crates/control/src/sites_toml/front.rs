//! How visitors come in: `redirect_https`, `hsts`, `tls_min`, `client_certificates`, `maintenance`, `bypass` and `trace`
//! of a site.

use super::origins;
use super::reader::{Fields, Place, short};
use super::site::unknown_word;
use snapshot::{Authorities, AuthoritiesPem, ClientCertificates, Front, Hsts, Maintenance, TlsMin};
use std::path::Path;
use vocabulary::Cidr;

pub(super) const KEYS: [&str; 7] =
    ["redirect_https", "hsts", "tls_min", "client_certificates", "maintenance", "bypass", "trace"];
const HSTS_KEYS: [&str; 3] = ["max_age", "include_subdomains", "preload"];
const HSTS_SAMPLE: &str = "hsts = { max_age = 31536000 }";
const CLIENT_KEYS: [&str; 2] = ["ca", "mode"];
const CLIENT_SAMPLE: &str = "client_certificates = { ca = \"clients.pem\", mode = \"required\" }";
const MAINTENANCE_KEYS: [&str; 2] = ["retry_after", "allow"];
const MAINTENANCE_SAMPLE: &str = "maintenance = { retry_after = 600, allow = [\"192.0.2.0/24\"] }";
/// Longest `max_age`: ten years.
const MAX_AGE_MAX: u32 = 10 * YEAR;
/// Longest `retry_after`: a week.
const RETRY_AFTER_MAX: u32 = 7 * 24 * 3600;
/// Where nothing is said.
const RETRY_AFTER: u32 = 600;
/// Most networks let in during maintenance.
const ALLOW_MAX: usize = 64;
const YEAR: u32 = 365 * 24 * 3600;

/// What an owner sets for the way in, from visitors to the origin's own idea of its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WaysIn {
    /// How visitors come in.
    pub(crate) front: Front,
    /// The host that origins are asked for, with or without a port; none: the visitor's.
    pub(crate) origin_host: Option<String>,
}

/// All of it; paths of files start at `base`.
pub(super) fn ways_in(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> WaysIn {
    WaysIn { front: read(fields, base), origin_host: origins::host(fields) }
}

/// Paths of files start at `base`.
pub(super) fn read(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> Front {
    Front {
        redirect_https: fields.truth("redirect_https").unwrap_or_default(),
        hsts: hsts(fields),
        tls_min: tls_min(fields),
        client_certificates: client_certificates(fields, base),
        maintenance: maintenance(fields),
        bypass: fields.truth("bypass").unwrap_or_default(),
        trace: fields.truth("trace").unwrap_or_default(),
    }
}

fn hsts(fields: &mut Fields<'_, '_, '_, '_>) -> Option<Hsts> {
    let (table, place) = fields.table("hsts", HSTS_SAMPLE)?;
    let mut inner = Fields::new(table, place.clone(), &HSTS_KEYS, fields.complaints());
    inner.complain_if_missing("max_age", "; write max_age = 31536000, a year");
    let max_age_seconds = seconds(&mut inner, "max_age", MAX_AGE_MAX).unwrap_or_default();
    let include_subdomains = inner.truth("include_subdomains").unwrap_or_default();
    let preload = inner.truth("preload").unwrap_or_default();
    // What the vendors of browsers ask of a name before they take it.
    if preload && (!include_subdomains || max_age_seconds < YEAR) {
        let message = format!("preload goes with include_subdomains = true and max_age = {YEAR} or more");
        fields.complain(place, message);
    }
    Some(Hsts { max_age_seconds, include_subdomains, preload })
}

fn tls_min(fields: &mut Fields<'_, '_, '_, '_>) -> TlsMin {
    let Some((text, place)) = fields.text("tls_min") else { return TlsMin::default() };
    match text.as_str() {
        "1.2" => TlsMin::Tls12,
        "1.3" => TlsMin::Tls13,
        other => {
            fields.complain(place, unknown_word("tls_min", other, &["1.2", "1.3"]));
            TlsMin::default()
        }
    }
}

fn client_certificates(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> Option<ClientCertificates> {
    let (table, place) = fields.table("client_certificates", CLIENT_SAMPLE)?;
    let mut inner = Fields::new(table, place, &CLIENT_KEYS, fields.complaints());
    let (authorities, mode) = (inner.required_text("ca"), inner.text("mode"));
    let required = match mode {
        None => true,
        Some((mode, _)) if mode == "required" => true,
        Some((mode, _)) if mode == "optional" => false,
        Some((mode, place)) => {
            inner.complain(place, unknown_word("mode", &mode, &["required", "optional"]));
            true
        }
    };
    Some(ClientCertificates { authorities: believed(&mut inner, authorities?, base)?, required })
}

/// The certificates themselves, or the path of a file with them.
fn believed(
    fields: &mut Fields<'_, '_, '_, '_>,
    (text, place): (String, Place),
    base: &Path,
) -> Option<Authorities> {
    if !AuthoritiesPem::is_meant(&text) {
        return Some(Authorities::File(base.join(text)));
    }
    match AuthoritiesPem::parse(&text) {
        Ok(pem) => Some(Authorities::Pem(pem)),
        Err(error) => {
            fields.complain(place, error.to_string());
            None
        }
    }
}

fn maintenance(fields: &mut Fields<'_, '_, '_, '_>) -> Option<Maintenance> {
    let (table, place) = fields.table("maintenance", MAINTENANCE_SAMPLE)?;
    let mut inner = Fields::new(table, place, &MAINTENANCE_KEYS, fields.complaints());
    let retry_after_seconds = seconds(&mut inner, "retry_after", RETRY_AFTER_MAX).unwrap_or(RETRY_AFTER);
    Some(Maintenance { retry_after_seconds, allow: networks(&mut inner) })
}

fn networks(fields: &mut Fields<'_, '_, '_, '_>) -> Vec<Cidr> {
    let Some((texts, place)) = fields.texts("allow") else { return Vec::new() };
    if texts.len() > ALLOW_MAX {
        fields
            .complain(place, format!("\"allow\" has {} items; at most {ALLOW_MAX} are allowed", texts.len()));
    }
    let mut networks = Vec::new();
    for (text, place) in texts {
        match text.parse() {
            Ok(network) => networks.push(network),
            Err(_) => {
                let text = short(&text);
                fields.complain(place, format!("{text:?} is no address and no network such as 192.0.2.0/24"));
            }
        }
    }
    networks
}

fn seconds(fields: &mut Fields<'_, '_, '_, '_>, key: &str, most: u32) -> Option<u32> {
    let (seconds, place) = fields.number(key)?;
    let fits = u32::try_from(seconds).ok().filter(|seconds| *seconds <= most);
    if fits.is_none() {
        fields.complain(place, format!("{key} is a number of seconds from 0 to {most}"));
    }
    fits
}
