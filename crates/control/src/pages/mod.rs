//! Pages for people: the public record and the console.
//!
//! Owns their words, their look and their assets, all embedded. Pure: plain views of what is to be shown go
//! in, a document comes out; no records, no clock, no session. Askama escapes every value.
//!
//! Invariants, held by the tests below:
//! - pages of the record stand alone: one file, no script, under [`record::CONTENT_SECURITY_POLICY`];
//! - pages of the console load only from `/assets/`, under [`console::CONTENT_SECURITY_POLICY`];
//! - every page has a language, a title, one `h1`, and works by keyboard, on paper and in the dark.
//!
//! What the handlers serve: `GET /` [`console::Overview`]; `GET /setup` [`console::Setup`], whose form posts the
//! field `token` (a token or the whole link, see [`console::token_in`]) to `POST /setup`; `GET /assets/{name}`
//! [`assets::find`]; `GET /sites/{site}/cache` [`cache::CachePage`], whose form posts to `/sites/{site}/purges`, answered with
//! [`cache::PurgePreview`] first; `GET /sites/{site}/pages` [`site_pages::ErrorPages`]; `GET /reports` [`reports::ReportsPage`];
//! `GET /cases` [`cases::CasesPage`] and `GET /cases/{case}` [`cases::CasePage`]; `GET /authorities`
//! [`authorities::AuthoritiesPage`]; `GET /acts/{act}` [`act::ActPage`], whose form posts to the same address;
//! `GET /hosts` [`hosts::HostsPage`], whose forms post to `/hosts`, `/hosts/look` and `/hosts/release`;
//! without a session [`console::Notice::sign_in`]; `GET /record/` [`record::Front`]; `GET /record/decisions/{id}`
//! [`record::StatementPage`]; any other address below `/record/` [`record::Missing`]; `GET /report` [`report::Front`], its
//! forms [`report::FormPage`], `/desk` [`desk::DeskAsk`], [`desk::DeskReferral`] and [`desk::DeskAppeal`]; `/appeal` [`appeal::AppealAsk`] and
//! [`appeal::AppealPage`]; reports are answered with [`report::ReceiptPage`], and `/report/status` [`report::StatusPage`].

pub mod act;
pub mod appeal;
pub mod assets;
pub mod authorities;
pub mod cache;
pub mod cases;
pub mod console;
pub mod defence;
pub mod desk;
pub mod difference;
pub mod hosts;
pub mod languages;
pub mod reach;
pub mod reading;
pub mod record;
pub mod report;
pub mod reports;
pub mod site_pages;
pub mod ways_in;
mod words;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

use policy::Measure;
use vocabulary::Timestamp;

/// The media type of every page.
pub const HTML: &str = "text/html; charset=utf-8";

/// How a published decision stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Logged; it begins at `from` or when its proof is complete.
    Coming {
        /// Not before this.
        from: Timestamp,
    },
    /// The measure runs.
    InForce {
        /// It ends by itself then.
        until: Timestamp,
    },
    /// It ran to its end.
    Lapsed {
        /// When it ended.
        at: Timestamp,
    },
    /// Officers or a reviewer ended it early.
    Lifted {
        /// When it ended.
        at: Timestamp,
    },
}

impl Standing {
    /// Two or three words, in English; pages of the record say them in their language.
    pub fn name(self) -> &'static str {
        match self {
            Self::Coming { .. } => "About to begin",
            Self::InForce { .. } => "In force",
            Self::Lapsed { .. } => "Ended by itself",
            Self::Lifted { .. } => "Lifted early",
        }
    }

    /// The instant that matters most: the beginning that is awaited, or the end.
    pub fn moment(self) -> Timestamp {
        match self {
            Self::Coming { from } => from,
            Self::InForce { until } => until,
            Self::Lapsed { at } | Self::Lifted { at } => at,
        }
    }

    /// Whether the measure is over.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Lapsed { .. } | Self::Lifted { .. })
    }

    fn style(self) -> &'static str {
        match self {
            Self::Coming { .. } => "coming",
            Self::InForce { .. } => "in-force",
            Self::Lapsed { .. } | Self::Lifted { .. } => "over",
        }
    }
}

/// One decision in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// The statement's headline.
    pub title: String,
    /// What is done.
    pub measure: Measure,
    /// How many sites it covers.
    pub sites: u32,
    /// How it stands.
    pub standing: Standing,
}

impl Listed {
    /// Its statement's place below `/record/`.
    fn address(&self) -> String {
        format!("decisions/{}", self.id)
    }
}

/// The log as its newest published checkpoint shows it.
#[derive(Debug, Clone)]
pub struct LogView {
    /// The log's name, the first line of its checkpoints.
    pub origin: String,
    /// How many entries it holds.
    pub size: u64,
    /// The root hash in base 64, as in the checkpoint; empty while the log is.
    pub root: String,
    /// When the newest cosignature was made.
    pub cosigned: Option<Timestamp>,
    /// The names of the witnesses that cosigned it.
    pub witnesses: Vec<String>,
}

/// Renders a template of this crate.
fn render(template: &impl askama::Template) -> String {
    template.render().expect("writing to a String cannot fail, and no template here has a filter that can")
}
