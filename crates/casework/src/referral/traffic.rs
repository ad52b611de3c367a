//! What was tried to reach an authority, what arrived, and when its clock runs out.

use super::ReferralRefusal;
use crate::clocks;
use serde::{Deserialize, Serialize};
use vocabulary::{EvidenceId, Timestamp};

/// Most attempts and deliveries of one referral.
pub(super) const TRAFFIC_MAX: usize = 50;

/// What was tried and what arrived.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// Each attempt, on its channel.
    pub attempts: Vec<Attempt>,
    /// Each proved delivery.
    pub deliveries: Vec<Delivery>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// Over which channel.
    pub channel: Channel,
    /// When.
    pub at: Timestamp,
}

/// A way to reach an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Its desk in our own system.
    Desk,
    /// Mail over the internet.
    Email,
    /// Its duty telephone line.
    DutyLine,
    /// Carried there.
    ByHand,
    /// Letter post.
    Post,
}

/// A proved delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    /// Over which channel.
    pub channel: Channel,
    /// When.
    pub at: Timestamp,
    /// What shows it.
    pub proof: DeliveryProof,
}

/// What shows that a referral arrived. Accepted mail does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeliveryProof {
    /// The desk opened it.
    DeskRead,
    /// The authority replied under its signature.
    SignedReply {
        /// The stored reply.
        evidence: EvidenceId,
    },
    /// Its duty line was called.
    DutyLineCall {
        /// When the line's number was last verified; at most 90 days before the call.
        line_verified_at: Timestamp,
        /// The stored log of the call.
        log: EvidenceId,
    },
}

impl DeliveryProof {
    /// The stored file that shows it, if one does; it must be sealed in the case.
    pub fn evidence(&self) -> Option<EvidenceId> {
        match self {
            Self::DeskRead => None,
            Self::SignedReply { evidence } => Some(*evidence),
            Self::DutyLineCall { log, .. } => Some(*log),
        }
    }
}

impl Traffic {
    /// When it first arrived.
    pub fn first_delivery(&self) -> Option<Timestamp> {
        self.deliveries.iter().map(|delivery| delivery.at).min()
    }

    /// The last instant of an attempt or a delivery.
    pub(super) fn last_at(&self) -> Option<Timestamp> {
        let attempts = self.attempts.iter().map(|attempt| attempt.at);
        attempts.chain(self.deliveries.iter().map(|delivery| delivery.at)).max()
    }

    /// When the clock runs out: [`clocks::SILENT_AFTER`] after the first delivery and
    /// [`clocks::SECOND_CHANNEL_AFTER`] after a second channel was tried; never, while none was.
    pub fn silent_from(&self) -> Option<Timestamp> {
        let first = self.deliveries.iter().min_by_key(|delivery| delivery.at)?;
        let others = self.attempts.iter().filter(|attempt| attempt.channel != first.channel);
        let second = others.map(|attempt| attempt.at).min()?;
        Some(first.at.plus(clocks::SILENT_AFTER).max(second.plus(clocks::SECOND_CHANNEL_AFTER)))
    }

    /// Whether it arrived on two channels by now.
    pub fn on_two_channels(&self, now: Timestamp) -> bool {
        let arrived = || self.deliveries.iter().filter(|delivery| delivery.at <= now);
        arrived().any(|one| arrived().any(|other| one.channel != other.channel))
    }

    pub(super) fn has_room(&self) -> Result<(), ReferralRefusal> {
        if self.attempts.len() + self.deliveries.len() < TRAFFIC_MAX {
            Ok(())
        } else {
            Err(ReferralRefusal::TooMuchTraffic)
        }
    }
}

impl Delivery {
    pub(super) fn check(&self) -> Result<(), ReferralRefusal> {
        let fits = match &self.proof {
            DeliveryProof::DeskRead => self.channel == Channel::Desk,
            DeliveryProof::DutyLineCall { .. } => self.channel == Channel::DutyLine,
            DeliveryProof::SignedReply { .. } => self.channel != Channel::DutyLine,
        };
        if !fits {
            return Err(ReferralRefusal::ProofOfOtherChannel(self.channel));
        }
        match self.proof {
            DeliveryProof::DutyLineCall { line_verified_at, .. } => {
                let fresh = line_verified_at <= self.at
                    && line_verified_at.plus(clocks::DUTY_LINE_VERIFIED_WITHIN) >= self.at;
                if fresh { Ok(()) } else { Err(ReferralRefusal::DutyLineNotVerified(line_verified_at)) }
            }
            _ => Ok(()),
        }
    }
}
