//! All claims together: who may claim what, and who is served.
//!
//! What is asked for is planned here without changing anything; the claims that come of it are kept by whoever
//! asked, and then taken in with [`Register::take_in`].

use crate::claim::{Claim, ClaimState, Unfit};
use crate::look::Found;
use crate::name::{NameRefusal, check_claimable, needs_no_proof};
use crate::proof::{Challenge, Method, Proof, Verdict};
use std::collections::BTreeMap;
use vocabulary::{AccountId, Hostname, SiteId, SitePattern, Timestamp};

/// Most claims of one account that are not over.
pub const ACCOUNT_CLAIMS_MAX: usize = 1_000;
/// Most claims of all accounts.
pub const CLAIMS_MAX: usize = 100_000;

/// Every claim, by name and account.
#[derive(Debug, Clone, Default)]
pub struct Register {
    claims: BTreeMap<SitePattern, BTreeMap<AccountId, Claim>>,
}

/// A host that the operator put up, and whose it is. It needs no proof, and goes before claims.
#[derive(Debug, Clone, Copy)]
pub struct PutUp<'a> {
    /// The host.
    pub pattern: &'a SitePattern,
    /// Whose.
    pub account: AccountId,
}

/// What an account asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The name or names.
    pub pattern: SitePattern,
    /// For whom.
    pub account: AccountId,
    /// Which of its sites answers to it.
    pub site: SiteId,
}

