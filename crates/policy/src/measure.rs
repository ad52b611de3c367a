//! Service classes, measures and grounds: the three axes of the matrix.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How close a service stands to the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ServiceClass {
    /// Hosting, custom error pages included: the operator serves bytes it keeps for the customer.
    H,
    /// Shield and cache: the operator stands in front of somebody else's server.
    S,
    /// Core, such as DNS.
    C,
}

/// What may be done, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// Forward a report, identity-free.
    M0,
    /// Warn: an interstitial that can be passed.
    M1,
    /// Withdraw a feature.
    M2,
    /// Disable listed URLs.
    M3,
    /// Block in named territories.
    M4,
    /// Provisional block.
    M5,
    /// Confirmed block.
    M6,
    /// Terminate.
    M7,
}

/// What of a site's services a decision may withdraw by itself (M2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Feature {
    /// Error pages of the customer's own; the network's stand in for them.
    ErrorPages,
}

/// What a decision rests on. Content-neutral grounds have names of their own, so that a policy can
/// list them without opening the door to the ground `policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ground {
    /// A breach of the operator's published policy.
    Policy,
    /// Abuse of the service itself: floods, open relays, evasion.
    TechnicalAbuse,
    /// Malware is spread.
    Malware,
    /// Visitors are tricked into giving away secrets.
    Phishing,
    /// The customer does not pay.
    Payment,
    /// A valid order of a court or authority.
    Order,
    /// Danger to human life, through the gate.
    Emergency,
    /// An emergency that two further people ratified with an order or the independent reviewer.
    RatifiedEmergency,
}

impl ServiceClass {
    /// Every class, in order.
    pub const ALL: [Self; 3] = [Self::H, Self::S, Self::C];

    /// One letter, as in the matrix.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::H => "H",
            Self::S => "S",
            Self::C => "C",
        }
    }
}

impl Feature {
    /// Every feature.
    pub const ALL: [Self; 1] = [Self::ErrorPages];

    /// The name used in documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ErrorPages => "error-pages",
        }
    }

    /// What it is, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::ErrorPages => "error pages of the site's own",
        }
    }
}

impl fmt::Display for Feature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Measure {
    /// Every measure, least first.
    pub const ALL: [Self; 8] =
        [Self::M0, Self::M1, Self::M2, Self::M3, Self::M4, Self::M5, Self::M6, Self::M7];

    /// `M0` to `M7`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::M0 => "M0",
            Self::M1 => "M1",
            Self::M2 => "M2",
            Self::M3 => "M3",
            Self::M4 => "M4",
            Self::M5 => "M5",
            Self::M6 => "M6",
            Self::M7 => "M7",
        }
    }

    /// What it does, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::M0 => "forward a report",
            Self::M1 => "warn visitors",
            Self::M2 => "withdraw a feature",
            Self::M3 => "disable listed URLs",
            Self::M4 => "block in named territories",
            Self::M5 => "provisional block",
            Self::M6 => "confirmed block",
            Self::M7 => "terminate",
        }
    }

    /// Whether visitors are refused (M3–M7).
    pub fn blocks(self) -> bool {
        matches!(self, Self::M3 | Self::M4 | Self::M5 | Self::M6 | Self::M7)
    }

    /// What an emergency measure is once it was ratified: a provisional block becomes a confirmed one, a lesser measure
    /// stays what it is, so that confirming it never makes it more. Nothing for measures that no emergency takes.
    pub fn ratified(self) -> Option<Self> {
        match self {
            Self::M5 => Some(Self::M6),
            Self::M1 | Self::M3 => Some(self),
            Self::M0 | Self::M2 | Self::M4 | Self::M6 | Self::M7 => None,
        }
    }

    /// Whether it runs for a time and ends by itself (M1–M6); M0 and M7 are acts. A policy gives acts no lease;
    /// how long edges tell of a termination is the floor's.
    pub fn is_lease(self) -> bool {
        !matches!(self, Self::M0 | Self::M7)
    }
}

impl Ground {
    /// Every ground.
    pub const ALL: [Self; 8] = [
        Self::Policy,
        Self::TechnicalAbuse,
        Self::Malware,
        Self::Phishing,
        Self::Payment,
        Self::Order,
        Self::Emergency,
        Self::RatifiedEmergency,
    ];

    /// Whether a cell that admits `wider` admits this ground too: abuse, malware and phishing are
    /// breaches of any policy.
    pub fn falls_under(self, wider: Self) -> bool {
        let breach = matches!(self, Self::TechnicalAbuse | Self::Malware | Self::Phishing);
        self == wider || (wider == Self::Policy && breach)
    }

    /// The name used in policy files and documents.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Policy => "policy",
            Self::TechnicalAbuse => "technical-abuse",
            Self::Malware => "malware",
            Self::Phishing => "phishing",
            Self::Payment => "payment",
            Self::Order => "order",
            Self::Emergency => "emergency",
            Self::RatifiedEmergency => "ratified-emergency",
        }
    }
}

impl fmt::Display for ServiceClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
