//! The facts that officers record for the gate, one type for each of E2 to E9.
//!
//! Members that the gate asks for are optional here, so that a half-filled fact can be saved and the
//! gate can say what is missing.

use crate::{CaseRefusal, Jurisdiction, Officer, Paragraphs, Recorded, Text};
use policy::{Measure, Role};
use serde::{Deserialize, Serialize};
use vocabulary::{Digest, EvidenceId, FindingId, Timestamp};

/// Most dissents attached to a conclusion.
const DISSENT_MAX: usize = 50;

/// Everything recorded for E2 to E9.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Facts {
    /// E2.
    pub danger: Option<Recorded<Danger>>,
    /// E3.
    pub nexus: Option<Recorded<Nexus>>,
    /// E4: where referrals must go.
    pub concerned: Option<Recorded<Concerned>>,
    /// E5.
    pub lesser_measures: Option<Recorded<LesserMeasures>>,
    /// E6.
    pub safety: Option<Recorded<Safety>>,
    /// E7: the legal part.
    pub legal_review: Option<Recorded<LegalReview>>,
    /// E8: each officer's newest.
    pub declarations: Vec<Recorded<Declaration>>,
    /// E9.
    pub site_conduct: Option<Recorded<SiteConduct>>,
}

/// One fact to record; what an officer enters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// E2.
    Danger(Danger),
    /// E3.
    Nexus(Nexus),
    /// E4.
    Concerned(Concerned),
    /// E5.
    LesserMeasures(LesserMeasures),
    /// E6.
    Safety(Safety),
    /// E7.
    LegalReview(LegalReview),
    /// E8, of the officer who records it.
    Declaration(Declaration),
    /// E9.
    SiteConduct(SiteConduct),
}

/// E2: who or what is in danger of what, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Danger {
    /// What can be identified; never who.
    pub identified: Option<Identified>,
    /// The harm.
    pub harm: Harm,
    /// When.
    pub horizon: Horizon,
}

/// What the danger is aimed at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Identified {
    /// A person.
    Person,
    /// A place.
    Place,
    /// A gathering.
    Gathering,
}

/// The harm in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// Death.
    Death,
    /// Serious injury.
    SeriousInjury,
    /// Self-harm that is being urged on someone.
    SelfHarmUrged,
    /// Anything less.
    Lesser,
}

/// When the harm is to be expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Horizon {
    /// It is going on.
    Ongoing,
    /// By this instant.
    By(Timestamp),
    /// Nobody can tell.
    Unknown,
}

/// E3: what our service has to do with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nexus {
    /// The items are reachable through our binding, as of the record.
    pub reachable: bool,
    /// Why the measure plausibly lowers the risk.
    pub lowers_risk: Option<Text>,
}

/// E4: which jurisdictions are concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concerned {
    /// Where the offence is committed.
    pub offence: Placement,
    /// Where the suspect is.
    pub suspect: Placement,
    /// Where the person at risk is.
    pub person_at_risk: Placement,
    /// Authorities that themselves endanger the person; the fallback stands in for them.
    #[serde(default)]
    pub endangering: Vec<Endangering>,
}

/// Where something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// In these jurisdictions, at least one.
    In(Vec<Jurisdiction>),
    /// Not known: the fallback is asked.
    Unknown,
}

/// An authority that endangers the person, and why that is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endangering {
    /// Whose authority.
    pub jurisdiction: Jurisdiction,
    /// Why.
    pub reason: Text,
}

/// E5: each lesser measure, considered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LesserMeasures {
    /// One entry for each measure below the one sought, M0 included.
    pub considered: Vec<Considered>,
}

/// One lesser measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Considered {
    /// Which.
    pub measure: Measure,
    /// What came of it.
    pub outcome: Outcome,
}

/// What became of a lesser measure on the counted items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It would do.
    WouldDo,
    /// It would not.
    WouldNotDo {
        /// Why.
        reason: Text,
    },
    /// It was tried, and the items came back.
    Failed {
        /// When they came back.
        reposted_at: Timestamp,
        /// The capture that shows it.
        evidence: EvidenceId,
    },
}

/// E6: what the measure may provoke, and what protects people meanwhile.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Safety {
    /// The risk of escalation, in words.
    pub escalation: Option<Text>,
    /// The safety plan, in words.
    pub plan: Option<Paragraphs>,
    /// Whether the dispatcher knows that a swatting call may come.
    pub dispatcher: Option<Dispatcher>,
}

/// The warning to the dispatcher. A warning without consent cannot be written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dispatcher {
    /// Warned, with the consent of the person at risk.
    WarnedWithConsent {
        /// When.
        at: Timestamp,
    },
    /// The person at risk did not consent.
    ConsentWithheld,
    /// No such person can be asked.
    NobodyToAsk {
        /// Why.
        reason: Text,
    },
}

/// E7: the legal reviewer's conclusion. The view itself stays sealed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LegalReview {
    /// The conclusion.
    pub conclusion: LegalConclusion,
    /// Commitment to the sealed view.
    pub sealed_view: Digest,
    /// Whether anyone dissents, and how.
    pub dissent: Option<Dissent>,
}

/// What the legal reviewer concludes about the measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LegalConclusion {
    /// Lawful and proportionate.
    Lawful,
    /// Open.
    Doubtful,
    /// Not lawful.
    Unlawful,
}

/// Dissent among officers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dissent {
    /// Everybody was asked and nobody dissents.
    NoneVoiced,
    /// Attached, word by word.
    Attached(Vec<Paragraphs>),
}

