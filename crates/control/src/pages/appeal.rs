//! Pages on which customers appeal: without script or cookie, one page for one decision.

use super::desk::DeskSaid;
use super::render;
use super::report::plain_time;
use askama::Template;
use vocabulary::Timestamp;

/// `/appeal`: the question for the code.
#[derive(Debug, Clone, Template)]
#[template(path = "appeal/ask.html")]
pub struct AppealAsk {
    /// The host of the public record.
    pub host: String,
    /// Whom to write to.
    pub contact: String,
    /// Whether the last code was wrong.
    pub wrong: bool,
    /// How many seconds to wait, when there were too many.
    pub wait: Option<u64>,
}

/// One appeal that was filed before.
#[derive(Debug, Clone)]
pub struct AppealLine {
    /// Its id.
    pub id: String,
    /// When it was filed.
    pub filed: Timestamp,
    /// How far it is, as a sentence.
    pub standing: &'static str,
    /// By when it has to be decided; none once it is.
    pub due: Option<Timestamp>,
    /// Why it was dismissed or decided so.
    pub reasons: Option<String>,
    /// The appellant's words.
    pub grounds: String,
}

impl AppealLine {
    fn filed_text(&self) -> String {
        plain_time(self.filed)
    }

    fn due_text(&self) -> String {
        self.due.map(plain_time).unwrap_or_default()
    }
}

/// `/appeal/CODE`: the decision, what was filed against it, and the form.
#[derive(Debug, Clone, Template)]
#[template(path = "appeal/page.html")]
pub struct AppealPage {
    /// The host of the public record.
    pub host: String,
    /// What was just done.
    pub said: Option<DeskSaid>,
    /// The decision's id.
    pub decision: String,
    /// Its title.
    pub title: String,
    /// What it means.
    pub meaning: String,
    /// Where its statement stands.
    pub statement_url: String,
    /// The customer's hosts in scope, on one line.
    pub hosts: String,
    /// What was filed before, the first one first.
    pub lines: Vec<AppealLine>,
    /// Whether one more may be filed here.
    pub may_file: bool,
    /// Whether it would be decided within 24 hours.
    pub expedited: bool,
    /// Longest words, in bytes.
    pub most: usize,
    /// What was written, where it could not be taken.
    pub grounds: String,
    /// The code as it was typed: the form carries it, so that no cookie has to.
    pub code: String,
}

macro_rules! pages {
    ($($page:ident),*) => {$(
        impl $page {
            /// The whole page, to be sent with [`super::report::CONTENT_SECURITY_POLICY`].
            pub fn page(&self) -> String {
                render(self)
            }
        }
    )*};
}

pages!(AppealAsk, AppealPage);
