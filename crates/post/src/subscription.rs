//! Who asked for letters: asked → mailed (a link is open) → confirmed by that link, or gone.
//!
//! Nobody gets letters who did not say so twice, once at the form and once from the mailbox. The address is here as two
//! things that tell nothing by themselves: a keyed digest to know it again by, and bytes that only a vault opens.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;
use vocabulary::{Digest, SubscriptionId, Timestamp};

/// How long the link in the letter can be used, and as long no second one goes to that address.
pub const LINK_OPEN: Duration = Duration::from_secs(24 * 3_600);
/// How long letters to an address may be given up, one after another, until its subscription ends. Longer than a mail
/// server is away, or refuses everything by a slip in its settings.
pub const UNREACHED_MAX: Duration = Duration::from_secs(14 * 24 * 3_600);

/// An address that only a vault opens, in base 64. It formats as its length alone.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SealedAddress(pub String);

impl fmt::Debug for SealedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedAddress({} characters)", self.0.len())
    }
}

/// One subscription, or the asking for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subscription {
    /// Which; fresh with each asking, so that two of one address have nothing in common but the digest.
    pub id: SubscriptionId,
    /// A keyed digest of the address.
    pub address: Digest,
    /// The language of its letters (two letters, ISO 639-1).
    pub language: String,
    /// The address.
    pub sealed: SealedAddress,
    /// How far it is.
    pub state: SubscriptionState,
}

/// How far a subscription is; each state holds what is known in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum SubscriptionState {
    /// Somebody gave the address at the form.
    Asked {
        /// When.
        at: Timestamp,
    },
    /// A letter with a link is on its way, or there.
    Mailed {
        /// Since when.
        at: Timestamp,
    },
    /// The link was used.
    Confirmed {
        /// When.
        at: Timestamp,
        /// Up to which entry of the log it was told what is new; its number is the first untold.
        told: u64,
        /// When it was reminded that it stands, because somebody asked for it once more.
        reminded_at: Option<Timestamp>,
        /// Since when no letter was taken.
        unreached_since: Option<Timestamp>,
    },
}

/// The states by name, to look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// [`SubscriptionState::Asked`]; its place is the instant in milliseconds.
    Asked,
    /// [`SubscriptionState::Mailed`]; its place is the instant in milliseconds.
    Mailed,
    /// [`SubscriptionState::Confirmed`]; its place is the entry up to which it was told.
    Confirmed,
}

impl Stage {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Mailed => "mailed",
            Self::Confirmed => "confirmed",
        }
    }
}

/// The subscription is not that far, or no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubscriptionRefusal {
    /// It is in another state.
    #[error("a subscription that is {is} cannot be {wanted}")]
    State {
        /// Its state.
        is: &'static str,
        /// What was wanted.
        wanted: &'static str,
    },
    /// Its link was used too late.
    #[error("the link has lapsed; ask for another one")]
    Lapsed,
}

impl Subscription {
    /// Somebody gave an address at the form.
    pub fn asked(
        id: SubscriptionId,
        address: Digest,
        language: &str,
        sealed: SealedAddress,
        at: Timestamp,
    ) -> Self {
        let state = SubscriptionState::Asked { at };
        Self { id, address, language: language.to_owned(), sealed, state }
    }

    /// The letter with the link is in the queue.
    pub fn mailed(self, at: Timestamp) -> Result<Self, SubscriptionRefusal> {
        match self.state {
            SubscriptionState::Asked { .. } => Ok(Self { state: SubscriptionState::Mailed { at }, ..self }),
            _ => Err(self.refuse("mailed")),
        }
    }

    /// The link was used; what is older than `told` entries of the log is no news.
    pub fn confirm(self, told: u64, now: Timestamp) -> Result<Self, SubscriptionRefusal> {
        match self.state {
            SubscriptionState::Mailed { at } if now >= at.plus(LINK_OPEN) => Err(SubscriptionRefusal::Lapsed),
            SubscriptionState::Mailed { .. } => {
                let (reminded_at, unreached_since) = (None, None);
                let state = SubscriptionState::Confirmed { at: now, told, reminded_at, unreached_since };
                Ok(Self { state, ..self })
            }
            _ => Err(self.refuse("confirmed")),
        }
    }

    /// It was told what is new up to an entry of the log.
    pub fn told(self, until: u64) -> Result<Self, SubscriptionRefusal> {
        match self.state {
            SubscriptionState::Confirmed { at, told, reminded_at, unreached_since } => {
                let told = told.max(until);
                let state = SubscriptionState::Confirmed { at, told, reminded_at, unreached_since };
                Ok(Self { state, ..self })
            }
            _ => Err(self.refuse("told")),
        }
    }

    /// It is to be reminded that it stands; none where that was done within [`LINK_OPEN`].
    pub fn reminded(self, now: Timestamp) -> Option<Self> {
        match self.state {
            SubscriptionState::Confirmed { at, told, reminded_at, unreached_since }
                if reminded_at.is_none_or(|before| now >= before.plus(LINK_OPEN)) =>
            {
                let reminded_at = Some(now);
                let state = SubscriptionState::Confirmed { at, told, reminded_at, unreached_since };
                Some(Self { state, ..self })
            }
            _ => None,
        }
    }

