//! Entries: what one leaf of the log holds.

use crate::merkle;
use policy::{Approval, approval_digest};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use std::fmt;
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{Digest, Timestamp};

/// Most bytes of a leaf: entry bundles of C2SP tlog-tiles carry a 16-bit length.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// One record of the log: what happened, and who approved exactly these bytes.
///
/// The leaf is the canonical encoding of the whole; officers sign the canonical encoding of the body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What happened.
    pub body: Body,
    /// Signatures over the body; empty where a kind needs none.
    pub approvals: Vec<Approval>,
}

/// What happened, in public terms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Body {
    /// Always `wardmote-entry/1`.
    pub format: EntryFormat,
    /// What kind of fact this is.
    pub kind: Kind,
    /// When it happened.
    pub time: Timestamp,
    /// Role pseudonyms of who acted.
    pub actors: Vec<String>,
    /// What it is about: an id, or a name that the kind fixes. Sequences count per subject.
    pub subject: String,
    /// 1 for the subject's first entry, then one more each time.
    pub sequence: u64,
    /// Leaf hash of the subject's previous entry; none exactly when `sequence` is 1.
    pub previous: Option<Digest>,
    /// Digest of the policy file applied, where one was.
    pub policy: Option<Digest>,
    /// Root of the confidential fields' salted commitments ([`crate::commitment`]).
    pub commitments: Option<Digest>,
    /// Public fields, by kind. For decisions these are [`policy::Terms`]; see [`crate::PolicyPublished`]
    /// and its neighbours for others.
    pub public: Value,
}

/// The format tag of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum EntryFormat {
    /// The one there is.
    #[default]
    #[serde(rename = "wardmote-entry/1")]
    V1,
}

/// Why an entry cannot be logged or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Not an entry in canonical form.
    #[error("not a canonical log entry")]
    Encoding(#[source] CanonicalError),
    /// Over the bound of the tile format.
    #[error("a log entry of {bytes} bytes; at most {ENTRY_BYTES_MAX} fit")]
    TooLong {
        /// Its size.
        bytes: usize,
    },
    /// `sequence` and `previous` contradict each other.
    #[error("entry {sequence} of {subject:?}: only the first entry of a subject has no previous entry")]
    Chain {
        /// Whose.
        subject: String,
        /// Which.
        sequence: u64,
    },
}

impl Body {
    /// The bytes that officers sign.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        self.check_chain()?;
        bounded(canonical::to_bytes(self).map_err(EntryError::Encoding)?)
    }

    /// Reads the bytes that officers sign.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let body: Self = canonical::parse(within_bound(bytes)?).map_err(EntryError::Encoding)?;
        body.check_chain()?;
        Ok(body)
    }

    /// The digest that officers sign.
    pub fn approval_digest(&self) -> Result<Digest, EntryError> {
        Ok(approval_digest(&self.to_bytes()?))
    }

    fn check_chain(&self) -> Result<(), EntryError> {
        let first = self.sequence == 1;
        if self.sequence > 0 && first == self.previous.is_none() {
            return Ok(());
        }
        let subject = self.subject.chars().take(80).collect();
        Err(EntryError::Chain { subject, sequence: self.sequence })
    }
}

impl Entry {
    /// An entry that nobody has to approve.
    pub fn unapproved(body: Body) -> Self {
        Self { body, approvals: Vec::new() }
    }

    /// The bytes of the leaf.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        self.body.check_chain()?;
        bounded(canonical::to_bytes(self).map_err(EntryError::Encoding)?)
    }

    /// Reads the bytes of a leaf.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        let entry: Self = canonical::parse(within_bound(bytes)?).map_err(EntryError::Encoding)?;
        entry.body.check_chain()?;
        Ok(entry)
    }

    /// The hash of the leaf (RFC 6962 §2.1).
    pub fn leaf_hash(&self) -> Result<Digest, EntryError> {
        Ok(merkle::leaf_hash(&self.to_bytes()?))
    }
}

fn bounded(bytes: Vec<u8>) -> Result<Vec<u8>, EntryError> {
    within_bound(&bytes)?;
    Ok(bytes)
}

fn within_bound(bytes: &[u8]) -> Result<&[u8], EntryError> {
    if bytes.len() <= ENTRY_BYTES_MAX { Ok(bytes) } else { Err(EntryError::TooLong { bytes: bytes.len() }) }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What an entry records. A minimum: each transition with an outside effect has one.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Kind {
            $($(#[$doc])* $name,)*
        }

        impl Kind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The name in the log.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }
        }
    };
}

