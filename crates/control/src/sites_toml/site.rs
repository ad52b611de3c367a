//! One `[[account.site]]`.

use super::pages::{self, PageEntries};
use super::reader::{Complaints, Fields, Place, short};
use super::{defence, front, nearest, origins, rules};
use caching::Rules;
use snapshot::{CacheMode, CertificateFiles, Front, Origin, OriginPolicy, Scheme, Service, ShieldSettings};
use std::collections::BTreeSet;
use std::path::Path;
use toml::de::{DeTable, DeValue};
use vocabulary::{Hostname, SitePattern};

const KEYS: [&str; 16] = [
    "hosts",
    "origins",
    "origin",
    "balance",
    "health",
    "ejection",
    "retries",
    "timeouts",
    "origin_tls",
    "origin_host",
    "origin_secret",
    "certificate",
    "services",
    "cache",
    "cache_rules",
    "error_page",
];
const SERVICES: [&str; 3] = ["cache", "shield", "errors"];
const CACHE_MODES: [&str; 2] = ["guarded", "origin"];
/// Most host patterns of one site.
const HOSTS_MAX: usize = 200;
/// Longest error page, in bytes.
const ERROR_PAGE_MAX: usize = 64 << 10;

/// A site as the file describes it; ids are given when it is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SiteEntry {
    /// Names it answers to, at least one, in the file's order.
    pub hosts: Vec<SitePattern>,
    /// Where its content comes from, at least one.
    pub origins: Vec<Origin>,
    /// How they are used.
    pub origin_policy: OriginPolicy,
    /// Certificate and key on disk; none means the local authority's.
    pub certificate: Option<CertificateFiles>,
    /// Services in use; all three when the file says nothing.
    pub services: BTreeSet<Service>,
    /// What may be stored.
    pub cache: CacheMode,
    /// What the owner sets beyond the origin's fields.
    pub cache_rules: Rules,
    /// The site's own error page, HTML with tokens.
    pub error_page: Option<String>,
    /// How visitors come in.
    pub front: Front,
    /// Its own error pages, those of its account included.
    pub pages: PageEntries,
    /// Its defence.
    pub shield: ShieldSettings,
}

pub(super) fn read(
    table: &DeTable<'_>,
    span: Place,
    base: &Path,
    complaints: &mut Complaints<'_>,
) -> Option<SiteEntry> {
    if !complaints.site_fits() {
        complaints.add(span, format!("more than {} sites in one file", super::SITES_MAX));
        return None;
    }
    let keys = [&KEYS[..], &front::KEYS, &["pages", "shield"]].concat();
    let mut fields = Fields::new(table, span, &keys, complaints);
    let origins = origins::read(&mut fields);
    Some(SiteEntry {
        shield: defence::read(&mut fields, base, origins.len()),
        hosts: hosts(&mut fields),
        origins,
        origin_policy: origins::policy(&mut fields, base),
        certificate: certificate(&mut fields, base),
        services: services(&mut fields),
        cache: cache(&mut fields),
        cache_rules: rules::read(&mut fields),
        error_page: error_page(&mut fields),
        front: front::read(&mut fields, base),
        pages: pages::read(&mut fields, base),
    })
}

fn hosts(fields: &mut Fields<'_, '_, '_, '_>) -> Vec<SitePattern> {
    let mut hosts = Vec::new();
    for (text, place) in list(fields, "hosts", HOSTS_MAX, "[\"example.test\", \"*.example.test\"]") {
        match text.parse::<SitePattern>() {
            Ok(host) => {
                if let Some(line) = fields.complaints().host_line_before(&host, &place) {
                    let message =
                        format!("{host} is named already on line {line}; a host belongs to one site");
                    fields.complain(place, message);
                } else {
                    hosts.push(host);
                }
            }
            Err(error) => fields.complain(place, error.to_string()),
        }
    }
    hosts
}

