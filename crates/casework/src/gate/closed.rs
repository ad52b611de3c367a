//! The one table of what closes the gate.

use crate::{Addressee, Officer};
use policy::Measure;
use serde::{Deserialize, Serialize};
use vocabulary::{FindingId, ReferralId, Timestamp};

/// What closes the gate. `name()` is stable and for programs; the text is for officers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
#[non_exhaustive]
pub enum Closed {
    /// A fact is missing.
    #[error("not recorded: {what}")]
    NotRecorded {
        /// Which.
        what: String,
    },
    /// A fact is too old.
    #[error("older than 48 h, recorded {recorded_at}: {what}; record it anew")]
    Stale {
        /// Which.
        what: String,
        /// When it was recorded.
        recorded_at: Timestamp,
    },
    /// A fact from the future.
    #[error("recorded in the future, {recorded_at}: {what}")]
    RecordedAhead {
        /// Which.
        what: String,
        /// When it says it was recorded.
        recorded_at: Timestamp,
    },
    /// The emergency gate opens for M1, M3 and M5 only.
    #[error("{measure} is no emergency measure; the gate opens for M1, M3 and M5")]
    NoEmergencyMeasure {
        /// The measure sought.
        measure: Measure,
    },
    /// E1: a finding does not count.
    #[error("{finding} does not count: {why}")]
    FindingNotCounted {
        /// Which.
        finding: FindingId,
        /// Why.
        why: NotCounted,
    },
    /// E1: not enough that count.
    #[error("{counted} findings count, at least 2 are needed; capture another item")]
    TooFewFindings {
        /// How many count.
        counted: u32,
    },
    /// E1: two captures of one item.
    #[error("{first} and {second} are captures of one item")]
    SameItem {
        /// One.
        first: FindingId,
        /// The other.
        second: FindingId,
    },
    /// E1: one author.
    #[error("{first} and {second} are apparently by one author")]
    SameAuthor {
        /// One.
        first: FindingId,
        /// The other.
        second: FindingId,
    },
    /// E1: one capture behind two findings.
    #[error("{first} and {second} rest on one capture")]
    SameCapture {
        /// One.
        first: FindingId,
        /// The other.
        second: FindingId,
    },
    /// E1: nothing that we captured ourselves.
    #[error("neither {first} nor {second} is graded A or B; capture one of the items yourself")]
    NoOwnCapture {
        /// One.
        first: FindingId,
        /// The other.
        second: FindingId,
    },
    /// E2: nobody, no place, no gathering.
    #[error("no person, place or gathering is identifiable")]
    NobodyIdentifiable,
    /// E2: not grave enough.
    #[error("the harm is less than death or serious injury")]
    HarmTooSmall,
    /// E2: nobody can tell when.
    #[error("the horizon is unknown")]
    HorizonUnknown,
    /// E2: too far off.
    #[error("the horizon, {by}, is more than 72 h away")]
    HorizonTooFar {
        /// When.
        by: Timestamp,
    },
    /// E2: over.
    #[error("the horizon, {by}, has passed; record the danger anew")]
    HorizonPassed {
        /// When.
        by: Timestamp,
    },
    /// E3: not through us.
    #[error("the items are not reachable through our binding")]
    NotReachable,
    /// E3: no reason to think that it helps.
    #[error("no reason is recorded why the measure lowers the risk")]
    NoEffectExpected,
    /// E4: a place without a jurisdiction.
    #[error("{what}: name at least one jurisdiction, or say unknown")]
    NoJurisdiction {
        /// Of what.
        what: String,
    },
    /// E4: nothing delivered.
    #[error("no referral to {to} has been delivered")]
    NotReferred {
        /// To whom.
        to: Addressee,
    },
    /// E4: neither answered nor silent.
    #[error("{referral} to {to} is neither answered nor silent past its clock on two channels")]
    AwaitingAnswer {
        /// Which.
        referral: ReferralId,
        /// To whom.
        to: Addressee,
    },
    /// E4: an objection holds.
    #[error("{to} objects; the gate is closed until {until}")]
    Objection {
        /// Who.
        to: Addressee,
        /// Until when.
        until: Timestamp,
    },
    /// E5: a lesser measure was not considered.
    #[error("{measure} was not considered")]
    NotConsidered {
        /// Which.
        measure: Measure,
    },
    /// E5: a lesser measure would do.
    #[error("{measure} would do; propose that")]
    LesserWouldDo {
        /// Which.
        measure: Measure,
    },
    /// E6: no word on escalation.
    #[error("the risk of escalation is not recorded")]
    EscalationNotRecorded,
    /// E6: no plan.
    #[error("no safety plan is recorded")]
    NoSafetyPlan,
    /// E6: the dispatcher.
    #[error("it is not recorded whether the dispatcher was warned of swatting")]
    DispatcherNotWarned,
    /// E7: one rating.
    #[error("{finding} has one rating; a second officer's is needed")]
    SecondRatingMissing {
        /// Which.
        finding: FindingId,
    },
    /// E7: two ratings that differ.
    #[error("the two ratings of {finding} differ")]
    RatingsDisagree {
        /// Which.
        finding: FindingId,
    },
    /// E7: one officer twice.
    #[error("both ratings of {finding} are by one officer")]
    RatedTwiceByOne {
        /// Which.
        finding: FindingId,
    },
    /// E7: not blind.
    #[error("a rating of {finding} was made with sight of the other")]
    RatedWithSight {
        /// Which.
        finding: FindingId,
    },
    /// E7: the ratings that agree do not carry two independent findings.
    #[error("no two independent findings have two agreeing ratings")]
    NoAgreedPair,
    /// E7: not by a legal reviewer.
    #[error("the legal conclusion is not by a legal reviewer")]
    NotByLegal,
    /// E7: the reviewer also rated.
    #[error("the legal reviewer also rated a finding")]
    LegalAlsoRated,
    /// E7: not lawful.
    #[error("the legal reviewer does not conclude that the measure is lawful")]
    NotFoundLawful,
    /// E7: dissent.
    #[error("it is not recorded whether anyone dissents")]
    DissentNotRecorded,
    /// E8: no declaration.
    #[error("{by} has not declared its interests")]
    NotDeclared {
        /// Who.
        by: Officer,
    },
    /// E8: a conflict.
    #[error("{by} declares a conflict of interest and took part")]
    Conflicted {
        /// Who.
        by: Officer,
    },
    /// E9: no notice.
    #[error("it is not recorded that the customer was told, nor why telling was unsafe")]
    CustomerNotTold,
    /// E9: not told about an item.
    #[error("the customer was not told of {finding}")]
    NotToldOf {
        /// Which.
        finding: FindingId,
    },
    /// E9: the hour runs.
    #[error("the customer has until {until} to cure or answer")]
    HearingRuns {
        /// Until when.
        until: Timestamp,
    },
    /// E9: the horizon leaves an hour.
    #[error("the horizon is not shorter than the hour the customer would have")]
    HorizonLongEnough,
    /// E9: no word on an item.
    #[error("it is not recorded what the site did with {finding}")]
    ConductNotRecorded {
        /// Which.
        finding: FindingId,
    },
    /// E9: removed in time.
    #[error("the site removed the item of {finding} promptly")]
    RemovedPromptly {
        /// Which.
        finding: FindingId,
    },
    /// E9: what is left does not carry two independent findings.
    #[error("no two independent findings are left after what the site did")]
    NoPairLeft,
    /// An order that nobody has given.
    #[error(
        "no order is named; one that an authority gave in this case and a legal reviewer accepted is needed"
    )]
    NoOrder,
    /// The order does not stand.
    #[error("{why}")]
    OrderGone {
        /// Why.
        why: String,
    },
    /// A breach that no two officers see.
    #[error("no finding is rated by two officers as what it is said to be")]
    NothingAgreed,
}

