//! The console's queue of cases, and one case.

use super::{assets, render, words};
use askama::Template;
use policy::{Ground, Measure};
use std::borrow::Borrow;
use vocabulary::Timestamp;
use vocabulary::moment::span;

/// An act that is open to officers here: the address of its form, and its words.
#[derive(Debug, Clone)]
pub struct ActLink {
    /// Where its form is.
    pub href: String,
    /// What it does.
    pub label: &'static str,
}

/// Something that has to be done by an instant.
#[derive(Debug, Clone)]
pub struct Clock {
    /// By when.
    pub at: Timestamp,
    /// What.
    pub what: String,
}

/// One case of the queue.
#[derive(Debug, Clone)]
pub struct CaseRow {
    /// Its id.
    pub id: String,
    /// What is alleged.
    pub allegation: String,
    /// Whether it is worked on.
    pub open: bool,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The clock that runs out first.
    pub clock: Option<Clock>,
    /// How many findings it has.
    pub findings: usize,
    /// Whether all of them have both ratings.
    pub rated: bool,
}

/// `/cases`: clocks that run out first in front.
#[derive(Debug, Clone, Template)]
#[template(path = "console/cases.html")]
pub struct CasesPage {
    /// The present.
    pub now: Timestamp,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// Whether this is where the queue begins.
    pub first: bool,
    /// A page of the queue.
    pub lines: Vec<CaseRow>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// One condition of the gate.
#[derive(Debug, Clone)]
pub struct ConditionRow {
    /// `E1` to `E9`.
    pub name: String,
    /// What it asks.
    pub asks: &'static str,
    /// What closes it; nothing: it holds.
    pub reasons: Vec<String>,
    /// What can be done about it.
    pub acts: Vec<ActLink>,
}

/// One finding.
#[derive(Debug, Clone)]
pub struct FindingRow {
    /// Its address or mark.
    pub item: String,
    /// The grade of its source.
    pub grade: String,
    /// When it was posted, in words.
    pub posted: String,
    /// Its ratings; a lone one is sealed.
    pub ratings: String,
    /// What can be done with it.
    pub acts: Vec<ActLink>,
}

/// One file of evidence.
#[derive(Debug, Clone)]
pub struct EvidenceRow {
    /// Its id.
    pub id: String,
    /// Its media type.
    pub media_type: String,
    /// Its digest.
    pub sha256: String,
    /// When it was sealed.
    pub at: Timestamp,
    /// What can be done with it.
    pub acts: Vec<ActLink>,
}

/// One referral.
#[derive(Debug, Clone)]
pub struct ReferralRow {
    /// Its id.
    pub id: String,
    /// To whom.
    pub authority: String,
    /// Whether anybody verified the authority.
    pub verified: bool,
    /// Its state.
    pub state: &'static str,
    /// The channels that were tried.
    pub channels: String,
    /// What the authority answered.
    pub answer: Option<&'static str>,
    /// What can be done with it.
    pub acts: Vec<ActLink>,
}

/// One order that answers a referral of the case.
#[derive(Debug, Clone)]
pub struct OrderRow {
    /// Its id.
    pub id: String,
    /// Who gave it, by the directory.
    pub authority: String,
    /// Its state.
    pub state: &'static str,
    /// What can be seen to stand against it.
    pub faults: Vec<String>,
    /// What can be done with it.
    pub acts: Vec<ActLink>,
}

/// One decision.
#[derive(Debug, Clone)]
pub struct DecisionLine {
    /// Its id.
    pub id: String,
    /// Its headline.
    pub title: String,
    /// What is done.
    pub measure: Measure,
    /// Its state.
    pub state: &'static str,
    /// In which roles it was signed.
    pub signed: Vec<String>,
    /// How many must sign.
    pub needed: u32,
    /// When its lease ends.
    pub ends: Timestamp,
    /// Each site in scope with the reason.
    pub sites: Vec<String>,
    /// Whether it is public.
    pub public: bool,
    /// The record that would follow it and waits for signatures: what it is, and what it lacks.
    pub waits: Option<String>,
    /// What can be done with it.
    pub acts: Vec<ActLink>,
}

/// One appeal.
#[derive(Debug, Clone)]
pub struct AppealRow {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: &'static str,
    /// By when it has to be decided.
    pub due: Timestamp,
    /// What can be done with it.
    pub acts: Vec<ActLink>,
}

/// Something that happened.
#[derive(Debug, Clone)]
pub struct Moment {
    /// When.
    pub at: Timestamp,
    /// What.
    pub what: String,
}

/// What can be done with a case, by the section it stands in.
#[derive(Debug, Clone, Default)]
pub struct SectionActs {
    /// Of the case itself.
    pub case: Vec<ActLink>,
    /// Of evidence.
    pub evidence: Vec<ActLink>,
    /// Of findings.
    pub findings: Vec<ActLink>,
    /// Of referrals.
    pub referrals: Vec<ActLink>,
    /// Of decisions.
    pub decisions: Vec<ActLink>,
    /// Of appeals.
    pub appeals: Vec<ActLink>,
}

/// `/cases/{case}`: everything that officers need to see of it.
#[derive(Debug, Clone, Template)]
#[template(path = "console/case.html")]
pub struct CasePage {
    /// The present.
    pub now: Timestamp,
    /// The address of the public record, without a path.
    pub public_url: String,
    /// The case's id.
    pub id: String,
    /// What is alleged.
    pub allegation: String,
    /// Whether it is worked on.
    pub open: bool,
    /// The clocks that run.
    pub clocks: Vec<Clock>,
    /// Whether the page loads itself anew every few seconds.
    pub live: bool,
    /// What can be done with the case as a whole, section by section.
    pub acts: SectionActs,
    /// The measure that the gate is asked for.
    pub measure: Measure,
    /// The ground it would rest on.
    pub ground: Ground,
    /// Whether the gate is open for it.
    pub gate_open: bool,
    /// Its conditions.
    pub conditions: Vec<ConditionRow>,
    /// The findings.
    pub findings: Vec<FindingRow>,
    /// The evidence.
    pub evidence: Vec<EvidenceRow>,
    /// The referrals.
    pub referrals: Vec<ReferralRow>,
    /// The orders that answer them.
    pub orders: Vec<OrderRow>,
    /// The decisions.
    pub decisions: Vec<DecisionLine>,
    /// The appeals.
    pub appeals: Vec<AppealRow>,
    /// What has happened, the last thing first.
    pub moments: Vec<Moment>,
}

/// What is left until an instant, or how long it is over.
fn left(at: Timestamp, now: Timestamp) -> String {
    if at >= now { format!("{} left", span(at.since(now))) } else { format!("{} over", span(now.since(at))) }
}

macro_rules! pages {
    ($($page:ident),*) => {$(
        impl $page {
            /// The whole page, to be sent with the console's content security policy.
            pub fn page(&self) -> String {
                render(self)
            }

            fn left(&self, at: impl Borrow<Timestamp>) -> String {
                left(*at.borrow(), self.now)
            }
        }
    )*};
}

pages!(CasesPage, CasePage);

impl CasePage {
    /// Every measure that the gate can be asked for.
    fn measures(&self) -> impl Iterator<Item = Measure> {
        Measure::ALL.into_iter().filter(|measure| *measure != Measure::M0)
    }

    /// Every ground that a proposal may name.
    fn grounds(&self) -> impl Iterator<Item = Ground> {
        Ground::ALL.into_iter().filter(|ground| *ground != Ground::RatifiedEmergency)
    }
}