/// E8: what one officer declares about its own interests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Declaration {
    /// The conflict of interest; `None` declares that there is none.
    pub conflict: Option<Text>,
}

/// E9: what the customer was told, and what the site did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SiteConduct {
    /// The notice to the customer.
    pub notice: Option<Notice>,
    /// What happened to each counted item.
    #[serde(default)]
    pub items: Vec<ItemConduct>,
}

/// The notice before a measure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Notice {
    /// The customer got the items, never reporter or target.
    Given {
        /// When.
        at: Timestamp,
        /// Which findings' items.
        items: Vec<FindingId>,
        /// What it answered; stands beside the statement.
        reply: Option<Paragraphs>,
    },
    /// The customer was not told.
    Withheld {
        /// Why, as a kind.
        because: WithheldBecause,
        /// Why, in words.
        reason: Text,
    },
}

/// The two reasons that allow a measure without notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WithheldBecause {
    /// The warning would endanger someone.
    EndangersSomeone,
    /// The horizon is shorter than the hour the customer would have.
    HorizonShorter,
}

/// What happened to one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemConduct {
    /// The finding.
    pub finding: FindingId,
    /// What happened.
    pub outcome: ItemOutcome,
}

/// What the site did with an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ItemOutcome {
    /// It is still up.
    StillUp,
    /// It was removed, told or untold.
    Removed {
        /// When.
        at: Timestamp,
    },
    /// It was removed and came back.
    Reposted {
        /// When it came back.
        at: Timestamp,
    },
}

impl Fact {
    /// The stored files that the fact names; each must be sealed in the case.
    pub fn evidence(&self) -> Vec<EvidenceId> {
        let Self::LesserMeasures(fact) = self else { return Vec::new() };
        let named = fact.considered.iter().filter_map(|entry| match &entry.outcome {
            Outcome::Failed { evidence, .. } => Some(*evidence),
            Outcome::WouldDo | Outcome::WouldNotDo { .. } => None,
        });
        named.collect()
    }

    /// The findings that the fact names; each must be the case's.
    pub(crate) fn findings(&self) -> Vec<FindingId> {
        let Self::SiteConduct(fact) = self else { return Vec::new() };
        let told = match &fact.notice {
            Some(Notice::Given { items, .. }) => items.as_slice(),
            Some(Notice::Withheld { .. }) | None => &[],
        };
        fact.items.iter().map(|entry| entry.finding).chain(told.iter().copied()).collect()
    }
}

impl Facts {
    /// Records a fact, in place of an older one of its kind (for declarations: of its officer), which is
    /// given back to be kept. A declared conflict stands, and a dissent stays attached.
    pub fn record(
        &mut self,
        fact: Fact,
        by: Officer,
        at: Timestamp,
    ) -> Result<Option<Recorded<Fact>>, CaseRefusal> {
        fn put<T>(
            slot: &mut Option<Recorded<T>>,
            new: Recorded<T>,
            kind: fn(T) -> Fact,
        ) -> Option<Recorded<Fact>> {
            slot.replace(new).map(|Recorded { by, at, fact }| Recorded { by, at, fact: kind(fact) })
        }
        Ok(match fact {
            Fact::Danger(fact) => put(&mut self.danger, Recorded { by, at, fact }, Fact::Danger),
            Fact::Nexus(fact) => put(&mut self.nexus, Recorded { by, at, fact }, Fact::Nexus),
            Fact::Concerned(fact) => put(&mut self.concerned, Recorded { by, at, fact }, Fact::Concerned),
            Fact::LesserMeasures(fact) => {
                put(&mut self.lesser_measures, Recorded { by, at, fact }, Fact::LesserMeasures)
            }
            Fact::Safety(fact) => put(&mut self.safety, Recorded { by, at, fact }, Fact::Safety),
            Fact::LegalReview(_) if by.role != Role::Legal => return Err(CaseRefusal::NotLegal(by)),
            Fact::LegalReview(mut fact) => {
                let before = self.legal_review.as_ref().and_then(|review| review.fact.dissent.clone());
                fact.dissent = attached(before, fact.dissent)?;
                put(&mut self.legal_review, Recorded { by, at, fact }, Fact::LegalReview)
            }
            Fact::SiteConduct(fact) => {
                put(&mut self.site_conduct, Recorded { by, at, fact }, Fact::SiteConduct)
            }
            Fact::Declaration(fact) => {
                let mut declarations = self.declarations.iter();
                let place = declarations.position(|other| other.by.pseudonym == by.pseudonym);
                let mut own = place.map(|place| self.declarations[place].clone());
                if fact.conflict.is_none() && own.as_ref().is_some_and(|own| own.fact.conflict.is_some()) {
                    return Err(CaseRefusal::ConflictStands(by));
                }
                if let Some(place) = place {
                    self.declarations.remove(place);
                }
                let old = put(&mut own, Recorded { by, at, fact }, Fact::Declaration);
                self.declarations.extend(own);
                old
            }
        })
    }
}

/// The dissent of a new conclusion: what was attached before stays, word by word.
fn attached(before: Option<Dissent>, now: Option<Dissent>) -> Result<Option<Dissent>, CaseRefusal> {
    let Some(Dissent::Attached(mut words)) = before else { return Ok(now) };
    if let Some(Dissent::Attached(more)) = now {
        let new: Vec<_> = more.into_iter().filter(|word| !words.contains(word)).collect();
        words.extend(new);
    }
    if words.len() > DISSENT_MAX {
        return Err(CaseRefusal::TooMany { what: "dissents", max: DISSENT_MAX });
    }
    Ok(Some(Dissent::Attached(words)))
}
