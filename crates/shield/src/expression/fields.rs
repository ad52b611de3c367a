//! The fields of the language: names, types, and the phase in which each exists.

use super::Phase;
use super::ast::Array;

/// A field that is a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextField {
    Host,
    Method,
    Uri,
    Path,
    Extension,
    Query,
    FullUri,
    UserAgent,
    Referer,
    Cookie,
    ForwardedFor,
    Version,
    Country,
    Continent,
    TlsFingerprint,
    Http2Fingerprint,
    BotClass,
}

/// A field that is a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IntegerField {
    Asn,
    Second,
    ResponseCode,
}

/// A field that is true or false.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BoolField {
    Secure,
    VerifiedBot,
}

/// Maps from a name to an array of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Map {
    Headers,
    Cookies,
    Args,
    ResponseHeaders,
}

impl Map {
    /// The array that belongs to a key. Names of fields are compared in lower case.
    pub(super) fn at(self, key: &str) -> Array {
        match self {
            Self::Headers => Array::Header(key.to_ascii_lowercase().into()),
            Self::Cookies => Array::Cookie(key.into()),
            Self::Args => Array::Arg(key.into()),
            Self::ResponseHeaders => Array::ResponseHeader(key.to_ascii_lowercase().into()),
        }
    }
}

/// What a name stands for.
#[derive(Debug, Clone)]
pub(super) enum Meaning {
    Text(TextField),
    Integer(IntegerField),
    Bool(BoolField),
    Address,
    Array(Array),
    Map(Map),
}

/// The fields as the documentation names them, older names beside the present ones.
const TABLE: &[(&str, Meaning)] = &[
    ("http.host", Meaning::Text(TextField::Host)),
    ("http.request.method", Meaning::Text(TextField::Method)),
    ("http.request.uri", Meaning::Text(TextField::Uri)),
    ("http.request.uri.path", Meaning::Text(TextField::Path)),
    ("http.request.uri.path.extension", Meaning::Text(TextField::Extension)),
    ("http.request.uri.query", Meaning::Text(TextField::Query)),
    ("http.request.full_uri", Meaning::Text(TextField::FullUri)),
    ("http.user_agent", Meaning::Text(TextField::UserAgent)),
    ("http.referer", Meaning::Text(TextField::Referer)),
    ("http.cookie", Meaning::Text(TextField::Cookie)),
    ("http.x_forwarded_for", Meaning::Text(TextField::ForwardedFor)),
    ("http.request.version", Meaning::Text(TextField::Version)),
    ("ip.src.country", Meaning::Text(TextField::Country)),
    ("ip.geoip.country", Meaning::Text(TextField::Country)),
    ("ip.src.continent", Meaning::Text(TextField::Continent)),
    ("ip.geoip.continent", Meaning::Text(TextField::Continent)),
    ("cf.bot_management.ja4", Meaning::Text(TextField::TlsFingerprint)),
    ("tls.fingerprint", Meaning::Text(TextField::TlsFingerprint)),
    ("http2.fingerprint", Meaning::Text(TextField::Http2Fingerprint)),
    ("bot.class", Meaning::Text(TextField::BotClass)),
    ("ip.src.asnum", Meaning::Integer(IntegerField::Asn)),
    ("ip.geoip.asnum", Meaning::Integer(IntegerField::Asn)),
    ("http.request.timestamp.sec", Meaning::Integer(IntegerField::Second)),
    ("http.response.code", Meaning::Integer(IntegerField::ResponseCode)),
    ("ssl", Meaning::Bool(BoolField::Secure)),
    ("cf.client.bot", Meaning::Bool(BoolField::VerifiedBot)),
    ("ip.src", Meaning::Address),
    ("http.request.headers", Meaning::Map(Map::Headers)),
    ("http.request.headers.names", Meaning::Array(Array::HeaderNames)),
    ("http.request.headers.values", Meaning::Array(Array::HeaderValues)),
    ("http.request.cookies", Meaning::Map(Map::Cookies)),
    ("http.request.uri.args", Meaning::Map(Map::Args)),
    ("http.request.uri.args.names", Meaning::Array(Array::ArgNames)),
    ("http.request.uri.args.values", Meaning::Array(Array::ArgValues)),
    ("http.response.headers", Meaning::Map(Map::ResponseHeaders)),
    ("http.response.headers.names", Meaning::Array(Array::ResponseHeaderNames)),
    ("http.response.headers.values", Meaning::Array(Array::ResponseHeaderValues)),
];

/// Looks a field up.
pub(super) fn find(name: &str) -> Option<Meaning> {
    TABLE.iter().find(|(own, _)| *own == name).map(|(_, meaning)| meaning.clone())
}

/// Whether a field exists in a phase.
pub(super) fn exists(name: &str, phase: Phase) -> bool {
    phase == Phase::Response || !name.starts_with("http.response.")
}

/// All names of fields.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|(name, _)| *name)
}
