//! The packet of a referral: what an authority is told, and nothing else.
//!
//! Recital 56 of Regulation (EU) 2022/2065 asks for the information that is at hand: what was posted, when and in which
//! zone, why an offence is suspected, and how the person or place can be located. A packet has public content alone:
//! no reporter, no customer's data, and no item that only a reporter's screenshot or the press knows.

use crate::{Addressee, Case, Credibility, Finding, Harm, Horizon, PostedAt, Ratings, SourceGrade, Text};
use policy::Ground;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{CaseId, Digest, ReferralId, Timestamp, moment};

/// A packet; its canonical JSON is what is sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Packet {
    /// Always [`Packet::FORMAT`].
    pub format: String,
    /// Of which case.
    pub case: CaseId,
    /// Of which referral.
    pub referral: ReferralId,
    /// For whom.
    pub addressee: Addressee,
    /// The authority's name.
    pub authority: Text,
    /// When it was made, in UTC.
    pub made_at: Timestamp,
    /// What is alleged.
    pub allegation: Text,
    /// Of which offence there is suspicion, in words.
    pub suspicion: String,
    /// The items, the first captured first.
    pub items: Vec<PacketItem>,
    /// What helps to locate whom it concerns.
    pub locating: Vec<String>,
    /// Whom to answer.
    pub contact: String,
}

/// One item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PacketItem {
    /// Its address or mark.
    pub address: Text,
    /// The name it was posted under there.
    pub author: Option<Text>,
    /// When it was posted; an interval where no zone is known.
    pub posted_at: PostedAt,
    /// When it was captured, in UTC.
    pub captured_at: Timestamp,
    /// How: A by us from two places, B by us from one, C in another authority's signed package.
    pub grade: SourceGrade,
    /// SHA-256 of each file of the capture.
    pub sha256: Vec<Digest>,
    /// Why it is credible, in the words of those who rated it.
    pub why: Vec<Text>,
}

/// Why there is no packet.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// Nothing to refer.
    #[error(
        "no item was rated credible by two officers from a capture of our own or a signed package; there is nothing to refer yet"
    )]
    NoItem,
    /// It has no canonical form.
    #[error("the packet cannot be written: {0}")]
    Form(CanonicalError),
}

impl Packet {
    /// The name of the form.
    pub const FORMAT: &'static str = "wardmote-packet/1";

    /// The packet of a case for one authority.
    pub fn of(
        case: &Case,
        referral: ReferralId,
        (addressee, authority): (Addressee, Text),
        contact: String,
        now: Timestamp,
    ) -> Result<Self, PacketError> {
        let mut items: Vec<PacketItem> = case.findings.iter().filter_map(PacketItem::of).collect();
        if items.is_empty() {
            return Err(PacketError::NoItem);
        }
        items.sort_by_key(|item| item.captured_at);
        Ok(Self {
            format: Self::FORMAT.to_owned(),
            case: case.id,
            referral,
            addressee,
            authority,
            made_at: now,
            allegation: case.allegation.clone(),
            suspicion: suspicion(case),
            locating: vec![
                "The addresses above are reachable through our network; we can name the customer and hand over \
                 connection records only on an order under a law that binds us."
                    .to_owned(),
                "What we hold about these addresses is preserved from now on while the matter is open.".to_owned(),
            ],
            items,
            contact,
        })
    }

    /// Its canonical bytes: what the referral's digest commits to.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PacketError> {
        canonical::to_bytes(self).map_err(PacketError::Form)
    }

    /// Reads the canonical bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, CanonicalError> {
        canonical::parse(bytes)
    }

    /// The packet as plain text, for a letter.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "REFERRAL {}\nof case {}, made {}\nfor {} ({})\n\nALLEGED\n{}\n{}\n\nITEMS\n",
            self.referral,
            self.case,
            moment::date_and_time(self.made_at),
            self.authority,
            self.addressee,
            self.allegation,
            self.suspicion
        );
        for (number, item) in (1..).zip(&self.items) {
            item.write(number, &mut text);
        }
        // Writing to a String cannot fail.
        let _ =
            write!(text, "\nHOW TO LOCATE\n{}\n\nANSWER TO\n{}\n", self.locating.join("\n"), self.contact);
        text
    }
}