/// A required list that may not be empty.
pub(super) fn list(
    fields: &mut Fields<'_, '_, '_, '_>,
    key: &str,
    most: usize,
    sample: &str,
) -> Vec<(String, Place)> {
    fields.complain_if_missing(key, &format!("; write {key} = {sample}"));
    let Some((texts, place)) = fields.texts(key) else { return Vec::new() };
    if texts.is_empty() {
        fields.complain(place, format!("{key:?} is empty; write {key} = {sample}"));
    } else if texts.len() > most {
        fields.complain(place, format!("{key:?} has {} items; at most {most} are allowed", texts.len()));
    }
    texts
}

/// `http://host:port` or `https://host:port`; scheme `http` and the scheme's port may be left out. The error
/// says what to write.
pub fn origin(text: &str) -> Result<Origin, String> {
    let (scheme, rest) = match text.split_once("://") {
        Some(("http", rest)) => (Scheme::Http, rest),
        Some(("https", rest)) => (Scheme::Https, rest),
        Some(_) => return Err("only http:// and https:// are spoken to origins".to_owned()),
        None => (Scheme::Http, text),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#', '@']) {
        return Err("write scheme, host and port alone, such as http://127.0.0.1:3000".to_owned());
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') && (!host.contains(':') || host.ends_with(']')) => {
            let port = port.parse::<u16>().ok().filter(|port| *port > 0);
            (host, port.ok_or("the port is no number from 1 to 65535")?)
        }
        _ => (authority, if scheme == Scheme::Https { 443 } else { 80 }),
    };
    let host = Hostname::parse(host).map_err(|error| error.to_string())?;
    Ok(Origin::new(scheme, host, port))
}

fn certificate(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> Option<CertificateFiles> {
    let value = fields.get("certificate")?;
    let DeValue::Table(table) = value.get_ref() else {
        let sample = "{ chain = \"cert.pem\", key = \"key.pem\" }";
        fields.complain(value.span(), format!("certificate is written certificate = {sample}"));
        return None;
    };
    let mut inner = Fields::new(table, value.span(), &["chain", "key"], fields.complaints());
    let chain = inner.required_text("chain");
    let key = inner.required_text("key");
    Some(CertificateFiles { chain: base.join(chain?.0), key: base.join(key?.0) })
}

fn services(fields: &mut Fields<'_, '_, '_, '_>) -> BTreeSet<Service> {
    let Some((texts, _)) = fields.texts("services") else {
        return BTreeSet::from([Service::Cache, Service::Shield, Service::Errors]);
    };
    let mut services = BTreeSet::new();
    for (text, place) in texts {
        match text.as_str() {
            "cache" => services.insert(Service::Cache),
            "shield" => services.insert(Service::Shield),
            "errors" => services.insert(Service::Errors),
            other => {
                fields.complain(place, unknown_word("service", other, &SERVICES));
                false
            }
        };
    }
    services
}

fn cache(fields: &mut Fields<'_, '_, '_, '_>) -> CacheMode {
    let Some((text, place)) = fields.text("cache") else { return CacheMode::Guarded };
    match text.as_str() {
        "guarded" => CacheMode::Guarded,
        "origin" => CacheMode::Origin,
        other => {
            fields.complain(place, unknown_word("cache mode", other, &CACHE_MODES));
            CacheMode::Guarded
        }
    }
}

fn error_page(fields: &mut Fields<'_, '_, '_, '_>) -> Option<String> {
    let (page, place) = fields.text("error_page")?;
    if page.len() > ERROR_PAGE_MAX {
        fields.complain(place, format!("the error page is longer than {} KiB", ERROR_PAGE_MAX >> 10));
    }
    Some(page)
}

pub(super) fn unknown_word(what: &str, word: &str, known: &[&str]) -> String {
    let hint = match nearest(word, known) {
        Some(near) => format!("did you mean {near:?}?"),
        None => format!("known: {}", known.join(", ")),
    };
    format!("unknown {what} {:?}; {hint}", short(word))
}
