//! The console's page about the ways into one site: HTTPS, TLS, visitors' certificates, maintenance.

use super::{assets, render};
use crate::pages::cache::SiteHead;
use askama::Template;
use serde::{Deserialize, Deserializer};

/// The form as it stands; numbers and lists as they were typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct WaysInForm {
    /// The session's token, as the form sends it back.
    pub csrf: String,
    /// Which settings were in force when the form was shown.
    pub version: String,
    /// Whether who comes without TLS is sent on.
    #[serde(deserialize_with = "ticked")]
    pub redirect_https: bool,
    /// Whether `Strict-Transport-Security` is sent.
    #[serde(deserialize_with = "ticked")]
    pub hsts: bool,
    /// Its `max-age`, in seconds.
    pub max_age: String,
    /// Whether it holds for names below.
    #[serde(deserialize_with = "ticked")]
    pub include_subdomains: bool,
    /// Whether browsers' vendors may ship the name.
    #[serde(deserialize_with = "ticked")]
    pub preload: bool,
    /// The oldest TLS: `1.2` or `1.3`.
    pub tls_min: String,
    /// Whose certificates are asked for: `none`, `optional` or `required`.
    pub clients: String,
    /// Who must have signed those: PEM, or the path of a file.
    pub authorities: String,
    /// Whether visitors get 503.
    #[serde(deserialize_with = "ticked")]
    pub maintenance: bool,
    /// `Retry-After`, in seconds.
    pub retry_after: String,
    /// Addresses and networks that get through, apart by white space.
    pub allow: String,
    /// Whether nothing is stored.
    #[serde(deserialize_with = "ticked")]
    pub bypass: bool,
    /// Whether the edge takes its place in traces.
    #[serde(deserialize_with = "ticked")]
    pub trace: bool,
    /// The host that origins are asked for; empty: the visitor's.
    pub origin_host: String,
    /// The customer's words.
    pub request: String,
    /// Whether what changes was looked at.
    #[serde(deserialize_with = "ticked")]
    pub go: bool,
}

/// Whatever a box that is ticked sends.
fn ticked<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    String::deserialize(from).map(|_| true)
}

/// What the form comes to.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The settings in force, as keys of a sites file.
    pub before: String,
    /// The same as they would be.
    pub after: String,
    /// Whether anything is different.
    pub changes: bool,
    /// What of it lowers the customer's service.
    pub lowers: Vec<String>,
}

/// `/sites/{site}/ways-in`.
#[derive(Debug, Clone, Template)]
#[template(path = "console/ways_in.html")]
pub struct WaysInPage {
    /// The session's token against forged requests.
    pub csrf: String,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// This program's version.
    pub version: String,
    /// The site.
    pub site: SiteHead,
    /// The form.
    pub form: WaysInForm,
    /// What it comes to, once it was checked.
    pub checked: Option<Checked>,
    /// What was wrong with it, and what to write.
    pub error: Option<String>,
    /// Whether the settings were just changed.
    pub done: bool,
}

/// Who is asked for a certificate: value and words.
const CLIENTS: [(&str, &str); 3] = [
    ("none", "Nobody"),
    ("optional", "Who has one; others are visitors like any other"),
    ("required", "Everybody; who has none is turned away"),
];

/// The oldest TLS: value and words.
const VERSIONS: [(&str, &str); 2] = [("1.2", "TLS 1.2"), ("1.3", "TLS 1.3")];

impl WaysInPage {
    /// The whole page, to be sent with the console's content security policy.
    pub fn page(&self) -> String {
        render(self)
    }
}
