//! `origin_tls`, `origin_host`, `origin_secret`: how the edge shows itself to origins, and whom it believes.

use super::super::reader::{Fields, short};
use super::super::site::unknown_word;
use super::{TEXT_BYTES_MAX, is_host_field, is_token};
use snapshot::{CertificateFiles, OriginProtocol, OriginSecret, OriginTls, Trusted};
use std::path::Path;
use toml::de::DeValue;
use vocabulary::{Digest, Hostname};

const TLS_KEYS: [&str; 5] = ["ca", "pin", "verify", "server_name", "certificate"];
const SECRET_KEYS: [&str; 2] = ["name", "file"];
/// Most pinned certificates of one site.
const PINS_MAX: usize = 16;
/// Fields that the edge writes itself, or that mean something to everybody on the way.
const TAKEN: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "upgrade",
    "via",
    "forwarded",
    "cdn-loop",
    "cookie",
    "authorization",
    "range",
];

pub(super) fn tls(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> OriginTls {
    let Some((table, place)) = fields.table("origin_tls", "origin_tls = { ca = \"ca.pem\" }") else {
        return OriginTls::default();
    };
    let mut fields = Fields::new(table, place.clone(), &TLS_KEYS, fields.complaints());
    let authorities = fields.text("ca").map(|(path, _)| Trusted::Authorities(base.join(path)));
    let pinned = pins(&mut fields).map(Trusted::Pinned);
    let unverified = fields.truth("verify").filter(|verify| !verify).map(|_| Trusted::Unverified);
    if [&authorities, &pinned, &unverified].into_iter().flatten().count() > 1 {
        fields.complain(place, "origin_tls has one of ca, pin and verify = false".to_owned());
    }
    OriginTls {
        trust: pinned.or(authorities).or(unverified).unwrap_or_default(),
        server_name: server_name(&mut fields),
        client: client(&mut fields, base),
    }
}

pub(super) fn server_name(fields: &mut Fields<'_, '_, '_, '_>) -> Option<Hostname> {
    let (text, place) = fields.text("server_name")?;
    let name = Hostname::parse(&text).ok();
    if name.is_none() {
        fields.complain(place, format!("{:?} is no host name", short(&text)));
    }
    name
}

/// `protocol` of one origin.
pub(super) fn protocol(fields: &mut Fields<'_, '_, '_, '_>) -> OriginProtocol {
    let Some((text, place)) = fields.text("protocol") else { return OriginProtocol::default() };
    match text.as_str() {
        "auto" => OriginProtocol::Auto,
        "http1" => OriginProtocol::Http1,
        "http2" => OriginProtocol::Http2,
        other => {
            fields.complain(place, unknown_word("protocol", other, &["auto", "http1", "http2"]));
            OriginProtocol::default()
        }
    }
}

/// Digests as `openssl x509 -fingerprint -sha256` writes them, with colons or without.
fn pins(fields: &mut Fields<'_, '_, '_, '_>) -> Option<Vec<Digest>> {
    let (texts, place) = fields.texts("pin")?;
    if texts.is_empty() || texts.len() > PINS_MAX {
        fields.complain(place, format!("pin has 1 to {PINS_MAX} digests"));
    }
    let mut pins = Vec::new();
    for (text, place) in texts {
        match text.replace(':', "").to_ascii_lowercase().parse() {
            Ok(digest) => pins.push(digest),
            Err(_) => {
                let message = format!(
                    "pin {:?} is no SHA-256 of a certificate; openssl x509 -noout -fingerprint -sha256 writes it",
                    short(&text)
                );
                fields.complain(place, message);
            }
        }
    }
    Some(pins)
}

fn client(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> Option<CertificateFiles> {
    let sample = "certificate = { chain = \"edge.pem\", key = \"edge.key\" }";
    let (table, place) = fields.table("certificate", sample)?;
    let mut fields = Fields::new(table, place, &["chain", "key"], fields.complaints());
    let (chain, key) = (fields.required_text("chain"), fields.required_text("key"));
    Some(CertificateFiles { chain: base.join(chain?.0), key: base.join(key?.0) })
}

pub(in crate::sites_toml) fn host(fields: &mut Fields<'_, '_, '_, '_>) -> Option<String> {
    let (host, place) = fields.text("origin_host")?;
    if !is_host_field(&host) {
        fields.complain(place, format!("{:?} is no host name, with or without a port", short(&host)));
    }
    Some(host)
}

pub(super) fn secret(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> Option<OriginSecret> {
    if let Some(value) = fields.get("origin_secret")
        && !matches!(value.get_ref(), DeValue::Table(_))
    {
        // Not repeated: it may be the secret itself.
        let message =
            "write origin_secret = { name = \"X-Origin-Secret\", file = \"secret.txt\" }".to_owned();
        fields.complain(value.span(), message);
        return None;
    }
    let (table, place) = fields.table("origin_secret", "")?;
    let mut fields = Fields::new(table, place, &SECRET_KEYS, fields.complaints());
    let (name, file) = (fields.required_text("name"), fields.required_text("file"));
    let (name, place) = name?;
    let name = name.to_ascii_lowercase();
    let taken =
        TAKEN.contains(&name.as_str()) || name.starts_with("x-forwarded-") || name.starts_with("wardmote-");
    if !is_token(&name) || name.len() > TEXT_BYTES_MAX || taken {
        fields.complain(place, format!("{:?} cannot be the name of a secret field", short(&name)));
    }
    Some(OriginSecret { name, file: base.join(file?.0) })
}
