//! The console's page about what a measure on a site would hit, and who stands near it.

use super::{assets, render};
use askama::Template;
use casework::{Neighbour, Preview, Shared};

/// What a measure on all of one site would hit.
#[derive(Debug, Clone, Template)]
#[template(path = "console/reach.html")]
pub struct ReachPage {
    /// The session's token against forged requests.
    pub csrf: String,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// This program's version.
    pub version: String,
    /// The site's first host.
    pub host: String,
    /// The preview.
    pub preview: Preview,
}

impl ReachPage {
    /// The whole page, to be sent with [`super::console::CONTENT_SECURITY_POLICY`].
    pub fn page(&self) -> String {
        render(self)
    }
}

/// What a neighbour shares with the scope, and why it stays open.
fn sharing(near: &Neighbour) -> String {
    let words = near.shares.iter().map(|shared| match shared {
        Shared::Wildcard => "lies below its wildcard, and is made an exception",
        Shared::Origin => "has the same server, at which nothing is done",
        Shared::Customer => "is of the same customer, and not listed",
    });
    words.collect::<Vec<_>>().join("; ")
}