impl PacketItem {
    /// An item that may go out: rated credible by both, from a source that counts.
    fn of(finding: &Finding) -> Option<Self> {
        let Ratings::Opened { first, second } = &finding.ratings else { return None };
        let both = [first, second].iter().all(|rating| rating.credibility == Credibility::Credible);
        if !both || !finding.source.grade().counts() {
            return None;
        }
        Some(Self {
            address: finding.item.clone(),
            author: finding.author.clone(),
            posted_at: finding.posted_at,
            captured_at: finding.captured_at,
            grade: finding.source.grade(),
            sha256: finding.sha256.clone(),
            why: vec![first.reason.clone(), second.reason.clone()],
        })
    }

    /// When it was posted, in words.
    pub fn posted(&self) -> String {
        match self.posted_at {
            PostedAt::Instant(at) => format!("posted {}", moment::date_and_time(at)),
            PostedAt::Interval { from, to } => format!(
                "posted between {} and {} (its zone is not known)",
                moment::date_and_time(from),
                moment::date_and_time(to)
            ),
            PostedAt::Unknown => "it is not known when it was posted".to_owned(),
        }
    }

    fn write(&self, number: usize, text: &mut String) {
        let author =
            self.author.as_ref().map(|author| format!(", under the name {author}")).unwrap_or_default();
        let why: Vec<&str> = self.why.iter().map(Text::as_str).collect();
        let _ = write!(
            text,
            "{number}. {}{author}\n   {}; captured {}, grade {:?}\n   Why: {}\n",
            self.address,
            self.posted(),
            moment::date_and_time(self.captured_at),
            self.grade,
            why.join("; ")
        );
        for digest in &self.sha256 {
            let _ = writeln!(text, "   SHA-256 of the capture: {digest}");
        }
    }
}

/// What the facts say of the danger, in fixed words: they name nobody.
fn suspicion(case: &Case) -> String {
    let Some(danger) = case.facts.danger.as_ref().map(|recorded| &recorded.fact) else {
        return format!(
            "Suspicion of a threat to somebody's life or safety (ground: {}).",
            Ground::Emergency
        );
    };
    let harm = match danger.harm {
        Harm::Death => "a threat to life",
        Harm::SeriousInjury => "a threat of serious injury",
        Harm::SelfHarmUrged => "that somebody is urged to harm themselves",
        Harm::Lesser => "a threat",
    };
    let when = match danger.horizon {
        Horizon::Ongoing => "it is going on".to_owned(),
        Horizon::By(at) => format!("to be expected by {}", moment::date_and_time(at)),
        Horizon::Unknown => "nobody can tell when".to_owned(),
    };
    format!("Suspicion of {harm}; {when}.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;
    use crate::fixtures::*;

    fn packet(case: &Case) -> Result<Packet, PacketError> {
        let to = (Addressee::Jurisdiction(jurisdiction("AA")), text("Police of AA"));
        Packet::of(case, referral_id(1), to, "abuse@edge.test".to_owned(), now())
    }

    #[test]
    fn a_packet_says_what_when_why_and_how_to_locate() {
        let case = open_case();
        let made = packet(&case).expect("a packet");
        assert_eq!(made.items.len(), 2);
        let words = made.to_text();
        for item in &case.findings {
            assert!(words.contains(item.item.as_str()), "{words}");
        }
        for wanted in
            ["Suspicion of a threat to life", "captured ", "Why: ", "HOW TO LOCATE", "abuse@edge.test"]
        {
            assert!(words.contains(wanted), "{wanted}: {words}");
        }
        let bytes = made.to_bytes().expect("bytes");
        assert_eq!(Packet::parse(&bytes).expect("read"), made);
    }

    #[test]
    fn what_only_a_reporter_or_the_press_knows_never_goes_out() {
        let mut case = open_case();
        for source in [Source::D, Source::E] {
            case.findings[0].source = source;
            let made = packet(&case).expect("a packet");
            assert_eq!(made.items.len(), 1);
            assert_ne!(made.items[0].address, case.findings[0].item);
        }
        case.findings[1].ratings = Ratings::Awaited;
        assert!(matches!(packet(&case), Err(PacketError::NoItem)));
    }

    #[test]
    fn an_item_without_a_zone_bears_an_interval() {
        let mut case = open_case();
        case.findings[0].posted_at = PostedAt::without_zone(now());
        let words = packet(&case).expect("a packet").to_text();
        assert!(words.contains("its zone is not known"), "{words}");
    }
}
