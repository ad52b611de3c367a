//! Typed ids, host names, networks, instants and digests that every other crate speaks in.
//!
//! Owns the values that cross crate borders and the two ambient inputs of the whole system, time and
//! randomness, as traits with manual versions for tests. Knows no runtime, no storage, no protocol.
//!
//! Invariant: a value of a type in this crate is always well formed; parsing is the only way in.

pub mod canonical;
mod cidr;
mod clock;
mod digest;
mod hostname;
mod id;
pub mod moment;
mod random;
mod site_pattern;
mod timestamp;

pub use cidr::{Cidr, CidrError};
pub use clock::{Clock, ManualClock};
pub use digest::{Digest, DigestError, Hasher};
pub use hostname::{Hostname, HostnameError};
pub use id::{
    AccountId, AllegationId, AppealId, AuthorityId, CaseId, DecisionId, EvidenceId, FindingId, IdError,
    MailId, OrderId, ReferralId, ReportId, SiteId, SubscriptionId,
};
pub use random::{Random, SeededRandom};
pub use site_pattern::{SitePattern, SitePatternError};
pub use timestamp::{Timestamp, TimestampError};