/// Why a finding does not count.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NotCounted {
    /// No capture stored.
    #[error("no capture is stored for it")]
    NoCapture,
    /// Grade D or E.
    #[error("only grades A, B and C count")]
    Grade,
    /// Not on the site.
    #[error("it was neither posted nor promoted by the site")]
    NotOnSite,
    /// No age.
    #[error("its age is unknown")]
    AgeUnknown,
    /// Too old, or possibly too old.
    #[error("it may be older than 48 h")]
    TooOld,
    /// Not yet posted.
    #[error("it says it was posted in the future")]
    Ahead,
    /// No author.
    #[error("nothing tells its author from others")]
    AuthorUnknown,
    /// Not rated.
    #[error("nobody has rated it")]
    NotRated,
    /// Rated by one officer only, which stays sealed.
    #[error("it has one rating of two, which stays sealed until the second is in")]
    RatedOnce,
    /// Rated otherwise.
    #[error("it is not rated credible")]
    NotCredible,
    /// Rated too long ago, or in the future.
    #[error("its rating is older than 48 h, or from the future")]
    RatingStale,
}

impl Closed {
    /// The stable name, kebab-case: the one that stands in documents as `reason`.
    pub fn name(&self) -> String {
        let value = serde_json::to_value(self).ok();
        let name = value.as_ref().and_then(|value| value["reason"].as_str());
        name.unwrap_or("closed").to_owned()
    }
}