    /// A mail server took a letter to it; none where nothing changes by that.
    pub fn reached(self) -> Option<Self> {
        match self.state {
            SubscriptionState::Confirmed { at, told, reminded_at, unreached_since: Some(_) } => {
                let state = SubscriptionState::Confirmed { at, told, reminded_at, unreached_since: None };
                Some(Self { state, ..self })
            }
            _ => None,
        }
    }

    /// A letter to it was given up; none where it ends by that, once nothing reached it for [`UNREACHED_MAX`]. An asking
    /// stays until its link lapses, so that nothing more goes to that address before.
    pub fn unreached(self, now: Timestamp) -> Option<Self> {
        match self.state {
            SubscriptionState::Confirmed { at, told, reminded_at, unreached_since } => {
                let since = unreached_since.unwrap_or(now);
                let unreached_since = Some(since);
                let state = SubscriptionState::Confirmed { at, told, reminded_at, unreached_since };
                (now < since.plus(UNREACHED_MAX)).then_some(Self { state, ..self })
            }
            SubscriptionState::Asked { .. } | SubscriptionState::Mailed { .. } => Some(self),
        }
    }

    /// Which state it is in.
    pub fn stage(&self) -> Stage {
        match &self.state {
            SubscriptionState::Asked { .. } => Stage::Asked,
            SubscriptionState::Mailed { .. } => Stage::Mailed,
            SubscriptionState::Confirmed { .. } => Stage::Confirmed,
        }
    }

    /// By what it is ordered among those of its stage.
    pub fn place(&self) -> u64 {
        match &self.state {
            SubscriptionState::Asked { at } | SubscriptionState::Mailed { at } => {
                u64::try_from(at.as_millis()).unwrap_or(0)
            }
            SubscriptionState::Confirmed { told, .. } => *told,
        }
    }

    fn refuse(&self, wanted: &'static str) -> SubscriptionRefusal {
        SubscriptionRefusal::State { is: self.stage().name(), wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(1_790_000_000 + seconds)
    }

    fn asked() -> Subscription {
        let id = SubscriptionId::from_bytes([1; 16]);
        Subscription::asked(id, Digest::of(b"a"), "de", SealedAddress("c2VhbGVk".to_owned()), at(0))
    }

    fn confirmed() -> Subscription {
        asked().mailed(at(1)).and_then(|mailed| mailed.confirm(7, at(2))).expect("confirmed")
    }

    #[test]
    fn only_a_link_that_was_mailed_confirms_and_only_while_it_is_open() {
        assert!(matches!(asked().confirm(7, at(2)), Err(SubscriptionRefusal::State { is: "asked", .. })));
        let mailed = asked().mailed(at(10)).expect("mailed");
        let day = LINK_OPEN.as_secs() as i64;
        assert_eq!(mailed.clone().confirm(7, at(10 + day)), Err(SubscriptionRefusal::Lapsed));
        let confirmed = mailed.confirm(7, at(9 + day)).expect("confirmed");
        assert_eq!((confirmed.stage(), confirmed.place()), (Stage::Confirmed, 7));
        assert!(confirmed.clone().confirm(9, at(11)).is_err(), "once");
        assert!(confirmed.mailed(at(11)).is_err());
    }

    #[test]
    fn what_was_told_never_goes_back() {
        let told = confirmed().told(9).and_then(|one| one.told(8)).expect("told");
        assert_eq!(told.place(), 9);
        assert!(asked().told(9).is_err());
    }

    #[test]
    fn a_reminder_goes_once_a_day_however_often_somebody_asks() {
        let day = LINK_OPEN.as_secs() as i64;
        let once = confirmed().reminded(at(10)).expect("reminded");
        assert_eq!(once.clone().reminded(at(9 + day)), None);
        assert!(once.reminded(at(10 + day)).is_some());
        assert_eq!(asked().reminded(at(10)), None);
    }

    #[test]
    fn a_subscription_that_nothing_reaches_ends_after_two_weeks_and_an_asking_stays() {
        let mailed = asked().mailed(at(1)).expect("mailed");
        assert_eq!(mailed.clone().unreached(at(2)), Some(mailed));
        let weeks = UNREACHED_MAX.as_secs() as i64;
        let once = confirmed().unreached(at(10)).expect("stays");
        assert_eq!(once.clone().unreached(at(9 + weeks)), Some(once.clone()));
        assert_eq!(once.clone().unreached(at(10 + weeks)), None);
        let reached = once.reached().expect("changed");
        assert_eq!(reached.clone().reached(), None);
        assert!(reached.unreached(at(10 + weeks)).is_some(), "the count begins anew");
    }

    #[test]
    fn it_formats_without_the_address() {
        assert!(!format!("{:?}", asked()).contains("c2VhbGVk"));
    }
}