kinds! {
    /// A policy file, by digest.
    PolicyPublished = "policy.published";
    /// A roster, by digest.
    RosterChanged = "roster.changed";
    /// Terms were put before the officers.
    DecisionProposed = "decision.proposed";
    /// A measure begins.
    DecisionMade = "decision.made";
    /// A provisional measure was ratified.
    DecisionRatified = "decision.ratified";
    /// A measure's lease was taken up once more.
    DecisionRenewed = "decision.renewed";
    /// A measure was narrowed.
    DecisionModified = "decision.modified";
    /// A measure ends before its time.
    DecisionLifted = "decision.lifted";
    /// A lease ran out.
    DecisionLapsed = "decision.lapsed";
    /// A measure was found wrong.
    DecisionReversed = "decision.reversed";
    /// A paid feature was withdrawn.
    FeatureWithdrawn = "feature.withdrawn";
    /// A legal order came in.
    OrderReceived = "order.received";
    /// The referrals of one decision, padded, without country.
    ReferralSent = "referral.sent";
    /// The answers to them, likewise.
    ReferralAnswered = "referral.answered";
    /// The independent reviewer ruled.
    ReviewRuled = "review.ruled";
    /// An appeal came in.
    AppealFiled = "appeal.filed";
    /// An appeal was decided.
    AppealDecided = "appeal.decided";
    /// A statement of reasons was published.
    StatementPublished = "statement.published";
    /// A linked site was confirmed by two people.
    LinkConfirmed = "link.confirmed";
    /// A drill ran.
    DrillRun = "drill.run";
    /// Salt and key of confidential fields were destroyed.
    Tombstone = "tombstone";
    /// The counts of one day.
    CountDaily = "count.daily";
    /// A customer asked for a change to its own site.
    TenantRequest = "tenant.request";
    /// A measure was not enforced somewhere for a time.
    EnforcementGap = "enforcement.gap";
    /// Every measure without an order is set aside for an hour.
    SuspensionBegun = "suspension.begun";
    /// It stays so.
    SuspensionConfirmed = "suspension.confirmed";
    /// Sealed fields of an earlier entry are opened.
    SealOpened = "seal.opened";
    /// They stay sealed for a further time.
    SealRenewed = "seal.renewed";
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let known = Self::ALL.iter().copied().find(|kind| kind.as_str() == text);
        known.ok_or_else(|| de::Error::custom("not a kind of log entry that this version knows"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn body() -> Body {
        Body {
            format: EntryFormat::V1,
            kind: Kind::CountDaily,
            time: Timestamp::from_secs(1_700_000_000),
            actors: vec!["sequencer".into()],
            subject: "counts".into(),
            sequence: 1,
            previous: None,
            policy: None,
            commitments: None,
            public: json!({"cases": 0}),
        }
    }

    #[test]
    fn a_leaf_is_read_back_from_its_bytes_only() {
        let entry = Entry::unapproved(body());
        let bytes = entry.to_bytes().expect("bytes");
        let expected = concat!(
            r#"{"approvals":[],"body":{"actors":["sequencer"],"commitments":null,"format":"wardmote-entry/1","#,
            r#""kind":"count.daily","policy":null,"previous":null,"public":{"cases":0},"sequence":1,"#,
            r#""subject":"counts","time":"2023-11-14T22:13:20.000Z"}}"#
        );
        assert_eq!(String::from_utf8(bytes.clone()).expect("text"), expected);
        assert_eq!(Entry::parse(&bytes).expect("entry"), entry);
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            if let Ok(other) = Entry::parse(&changed) {
                assert_ne!(other.leaf_hash().expect("hash"), entry.leaf_hash().expect("hash"), "byte {at}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_a_tile_is_refused() {
        let mut large = body();
        large.public = json!("x".repeat(ENTRY_BYTES_MAX));
        assert!(matches!(Entry::unapproved(large).to_bytes(), Err(EntryError::TooLong { .. })));
        assert!(matches!(Entry::parse(&[b' '; 70_000]), Err(EntryError::TooLong { .. })));
    }

    #[test]
    fn only_a_first_entry_has_no_predecessor() {
        for (sequence, previous, good) in [
            (1, None, true),
            (2, Some(Digest::of(b"x")), true),
            (0, None, false),
            (2, None, false),
            (1, Some(Digest::of(b"x")), false),
        ] {
            let entry = Entry::unapproved(Body { sequence, previous, ..body() });
            assert_eq!(entry.to_bytes().is_ok(), good, "{sequence} {previous:?}");
        }
    }

    #[test]
    fn kinds_are_read_back_from_their_names() {
        for kind in Kind::ALL {
            let text = serde_json::to_string(kind).expect("text");
            assert_eq!(serde_json::from_str::<Kind>(&text).expect("kind"), *kind);
        }
        assert!(serde_json::from_str::<Kind>("\"decision.undone\"").is_err());
    }
}
