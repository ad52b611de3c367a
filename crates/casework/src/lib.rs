//! From a report to a decision: cases, findings, referrals, the gate, proposals and leases.
//!
//! Owns what officers record about a case, the pure function [`gate()`] that says whether the recorded
//! facts allow an emergency measure, the composition of a [`Proposal`], and the states of a
//! [`Decision`] and a [`Referral`]. Knows no storage, no HTTP, no edge, no log format.
//!
//! Invariants: transitions consume the state they leave; the gate reads no report, no count of
//! reports and no campaign signal; a [`Proposal`] exists only after an open gate and an admissible
//! measure, and a [`Ready`] only after enough approvals and a gate that is still open.

mod appeal;
mod case;
pub mod clocks;
mod decision;
mod directory;
mod earlier;
mod erasure;
mod facts;
mod finding;
#[cfg(any(test, feature = "testing"))]
#[allow(missing_docs, reason = "for tests; their names are their docs")]
pub mod fixtures;
mod forward;
mod gate;
mod linked;
mod officer;
mod order;
mod packet;
mod precedent;
mod preview;
mod propose;
mod ratification;
mod rating;
mod referral;
mod signing;
mod statement;
mod suspension;
mod termination;
mod text;
mod told;

pub use appeal::{
    APPEALS_MAX, Against, Appeal, AppealOutcome, AppealRefusal, AppealState, Appellant, MissedClock, Review,
};
pub use case::{Attention, Case, CaseRefusal, CaseStatus, FINDINGS_MAX, REFERRALS_MAX, SUPERSEDED_MAX};
pub use decision::{
    Continuation, Decision, DecisionRefusal, DecisionState, EdgeReceipt, Ending, FollowUp, Former, Logged,
    Pending, Published, Ready,
};
pub use directory::{Call, CallOutcome, DirectoryEntry, DirectoryKey, DirectoryRefusal, DutyLine, Retired};
pub use earlier::{Earlier, EarlierRefusal};
pub use erasure::{ERASURE_WINDOW, ErasureDraft};
pub use facts::{
    Concerned, Considered, Danger, Declaration, Dispatcher, Dissent, Endangering, Fact, Facts, Harm, Horizon,
    Identified, ItemConduct, ItemOutcome, LegalConclusion, LegalReview, LesserMeasures, Nexus, Notice,
    Outcome, Placement, Safety, SiteConduct, WithheldBecause,
};
pub use finding::{Appearance, Finding, PostedAt, Source, SourceGrade};
pub use forward::{Forward, ForwardRefusal, ITEMS_MAX, forward};
pub use gate::{
    Closed, ConditionVerdict, GateCondition, GateVerdict, Held, NotCounted, assess, gate, input_hash,
};
pub use linked::{Confirmed, LINKS_MAX, LinkRefusal, LinkedSite, Mark, Voice};
pub use officer::{Officer, Recorded};
pub use order::{
    Authentic, Demanded, DemandedError, Fault, Footing, NotBehind, Order, OrderRefusal, OrderState,
    RefusedBecause, Served, SignedBy, order_digest,
};
pub use packet::{Packet, PacketError, PacketItem};
pub use precedent::{PRECEDENTS_MAX, Precedent, Relation};
pub use preview::{Hit, NEIGHBOURS_MAX, Neighbour, Preview, ServedSite, Shared, WholeProgram, preview};
pub use propose::{Proposal, ProposalRefusal, Request, Setting, propose};
pub use ratification::{Basis, Ratification, RatificationRefusal, Ratified, ratify};
pub use rating::{Credibility, Rating, RatingRefusal, Ratings};
pub use referral::{
    Addressee, Answer, Attempt, Authority, Channel, Delivery, DeliveryProof, Inbound, Jurisdiction,
    JurisdictionError, Objection, Received, Referral, ReferralRefusal, ReferralState, Traffic, Verification,
};
pub use suspension::{SuspensionDraft, SuspensionStep};
pub use text::{Paragraphs, TEXT_MAX, Text, TextError, is_hidden};
pub use told::Told;
