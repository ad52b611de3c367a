//! What an edge serves from: sites, measures in force and their proofs, verified offline.
//!
//! Owns the parcel that a feed carries, the decision bundle, [`verify`] with all its checks, the
//! rollback counters, the state machine of enforcement, the lookup that answers each request, the
//! audits of one decision and of a whole log, which repeat the same checks for everybody else, and the
//! transparency report as a fold over the log.
//! Knows no cases, no storage, no sockets and no clock: time comes in.
//!
//! Invariants: a [`ProvedMeasure`] is made only by [`verify`]; a measure once applied ends only at its
//! end time, whatever later parcels say; an old record never displaces a newer; the outcome is a
//! function of proved records and time.

mod audit;
mod bundle;
mod defence;
mod enforcement;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
mod front;
mod log_audit;
mod origins;
mod parcel;
mod refusal;
mod roots;
mod rosters;
mod seals;
mod site;
mod suspension;
mod transparency;
mod trust;
mod verification;
mod view;
mod watch;

pub use audit::{Audit, AuditKeys, Check, Outcome, audit};
pub use bundle::{
    AssembleError, BUNDLE_BYTES_MAX, Bundle, BundleFormat, Document, Logged, Parts, STEPS_MAX, Step,
};
pub use defence::{
    Acting, Cause, ChallengeSettings, ENTRIES_MAX, Effect, Entry, Feed, FeedVersion, Gate, ListSource,
    OPERATOR_LISTS_MAX, OperatorList, OperatorShield, Profile, RateTerms, RuleAction, ShieldError,
    ShieldRule, ShieldSettings, SiteList, SiteShield, Standing, Subject, UnderAttack, UnderAttackSwitch,
    feeds_named,
};
pub use enforcement::{Alarm, Applied, BUNDLES_MAX, Enforcement};
pub use front::{
    Authorities, AuthoritiesError, AuthoritiesPem, ClientCertificates, Front, Hsts, Maintenance, TlsMin,
};
pub use log_audit::{LAPSE_GRACE, LogAudit, LogKeys, LogReport, ROSTER_NOTICE};
pub use origins::{
    Balance, Ejection, HealthCheck, OriginPolicy, OriginSecret, OriginTls, Probe, Retries, Timeouts, Trusted,
};
pub use parcel::{Consistency, Parcel};
pub use refusal::Refusal;
pub use roots::{Roots, RootsError};
pub use seals::{SEALS_MAX, Seal, SealError, Seals, UNSEALING_GRACE};
pub use site::{CacheMode, CertificateFiles, Origin, OriginProtocol, Scheme, Service, Site};
pub use suspension::{Suspension, SuspensionBundle, Suspensions};
pub use transparency::{Clockwork, REPORT_BYTES_MAX, ReportRow, Transparency, TransparencyReport};
pub use trust::{Contradiction, Trust, TrustError};
pub use verification::{
    CLOCK_SKEW_MAX, COSIGNATURE_AGE_MAX, POLICY_NOTICE, ProvedMeasure, Surroundings, verify,
};
pub use view::{Facts, Snapshot, Verdict, WARNINGS_MAX};
pub use watch::{LEASES_MAX, Watch, WatchAlarm};
