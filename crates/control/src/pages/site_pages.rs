//! The console's page about one site's own error pages: every class as a visitor would see it.

use super::{assets, render};
use askama::Template;

/// As the console's, and frames of the console itself: each holds a customer's page, which runs apart.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     img-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// One class of pages.
#[derive(Debug, Clone)]
pub struct ClassView {
    /// Its name in settings.
    pub name: &'static str,
    /// The status it is an example of.
    pub status: u16,
    /// The digest of the site's own page.
    pub own: Option<String>,
    /// Whether the site has one page for all classes.
    pub has_default: bool,
}

impl ClassView {
    /// In words.
    fn title(&self) -> &'static str {
        match self.name {
            "origin" => "Trouble at the origin",
            "configuration" => "Not set up to be served",
            "rate_limited" => "Asked too often",
            "blocked_rule" => "Refused by a rule",
            "blocked_country" => "Refused by country",
            "challenge" => "Challenge",
            _ => "Maintenance",
        }
    }
}

/// All classes of one site.
#[derive(Debug, Clone, Template)]
#[template(path = "console/site_pages.html")]
pub struct ErrorPages {
    /// The session's token against forged requests.
    pub csrf: String,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// This program's version.
    pub version: String,
    /// The site's id.
    pub site: String,
    /// Its first host.
    pub host: String,
    /// How its people can be reached.
    pub contact: Option<String>,
    /// The classes.
    pub classes: Vec<ClassView>,
}

impl ErrorPages {
    /// The whole page, to be sent with [`CONTENT_SECURITY_POLICY`].
    pub fn page(&self) -> String {
        render(self)
    }
}
