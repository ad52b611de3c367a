//! The console's page about host names that customers add: what to put where, how each stands.

use super::{assets, render, words};
use askama::Template;
use vocabulary::Timestamp;
use vocabulary::moment::span;

/// Something to put somewhere.
#[derive(Debug, Clone)]
pub struct ProofRow {
    /// What kind of record or file, in words.
    pub kind: &'static str,
    /// The name of the record, or the address of the file.
    pub place: String,
    /// What stands there.
    pub value: String,
}

/// One claim.
#[derive(Debug, Clone)]
pub struct HostRow {
    /// The name.
    pub host: String,
    /// The account's id, which the forms send back.
    pub account: String,
    /// The account's name.
    pub account_name: String,
    /// The site's id.
    pub site: String,
    /// The state's stable name.
    pub state: &'static str,
    /// The state in words, with what to do and until when.
    pub text: String,
    /// Whether somebody has to do something soon.
    pub in_doubt: bool,
    /// What proves it: any one of these.
    pub proofs: Vec<ProofRow>,
    /// The last look, with what it found in words.
    pub last_look: Option<(Timestamp, &'static str)>,
    /// When is looked the next time.
    pub next_look: Option<Timestamp>,
}

impl HostRow {
    /// Whether letting it go takes something from the customer, who has to have asked for it.
    fn is_served(&self) -> bool {
        matches!(self.state, "served" | "contested")
    }

    fn style(&self) -> &'static str {
        match self.state {
            _ if self.in_doubt => "in-force",
            "served" => "serving",
            "quarantined" | "released" => "over",
            _ => "coming",
        }
    }
}

/// A site that a name can be added to.
#[derive(Debug, Clone)]
pub struct SiteChoice {
    /// Its id.
    pub id: String,
    /// Its account's name and first host.
    pub label: String,
}

/// `/hosts`.
#[derive(Debug, Clone, Template)]
#[template(path = "console/hosts.html")]
pub struct HostsPage {
    /// The session's token against forged requests.
    pub csrf: String,
    /// The present.
    pub now: Timestamp,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// This program's version.
    pub version: String,
    /// What was wrong with the form that was sent.
    pub error: Option<String>,
    /// The name in it.
    pub wanted: String,
    /// The sites to choose from; the handler bounds the list.
    pub sites: Vec<SiteChoice>,
    /// The claims; the handler bounds the list.
    pub hosts: Vec<HostRow>,
    /// How many there are in all.
    pub total: usize,
}

impl HostsPage {
    fn count(&self) -> String {
        match self.total {
            1 => "1 name".to_owned(),
            total if total > self.hosts.len() => format!("{} of {total} names", self.hosts.len()),
            total => format!("{total} names"),
        }
    }

    /// How long until a look; a look that is due comes in a moment.
    fn wait(&self, next: &Timestamp) -> String {
        if *next <= self.now {
            "in a moment".to_owned()
        } else {
            format!("in {}", span(next.since(self.now)))
        }
    }

    /// The whole page, to be sent with the console's content security policy.
    pub fn page(&self) -> String {
        render(self)
    }
}
