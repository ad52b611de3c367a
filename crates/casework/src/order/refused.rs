//! Why an order is refused to the authority, and why a step with it is refused to an officer.

use crate::Officer;
use serde::{Deserialize, Serialize};

/// The reasons for which an order is refused, as the authority is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusedBecause {
    /// Something that an order needs is missing.
    Incomplete,
    /// It is wrong on its face, as an address that is nobody's here.
    ManifestError,
    /// It cannot be carried out without knowing more.
    InsufficientInformation,
    /// What it asks for is not held here.
    NotHeld,
    /// It cannot be done.
    Impossible,
    /// The authority may not order this.
    AuthorityNotCompetent,
    /// The law it names does not cover the offence.
    OffenceNotCovered,
    /// The law it names does not cover this service.
    ServiceNotCovered,
    /// It reaches beyond the authority's territory.
    ExceedsTerritory,
    /// Nobody can have it reviewed by a court.
    NoJudicialRemedy,
    /// Somebody's immunity or privilege stands against it.
    Immunity,
    /// Another state's law forbids it.
    ConflictOfLaw,
    /// It is manifestly against fundamental rights.
    AgainstFundamentalRights,
}

impl RefusedBecause {
    /// All of them, in the order of the list.
    pub const ALL: [Self; 13] = [
        Self::Incomplete,
        Self::ManifestError,
        Self::InsufficientInformation,
        Self::NotHeld,
        Self::Impossible,
        Self::AuthorityNotCompetent,
        Self::OffenceNotCovered,
        Self::ServiceNotCovered,
        Self::ExceedsTerritory,
        Self::NoJudicialRemedy,
        Self::Immunity,
        Self::ConflictOfLaw,
        Self::AgainstFundamentalRights,
    ];

    /// The stable name, kebab-case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Incomplete => "incomplete",
            Self::ManifestError => "manifest-error",
            Self::InsufficientInformation => "insufficient-information",
            Self::NotHeld => "not-held",
            Self::Impossible => "impossible",
            Self::AuthorityNotCompetent => "authority-not-competent",
            Self::OffenceNotCovered => "offence-not-covered",
            Self::ServiceNotCovered => "service-not-covered",
            Self::ExceedsTerritory => "exceeds-territory",
            Self::NoJudicialRemedy => "no-judicial-remedy",
            Self::Immunity => "immunity",
            Self::ConflictOfLaw => "conflict-of-law",
            Self::AgainstFundamentalRights => "against-fundamental-rights",
        }
    }
}

/// Something that stands against an order by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The reason on the list.
    pub because: RefusedBecause,
    /// What exactly.
    pub text: String,
}

/// Why a step with an order is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrderRefusal {
    /// Not in this state.
    #[error("an order that is {is} cannot be {wanted}")]
    WrongState {
        /// Its state.
        is: &'static str,
        /// What was asked.
        wanted: &'static str,
    },
    /// Nobody's, as far as the directory knows.
    #[error("the authority it names is not in the directory, or was retired from it")]
    NotInDirectory,
    /// Not signed by the authority.
    #[error("the signature is of no confirmed key of this authority under exactly this text")]
    ForeignSignature,
    /// No call since it came.
    #[error(
        "nobody has called the authority back on its duty line since the order came; call, and note the call in the directory"
    )]
    NotCalledBack,
    /// The call did not confirm it.
    #[error("the last call back did not confirm the order")]
    CallNotConfirmed,
    /// Key or call is missing.
    #[error(
        "an order acts only when it is signed with a confirmed key and confirmed in a call back; one is missing"
    )]
    NotAuthentic,
    /// Something stands against it.
    #[error("it can only be refused, as {}: {}", .0.because.name(), .0.text)]
    Faulty(Fault),
    /// Not the legal reviewer.
    #[error("{0} is no legal reviewer; orders are accepted and refused by the role legal")]
    NotLegal(Officer),
}

impl OrderRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WrongState { .. } => "order-in-wrong-state",
            Self::NotInDirectory => "authority-not-in-directory",
            Self::ForeignSignature => "order-not-signed",
            Self::NotCalledBack => "order-not-called-back",
            Self::CallNotConfirmed => "order-not-confirmed",
            Self::NotAuthentic => "order-not-authentic",
            Self::Faulty(_) => "order-faulty",
            Self::NotLegal(_) => "not-legal",
        }
    }
}
