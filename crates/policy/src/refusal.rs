//! The one table of reasons for which a decision is refused.

use crate::{Ground, Measure, PolicyError, Profile, Pseudonym, Role, ScopeError, ServiceClass};
use std::time::Duration;
use vocabulary::{Digest, Hostname, SitePattern};

/// Why terms or approvals are refused. `name()` is stable and for programs; the text is for people.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The policy file cannot be read, or is looser than the floor.
    #[error("the policy is refused")]
    Policy(#[source] PolicyError),
    /// The scope list cannot be read.
    #[error("the scope list is refused")]
    Scope(#[source] ScopeError),
    /// The terms name another floor than the one compiled in here.
    #[error("the terms were made under another floor ({0}) than the one compiled in here")]
    FloorChanged(Digest),
    /// A never-cell of the floor.
    #[error("{measure} never acts on class {class}; no policy can allow it")]
    NeverOnClass {
        /// The measure asked for.
        measure: Measure,
        /// The class asked for.
        class: ServiceClass,
    },
    /// A termination without its notice.
    #[error("a termination is recorded {} before it acts; {} is needed", exact(*given), exact(crate::floor::TERMINATION_NOTICE))]
    NoticeTooShort {
        /// How long before it was recorded.
        given: Duration,
    },
    /// M0 has no lease and is no decision of this form.
    #[error("{0} is an act without a lease; decisions of this form run for a time")]
    ActWithoutLease(Measure),
    /// Ends before it begins, or too soon to be enforced and seen.
    #[error("the lease lasts {}; at least {} is needed", exact(*lasts), exact(*min))]
    LeaseTooShort {
        /// How long the lease would run.
        lasts: Duration,
        /// The least.
        min: Duration,
    },
    /// Longer than the floor allows.
    #[error("the lease lasts {}; the floor allows {} at most", exact(*lasts), exact(*max))]
    LeaseOverFloor {
        /// How long the lease would run.
        lasts: Duration,
        /// The most.
        max: Duration,
    },
    /// Longer than the policy allows.
    #[error("the lease lasts {}; the policy allows {} at most", exact(*lasts), exact(*max))]
    LeaseOverPolicy {
        /// How long the lease would run.
        lasts: Duration,
        /// The most.
        max: Duration,
    },
    /// Renewed more often than the floor or the policy allows.
    #[error("renewal number {renewal} is one too many; {max} are allowed")]
    RenewedTooOften {
        /// Which renewal this would be.
        renewal: u32,
        /// The most.
        max: u32,
    },
    /// The matrix has no such cell.
    #[error("the policy does not admit {measure} on class {class} on the ground {ground}")]
    GroundNotAdmitted {
        /// The measure asked for.
        measure: Measure,
        /// The class asked for.
        class: ServiceClass,
        /// The ground given.
        ground: Ground,
    },
    /// The scope says less or more than the measure asks for.
    #[error("the scope is not one of {0}: {1}")]
    ScopeOfOtherMeasure(Measure, &'static str),
    /// The terms and the roster name different profiles.
    #[error("the terms say profile {terms}, the roster says {roster}")]
    ProfileChanged {
        /// What the terms say.
        terms: Profile,
        /// What the pinned roster says.
        roster: Profile,
    },
    /// A trial reaches for a real host name.
    #[error("profile trial acts only on loopback and reserved names (RFC 6761); {0} is neither")]
    TrialOnRealName(Hostname),
    /// A site of a category that the policy protects from being blocked whole.
    #[error("{host} falls under {category:?}, which the policy never blocks")]
    NeverBlockCategory {
        /// The host pattern in scope.
        host: SitePattern,
        /// The policy's category.
        category: String,
    },
    /// Too many sites at once.
    #[error("{sites} sites in scope; {limit} are allowed at once")]
    BlastRadius {
        /// Sites in scope.
        sites: u64,
        /// The limit here and now.
        limit: u64,
    },
    /// The scope list is not the one the terms commit to.
    #[error("the scope list is not the one the decision commits to")]
    ScopeChanged,
    /// The statement is not the one the terms commit to.
    #[error("the statement is not the one the decision commits to")]
    StatementChanged,
    /// The statement is over its bound.
    #[error("the statement has {bytes} bytes; at most {max} are allowed")]
    StatementTooLong {
        /// Its canonical length.
        bytes: usize,
        /// The bound.
        max: usize,
    },
    /// The statement tells the public something else than the terms say.
    #[error("the statement and the terms differ in {field}")]
    StatementContradicts {
        /// Which field.
        field: &'static str,
    },
    /// The roster is not the one the terms commit to.
    #[error("the roster is not the one the decision commits to")]
    RosterChanged,
    /// The roster acts only later.
    #[error("the roster is not yet in force when the lease begins")]
    RosterNotInForce,
    /// Nobody on the roster holds this key.
    #[error("the signing key is not on the roster")]
    Outsider,
    /// The approval claims another role than the roster gives.
    #[error("the approval claims the role {claimed}; the roster says {roster}")]
    WrongRole {
        /// What the approval says.
        claimed: Role,
        /// What the roster says.
        roster: Role,
    },
    /// This role never decides, or not on this roster.
    #[error("the role {0} may not decide")]
    RoleMayNotDecide(Role),
    /// The signature does not fit key and bytes.
    #[error("the signature of {0} does not fit these bytes")]
    SignatureWrong(Role),
    /// One key twice.
    #[error("one key approved twice")]
    SameKeyTwice,
    /// One person with two keys.
    #[error("one person approved with two keys; one person counts once")]
    SamePersonTwice,
    /// Not enough people.
    #[error("{have} of {need} approvals")]
    TooFewApprovals {
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// Not enough distinct roles.
    #[error("approvals come from {have} roles; {need} are needed")]
    TooFewRoles {
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// Not enough distinct organisations.
    #[error("approvals come from {have} organisations; {need} are needed")]
    TooFewOrganisations {
        /// How many there are.
        have: usize,
        /// How many are needed.
        need: usize,
    },
    /// Terms that follow others without continuing them.
    #[error("the record does not continue the decision: its {field} does not follow from the one before")]
    DoesNotContinue {
        /// Which field.
        field: &'static str,
    },
    /// Not what ratifies.
    #[error("an emergency is ratified into a confirmed block (M6), by an order or the reviewer, once")]
    NotARatification,
    /// Not what renews.
    #[error("a renewal keeps measure and ground, and counts one up")]
    NotARenewal,
    /// No reviewer, where one is needed.
    #[error("the independent reviewer has to sign this")]
    ReviewerMissing,
    /// Somebody who took part.
    #[error("{0} took part in the decision and may neither ratify it nor rule on it")]
    TookPart(Pseudonym),
    /// A legal demand without an order behind it, or an order without its demand.
    #[error("the ground order, and it alone, names who demanded and under which law")]
    DemandMismatch,
    /// More than the profile may do.
    #[error("profile {profile} does not do {measure} on the ground {ground}; it may {may}")]
    BeyondProfile {
        /// The roster's profile.
        profile: Profile,
        /// The measure asked for.
        measure: Measure,
        /// The ground given.
        ground: Ground,
        /// What it may do.
        may: &'static str,
    },
    /// Longer than the profile may decide.
    #[error("profile {profile} decides provisional blocks of {}h at most", .max.as_secs() / 3_600)]
    LeaseOverProfile {
        /// The roster's profile.
        profile: Profile,
        /// The most.
        max: Duration,
    },
    /// A roster that does not follow the one before it.
    #[error("the roster cannot follow the one before it: {0}")]
    NotASuccessor(&'static str),
    /// A key that was taken off the roster.
    #[error("somebody signed with a key that had been taken off the roster")]
    KeyRemoved,
    /// More approvals than anyone needs.
    #[error("{0} approvals; at most {max} are read", max = crate::APPROVALS_MAX)]
    TooManyApprovals(usize),
}

impl Refusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Policy(error) => error.name(),
            Self::Scope(_) => "scope-unreadable",
            Self::FloorChanged(_) => "floor-changed",
            Self::NeverOnClass { .. } => "never-on-class",
            Self::NoticeTooShort { .. } => "notice-too-short",
            Self::ActWithoutLease(_) => "act-without-lease",
            Self::LeaseTooShort { .. } => "lease-too-short",
            Self::LeaseOverFloor { .. } => "lease-over-floor",
            Self::LeaseOverPolicy { .. } => "lease-over-policy",
            Self::RenewedTooOften { .. } => "renewed-too-often",
            Self::GroundNotAdmitted { .. } => "ground-not-admitted",
            Self::ScopeOfOtherMeasure(..) => "scope-of-other-measure",
            Self::DoesNotContinue { .. } => "does-not-continue",
            Self::NotARatification => "not-a-ratification",
            Self::NotARenewal => "not-a-renewal",
            Self::ReviewerMissing => "reviewer-missing",
            Self::TookPart(_) => "took-part",
            Self::DemandMismatch => "demand-mismatch",
            Self::BeyondProfile { .. } => "beyond-profile",
            Self::LeaseOverProfile { .. } => "lease-over-profile",
            Self::ProfileChanged { .. } => "profile-changed",
            Self::TrialOnRealName(_) => "trial-on-real-name",
            Self::NeverBlockCategory { .. } => "never-block-category",
            Self::BlastRadius { .. } => "blast-radius",
            Self::ScopeChanged => "scope-changed",
            Self::StatementChanged => "statement-changed",
            Self::StatementTooLong { .. } => "statement-too-long",
            Self::StatementContradicts { .. } => "statement-contradicts",
            Self::RosterChanged => "roster-changed",
            Self::RosterNotInForce => "roster-not-in-force",
            Self::Outsider => "outsider",
            Self::WrongRole { .. } => "wrong-role",
            Self::RoleMayNotDecide(_) => "role-may-not-decide",
            Self::SignatureWrong(_) => "signature-wrong",
            Self::SameKeyTwice => "same-key-twice",
            Self::SamePersonTwice => "same-person-twice",
            Self::TooFewApprovals { .. } => "too-few-approvals",
            Self::TooFewRoles { .. } => "too-few-roles",
            Self::TooFewOrganisations { .. } => "too-few-organisations",
            Self::NotASuccessor(_) => "not-a-successor",
            Self::KeyRemoved => "key-removed",
            Self::TooManyApprovals(_) => "too-many-approvals",
        }
    }
}

/// A span as policy files write it, with no rounding: `48h`, `90s`, `2.5s`.
fn exact(span: Duration) -> String {
    match (span.as_secs(), span.subsec_nanos()) {
        (seconds, 0) if seconds > 0 && seconds % 3_600 == 0 => format!("{}h", seconds / 3_600),
        _ => format!("{}s", span.as_secs_f64()),
    }
}
