//! What an edge serves from: sites, measures in force and their proofs, verified offline.
//!
//! Owns the parcel that a feed carries, the decision bundle, [`verify`] with all its checks, the
//! rollback counters, the state machine of enforcement and the lookup that answers each request.
//! Knows no cases, no storage, no sockets and no clock: time comes in.
//!
//! Invariants: a [`ProvedMeasure`] is made only by [`verify`]; a measure once applied ends only at its
//! end time, whatever later parcels say; an old record never displaces a newer; the outcome is a
//! function of proved records and time.

mod audit;
mod bundle;
mod enforcement;
#[cfg(any(test, feature = "testing"))]
pub mod fixture;
mod parcel;
mod refusal;
mod roots;
mod site;
mod trust;
mod verification;
mod view;

pub use audit::{Audit, AuditKeys, Check, Outcome, audit};
pub use bundle::{AssembleError, BUNDLE_BYTES_MAX, Bundle, BundleFormat, Document, Logged, Parts};
pub use enforcement::{Alarm, Applied, BUNDLES_MAX, Enforcement};
pub use parcel::{Consistency, Parcel};
pub use refusal::Refusal;
pub use roots::{Roots, RootsError};
pub use site::{CacheMode, CertificateFiles, Origin, Scheme, Service, Site};
pub use trust::{Contradiction, Trust, TrustError};
pub use verification::{
    CLOCK_SKEW_MAX, COSIGNATURE_AGE_MAX, POLICY_NOTICE, ProvedMeasure, Surroundings, verify,
};
pub use view::{Facts, Snapshot, Verdict};
