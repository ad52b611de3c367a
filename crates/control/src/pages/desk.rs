//! Pages of the desk: for authorities and reviewers, without script or cookie, fit to be printed.

use super::render;
use askama::Template;
use casework::Packet;
use policy::Statement;
use vocabulary::{Digest, Timestamp};

/// What was just done, or why not.
#[derive(Debug, Clone)]
pub struct DeskSaid {
    /// Whether it was refused.
    pub refused: bool,
    /// In words.
    pub text: String,
}

/// `/desk`: the question for the code.
#[derive(Debug, Clone, Template)]
#[template(path = "desk/ask.html")]
pub struct DeskAsk {
    /// The host of the public record.
    pub host: String,
    /// Whom to write to.
    pub contact: String,
    /// Whether the last code was wrong.
    pub wrong: bool,
    /// How many seconds to wait, when there were too many.
    pub wait: Option<u64>,
}

/// `/desk` with the code of an authority: its referral.
#[derive(Debug, Clone, Template)]
#[template(path = "desk/referral.html")]
pub struct DeskReferral {
    /// The host of the public record.
    pub host: String,
    /// What was just done.
    pub said: Option<DeskSaid>,
    /// The authority's name.
    pub authority: String,
    /// The referral's id.
    pub packet_id: String,
    /// How far it is, as a sentence.
    pub standing: &'static str,
    /// The packet, if it was made here.
    pub packet: Option<Packet>,
    /// Its digest.
    pub digest: Digest,
    /// The code as it was typed: each form carries it, so that no cookie has to.
    pub code: String,
}

/// `/desk` with the code of a reviewer: the appeal.
#[derive(Debug, Clone, Template)]
#[template(path = "desk/appeal.html")]
pub struct DeskAppeal {
    /// The host of the public record.
    pub host: String,
    /// What was just done.
    pub said: Option<DeskSaid>,
    /// The appeal's id.
    pub appeal: String,
    /// How far it is, as a sentence.
    pub standing: &'static str,
    /// By when it has to be decided.
    pub due: Timestamp,
    /// The appellant's words.
    pub grounds: String,
    /// The statement of the decision it is against.
    pub statement: Option<Statement>,
    /// Whether it still waits for a ruling.
    pub open: bool,
    /// The code as it was typed.
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

pages!(DeskAsk, DeskReferral, DeskAppeal);