/// Why a claim cannot be made or served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimRefusal {
    /// The pattern can be no customer's.
    #[error(transparent)]
    Name(#[from] NameRefusal),
    /// It would take names from another account, or stand below another's wildcard.
    #[error("{pattern} and {other} overlap, and {other} is another account's")]
    Overlap {
        /// What was asked for.
        pattern: SitePattern,
        /// What is held.
        other: SitePattern,
    },
    /// The account has it already.
    #[error("{0} is this account's already")]
    Own(SitePattern),
    /// Another account has it; the claim stands, and a proof of it in DNS has the holder asked to prove the name anew.
    #[error("{0} is another account's; a proof in DNS has that one asked to prove it anew")]
    Contested(SitePattern),
    /// It is in quarantine.
    #[error("{0} was another account's a short while ago; it is kept until {1}")]
    Quarantined(SitePattern, Timestamp),
    /// There is no such claim.
    #[error("{0} is not claimed by this account")]
    Unclaimed(SitePattern),
    /// The account has claimed enough.
    #[error("an account has at most {ACCOUNT_CLAIMS_MAX} claims")]
    TooMany,
    /// All accounts together have.
    #[error("there are {CLAIMS_MAX} claims, and no more are taken")]
    Full,
    /// The claim is in another state.
    #[error("{0}")]
    State(&'static str),
}

impl From<Box<Unfit>> for ClaimRefusal {
    fn from(unfit: Box<Unfit>) -> Self {
        Self::State(unfit.why)
    }
}

impl Register {
    /// What was kept.
    pub fn of(claims: impl IntoIterator<Item = Claim>) -> Self {
        let mut register = Self::default();
        register.take_in(claims);
        register
    }

    /// One claim.
    pub fn claim(&self, pattern: &SitePattern, account: AccountId) -> Option<&Claim> {
        self.claims.get(pattern)?.get(&account)
    }

    /// Every claim, by name.
    pub fn claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.values().flat_map(BTreeMap::values)
    }

    /// Takes in claims as they were kept; those that are over go.
    pub fn take_in(&mut self, claims: impl IntoIterator<Item = Claim>) {
        for claim in claims {
            let of_name = self.claims.entry(claim.pattern().clone()).or_default();
            if claim.is_over() {
                of_name.remove(&claim.account());
            } else {
                of_name.insert(claim.account(), claim);
            }
        }
        self.claims.retain(|_, of_name| !of_name.is_empty());
        self.check_invariants();
    }

    /// An account claims a name. Claiming one's own again has it looked at, and answered to by the site that is named
    /// now. Two accounts may claim the same name: proof decides, not speed. What needs no proof is served at once.
    pub fn begin<'a>(
        &self,
        wish: Wish,
        (put_up, operator): (impl IntoIterator<Item = PutUp<'a>>, &Hostname),
        challenge: Challenge,
        now: Timestamp,
    ) -> Result<Claim, ClaimRefusal> {
        let Wish { pattern, account, site } = wish;
        check_claimable(&pattern, operator)?;
        check_put_up(&pattern, account, put_up)?;
        if let Some(other) = self.held_by_others(&pattern, account).find(|other| *other.pattern() != pattern)
        {
            return Err(ClaimRefusal::Overlap { pattern, other: other.pattern().clone() });
        }
        let needs_proof = !needs_no_proof(&pattern);
        let claim = match self.claim(&pattern, account) {
            Some(own) => own.clone().moved(site, challenge, now),
            None => {
                self.check_room(account)?;
                Claim::new((pattern, account, site), challenge, now)
            }
        };
        if needs_proof || claim.is_served() {
            return Ok(claim);
        }
        // Nobody can prove such a name, so the first one has it.
        self.check_free(claim.pattern(), account)?;
        Ok(claim.prove(Proof { method: Method::Reserved, at: now })?.serve(now)?)
    }

    /// What comes of a look at a name: the claim, and the one of whoever holds the name already and is asked to prove
    /// it anew. A claim that is proved is served from here on where nobody else has the name.
    pub fn look<'a>(
        &self,
        claim: &Claim,
        verdict: Verdict,
        put_up: impl IntoIterator<Item = PutUp<'a>>,
        (chance, now): (u8, Timestamp),
    ) -> Result<Vec<Claim>, ClaimRefusal> {
        let (pattern, account) = (claim.pattern(), claim.account());
        let own = self.claim(pattern, account).ok_or_else(|| ClaimRefusal::Unclaimed(pattern.clone()))?;
        let own = own.clone();
        let proof = match verdict {
            Verdict::Proved(proof) => proof,
            Verdict::Absent => {
                return Ok(vec![self.passed_by(own.miss(true, now).noted(Found::Nothing, chance, now), now)]);
            }
            Verdict::Unknown => {
                return Ok(vec![
                    self.passed_by(own.miss(false, now).noted(Found::Unclear, chance, now), now),
                ]);
            }
        };
        let proved = match own.prove(proof) {
            Ok(proved) => proved,
            // A file does not settle a contest: it goes on.
            Err(unfit) => {
                return Ok(vec![self.passed_by(unfit.claim.noted(Found::Nothing, chance, now), now)]);
            }
        };
        // A contest is settled in DNS, so it is opened by nothing less.
        let mut changed = match proof.method.is_dns() {
            true => self.contested_by(pattern, account, now)?,
            false => Vec::new(),
        };
        let free =
            self.check_free(pattern, account).is_ok() && check_put_up(pattern, account, put_up).is_ok();
        let next = if free { proved.serve(now)? } else { proved };
        changed.push(next.noted(Found::Proof, chance, now));
        Ok(changed)
    }

    /// An account lets a name go.
    pub fn release(
        &self,
        pattern: &SitePattern,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Claim, ClaimRefusal> {
        let claim = self.claim(pattern, account).ok_or_else(|| ClaimRefusal::Unclaimed(pattern.clone()))?;
        Ok(claim.clone().release(now))
    }

    /// The claims that time alone has changed.
    pub fn passed(&self, now: Timestamp) -> Vec<Claim> {
        self.claims().filter_map(|claim| claim.passed(|| self.is_rivalled(claim, now), now)).collect()
    }

    fn passed_by(&self, claim: Claim, now: Timestamp) -> Claim {
        let passed = claim.passed(|| self.is_rivalled(&claim, now), now);
        passed.unwrap_or(claim)
    }

    fn is_rivalled(&self, claim: &Claim, now: Timestamp) -> bool {
        let of_name = self.claims.get(claim.pattern()).into_iter().flat_map(BTreeMap::values);
        let mut others = of_name.filter(|other| other.account() != claim.account());
        others.any(|other| other.rivals(now))
    }

    fn check_room(&self, account: AccountId) -> Result<(), ClaimRefusal> {
        if self.claims().filter(|claim| claim.account() == account).count() >= ACCOUNT_CLAIMS_MAX {
            return Err(ClaimRefusal::TooMany);
        }
        if self.claims().count() >= CLAIMS_MAX {
            return Err(ClaimRefusal::Full);
        }
        Ok(())
    }

    /// Refuses a host that the operator is about to put up for an account where it would take names that are served
    /// for another one.
    pub fn check_operator(&self, pattern: &SitePattern, account: AccountId) -> Result<(), ClaimRefusal> {
        let others = self.overlapping(pattern, account);
        match others.into_iter().find(|other| other.is_served()) {
            Some(other) => {
                Err(ClaimRefusal::Overlap { pattern: pattern.clone(), other: other.pattern().clone() })
            }
            None => Ok(()),
        }
    }

    /// Why a name cannot be served for an account for now, because others have it.
    pub fn check_free(&self, pattern: &SitePattern, account: AccountId) -> Result<(), ClaimRefusal> {
        match self.held_by_others(pattern, account).next() {
            None => Ok(()),
            Some(other) => Err(match other.state() {
                ClaimState::Quarantined { until, .. } => ClaimRefusal::Quarantined(pattern.clone(), *until),
                _ if other.pattern() == pattern => ClaimRefusal::Contested(pattern.clone()),
                _ => ClaimRefusal::Overlap { pattern: pattern.clone(), other: other.pattern().clone() },
            }),
        }
    }

    /// The holders of a name that another account has proved, asked to prove it anew.
    fn contested_by(
        &self,
        pattern: &SitePattern,
        account: AccountId,
        now: Timestamp,
    ) -> Result<Vec<Claim>, ClaimRefusal> {
        let of_name = self.claims.get(pattern).into_iter().flat_map(BTreeMap::values);
        let holders = of_name.filter(|other| other.account() != account && other.is_contestable(now));
        holders.map(|holder| Ok(holder.clone().contest(account, now)?)).collect()
    }

    /// Claims of other accounts that keep this one from a pattern: served, contested or in quarantine.
    fn held_by_others(
        &self,
        pattern: &SitePattern,
        account: AccountId,
    ) -> impl Iterator<Item = &Claim> + use<'_> {
        self.overlapping(pattern, account).into_iter().filter(|claim| claim.holds())
    }

    /// Claims of other accounts with a name in common.
    fn overlapping(&self, pattern: &SitePattern, account: AccountId) -> Vec<&Claim> {
        let others = self.claims.iter().filter(|(other, _)| other.overlaps(pattern));
        others.flat_map(|(_, of_name)| of_name.values()).filter(|claim| claim.account() != account).collect()
    }

    /// One account for each name that is served.
    fn check_invariants(&self) {
        if cfg!(debug_assertions) {
            for claim in self.claims().filter(|claim| claim.is_served()).take(200) {
                let others = self.overlapping(claim.pattern(), claim.account());
                let clash = others.into_iter().find(|other| other.is_served());
                debug_assert!(clash.is_none(), "{claim:?} and {clash:?}");
            }
        }
    }
}

/// Refuses names that the operator has put up, for this account or for another.
fn check_put_up<'a>(
    pattern: &SitePattern,
    account: AccountId,
    put_up: impl IntoIterator<Item = PutUp<'a>>,
) -> Result<(), ClaimRefusal> {
    for other in put_up {
        if other.account != account && other.pattern.overlaps(pattern) {
            return Err(ClaimRefusal::Overlap { pattern: pattern.clone(), other: other.pattern.clone() });
        }
        if other.account == account && other.pattern == pattern {
            return Err(ClaimRefusal::Own(pattern.clone()));
        }
    }
    Ok(())
}
