//! Sites elsewhere that seem to be run by the same people: noted by one officer, confirmed by another, and then a case of
//! their own.
//!
//! A link is no scope: a measure reaches the sites of its own case's customer alone, so a linked site gets a record and a
//! notice of its own or nothing. Whoever mirrors or criticises a site looks like it; so likeness alone links nothing, and a
//! site that speaks about another is not one that speaks as it.

use crate::{Case, CaseRefusal, Officer, Text, case::room};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use vocabulary::{AccountId, CaseId, SitePattern, Timestamp};

/// Most links of one case.
pub const LINKS_MAX: usize = 50;

/// A site that seems to be run by the same people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinkedSite {
    /// Its host.
    pub host: SitePattern,
    /// What it shares with the site of the case.
    pub marks: BTreeSet<Mark>,
    /// Why one officer takes it for the same.
    pub reason: Text,
    /// Who noted it.
    pub noted_by: Officer,
    /// When.
    pub noted_at: Timestamp,
    /// Who else took it for the same, when, and the case that was opened about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmed>,
}

/// The confirmation of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Confirmed {
    /// By whom.
    pub by: Officer,
    /// When.
    pub at: Timestamp,
    /// The linked site's own case.
    pub case: CaseId,
}

/// What two sites share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// A key that only who runs it holds.
    Key,
    /// The site itself announced the other address as its own.
    Announced,
    /// The same people post there with the rights of those who run it.
    Staff,
    /// The same small picture of the address bar.
    Favicon,
    /// The same look.
    Design,
    /// The same texts.
    Content,
}

/// How a site stands to the one of the case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Voice {
    /// It speaks as that site.
    As,
    /// It speaks about it: quotes, mirrors to criticise, reports, archives.
    About,
}

/// Why a site is not linked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkRefusal {
    /// It speaks about the site.
    #[error(
        "a site that speaks about another, to quote, criticise, report or archive it, is not linked to it"
    )]
    SpeaksAbout,
    /// Nothing but likeness.
    #[error(
        "what looks alike anybody can copy: a link needs a mark that only who runs the site has, a key, an announcement \
         of the site itself or its staff"
    )]
    LikenessAlone,
    /// It is in the case.
    #[error("{0} is noted already")]
    Twice(SitePattern),
    /// Nothing to confirm.
    #[error("the case has no link to {0} that waits for a second officer")]
    NotWaiting(SitePattern),
    /// The same officer twice.
    #[error("{0} noted it; somebody else confirms")]
    SameOfficer(Officer),
}

impl LinkRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::SpeaksAbout => "link-speaks-about",
            Self::LikenessAlone => "link-likeness-alone",
            Self::Twice(_) => "link-twice",
            Self::NotWaiting(_) => "link-not-waiting",
            Self::SameOfficer(_) => "link-same-officer",
        }
    }
}

impl Mark {
    /// Every mark, the strong ones first.
    pub const ALL: [Self; 6] =
        [Self::Key, Self::Announced, Self::Staff, Self::Favicon, Self::Design, Self::Content];

    /// Whether only who runs the site can have it.
    pub fn shows_control(self) -> bool {
        matches!(self, Self::Key | Self::Announced | Self::Staff)
    }

    /// The name in documents, and what it is.
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Key => ("key", "a key that only who runs it holds"),
            Self::Announced => ("announced", "the site itself announced it as its own"),
            Self::Staff => ("staff", "the same people run it, by their posts there"),
            Self::Favicon => ("favicon", "the same favicon (likeness)"),
            Self::Design => ("design", "the same look (likeness)"),
            Self::Content => ("content", "the same texts (likeness)"),
        }
    }
}

impl Case {
    /// Notes a site that seems to be run by the same people.
    pub fn note_link(
        &mut self,
        (host, marks, voice): (SitePattern, BTreeSet<Mark>, Voice),
        reason: Text,
        by: Officer,
        at: Timestamp,
    ) -> Result<(), CaseRefusal> {
        self.check_open()?;
        if voice == Voice::About {
            return Err(CaseRefusal::Link(LinkRefusal::SpeaksAbout));
        }
        if !marks.iter().any(|mark| mark.shows_control()) {
            return Err(CaseRefusal::Link(LinkRefusal::LikenessAlone));
        }
        if self.links.iter().any(|link| link.host == host) {
            return Err(CaseRefusal::Link(LinkRefusal::Twice(host)));
        }
        room("linked sites", self.links.len(), LINKS_MAX)?;
        self.links.push(LinkedSite { host, marks, reason, noted_by: by, noted_at: at, confirmed: None });
        Ok(())
    }

    /// A second officer confirms a link: the linked site's own case, empty but for what is alleged. What is known here is
    /// found, rated and told there anew.
    pub fn confirm_link(
        &mut self,
        host: &SitePattern,
        (id, account): (CaseId, AccountId),
        by: Officer,
        at: Timestamp,
    ) -> Result<Self, CaseRefusal> {
        self.check_open()?;
        let waiting = self.links.iter_mut().find(|link| link.host == *host && link.confirmed.is_none());
        let link = waiting.ok_or_else(|| CaseRefusal::Link(LinkRefusal::NotWaiting(host.clone())))?;
        if link.noted_by.pseudonym == by.pseudonym {
            return Err(CaseRefusal::Link(LinkRefusal::SameOfficer(by)));
        }
        link.confirmed = Some(Confirmed { by: by.clone(), at, case: id });
        Ok(Self::open(id, account, self.allegation.clone(), by, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::*;

    fn host() -> SitePattern {
        "board.example".parse().expect("a pattern")
    }

    fn note(case: &mut Case, marks: &[Mark], voice: Voice) -> Result<(), CaseRefusal> {
        let what = (host(), marks.iter().copied().collect(), voice);
        case.note_link(what, text("it came up the same hour"), duty(), now())
    }

    #[test]
    fn likeness_links_nothing_however_much_of_it_there_is() {
        let mut case = open_case();
        let alike = [Mark::Favicon, Mark::Design, Mark::Content];
        assert_eq!(note(&mut case, &alike, Voice::As), Err(CaseRefusal::Link(LinkRefusal::LikenessAlone)));
        assert_eq!(note(&mut case, &[], Voice::As), Err(CaseRefusal::Link(LinkRefusal::LikenessAlone)));
        assert_eq!(
            note(&mut case, &Mark::ALL, Voice::About),
            Err(CaseRefusal::Link(LinkRefusal::SpeaksAbout))
        );
        assert!(case.links.is_empty());
    }

    #[test]
    fn a_link_is_confirmed_once_by_somebody_else() {
        let mut case = open_case();
        note(&mut case, &[Mark::Key, Mark::Favicon], Voice::As).expect("noted");
        let twice = note(&mut case, &[Mark::Key], Voice::As);
        assert_eq!(twice, Err(CaseRefusal::Link(LinkRefusal::Twice(host()))));
        let place = (CaseId::from_bytes([9; 16]), AccountId::from_bytes([2; 16]));
        let own = case.confirm_link(&host(), place, duty(), now());
        assert_eq!(own.map(drop), Err(CaseRefusal::Link(LinkRefusal::SameOfficer(duty()))));
        let opened = case.confirm_link(&host(), place, legal(), now()).expect("confirmed");
        assert_eq!((opened.id, opened.account), place);
        assert!(opened.findings.is_empty() && opened.referrals.is_empty());
        let again = case.confirm_link(&host(), place, assessor(1), now());
        assert_eq!(again.map(drop), Err(CaseRefusal::Link(LinkRefusal::NotWaiting(host()))));
    }
}
