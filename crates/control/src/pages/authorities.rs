//! The console's directory of authorities.

use super::cases::ActLink;
use super::{assets, render, words};
use askama::Template;
use vocabulary::Timestamp;

/// One entry.
#[derive(Debug, Clone)]
pub struct AuthorityRow {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// For which jurisdiction it stands.
    pub stands_for: String,
    /// Its duty line: number and source.
    pub duty_line: Option<(String, String)>,
    /// Where it takes mail.
    pub mail: Option<String>,
    /// Since when it counts as verified; none: it does not.
    pub verified: Option<Timestamp>,
    /// Its keys, each with how it stands.
    pub keys: Vec<(String, &'static str)>,
    /// Why it was retired, if it was.
    pub retired: Option<String>,
    /// What can be done with it.
    pub acts: Vec<ActLink>,
}

/// `/authorities`.
#[derive(Debug, Clone, Template)]
#[template(path = "console/authorities.html")]
pub struct AuthoritiesPage {
    /// The address of the public record, without a path.
    pub public_url: String,
    /// The entries, first entered first.
    pub rows: Vec<AuthorityRow>,
}

impl AuthoritiesPage {
    /// The whole page, to be sent with the console's content security policy.
    pub fn page(&self) -> String {
        render(self)
    }
}
