//! Why a transition of a referral is refused.

use super::Channel;
use super::traffic::TRAFFIC_MAX;
use vocabulary::Timestamp;

/// Why a transition of a referral is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferralRefusal {
    /// Not in this state.
    #[error("a referral that is {is} cannot be {wanted}")]
    WrongState {
        /// Its state.
        is: &'static str,
        /// What was asked.
        wanted: &'static str,
    },
    /// The call went to a line that nobody verified in the last 90 days.
    #[error("the duty line was last verified on {0}; verify it again within 90 days before the call")]
    DutyLineNotVerified(Timestamp),
    /// The proof does not belong to the channel.
    #[error("this proof of delivery does not belong to the channel {0:?}")]
    ProofOfOtherChannel(Channel),
    /// Not tried on this channel.
    #[error("nothing was sent over the channel {0:?} by then")]
    NotSentThere(Channel),
    /// The clocks still run.
    #[error("the authority is not silent: 8 h after the first delivery, 4 h after trying a second channel")]
    ClockRuns,
    /// Renewed once already, or no objection there.
    #[error("there is no objection that could be renewed; one renewal is allowed, while it holds")]
    NothingToRenew,
    /// Before what is recorded already.
    #[error("{at} lies before the last step, {last}; the clocks run from when steps were recorded")]
    BackDated {
        /// When the step is said to have been.
        at: Timestamp,
        /// When the last one was.
        last: Timestamp,
    },
    /// An objection runs.
    #[error("the authority's objection holds until {0}; record its withdrawal as such, if it withdrew")]
    ObjectionHolds(Timestamp),
    /// Too many entries.
    #[error("a referral keeps at most {TRAFFIC_MAX} attempts and deliveries")]
    TooMuchTraffic,
}

impl ReferralRefusal {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::WrongState { .. } => "referral-in-wrong-state",
            Self::DutyLineNotVerified(_) => "duty-line-not-verified",
            Self::ProofOfOtherChannel(_) => "proof-of-other-channel",
            Self::NotSentThere(_) => "not-sent-there",
            Self::ClockRuns => "clock-runs",
            Self::NothingToRenew => "nothing-to-renew",
            Self::BackDated { .. } => "back-dated",
            Self::ObjectionHolds(_) => "objection-holds",
            Self::TooMuchTraffic => "too-much-traffic",
        }
    }
}
