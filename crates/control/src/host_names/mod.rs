//! Host names that customers add: claims, the looking for their proofs, and what of it is served.
//!
//! Owns the register of claims in memory, in step with the records: a change is planned on it, kept, and only then
//! taken in. What the rules are is `ownership`'s; what a proof looks like from outside is `look`'s; when is looked is
//! `rounds`', and at what first `queue`'s; what the operator may take from a customer is `request`'s.
//!
//! Invariant: edges are sent no claimed host but those that [`HostNames::join`] adds, and it adds served claims alone.

mod look;
mod queue;
mod request;
mod rounds;

pub(crate) use request::Asker;
pub(crate) use rounds::watch;

use self::queue::LOOK_AGAIN;
use crate::plane::Plane;
use crate::sites::ApplyRefusal;
use names::Resolvers;
use outbound::Web;
use ownership::{Challenge, Claim, ClaimRefusal, PutUp, Register, Verdict, Wish};
use records::{Fleet, Records, StoreError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use vocabulary::{AccountId, Hasher, Random, SiteId, SitePattern, Timestamp};

/// All claims of one control plane, and the ways to their proofs.
pub(crate) struct HostNames {
    register: Mutex<Register>,
    /// Held from the plan of a change until it is taken in; also while the operator's own sites change, so that
    /// neither side plans on what the other is about to take.
    turn: tokio::sync::Mutex<()>,
    resolvers: Arc<Resolvers>,
    /// Reaches the addresses that all resolvers agree on.
    web: Arc<dyn Web>,
    wake: Notify,
}

/// Why a claim was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HostRefusal {
    #[error(transparent)]
    Claim(#[from] ClaimRefusal),
    #[error("{0} is no site of this account")]
    Site(String),
    #[error("it was looked at just now; the next look can be asked for at {0}")]
    TooSoon(Timestamp),
    #[error(transparent)]
    Request(#[from] Box<ApplyRefusal>),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl HostNames {
    /// With the claims that were kept.
    pub(crate) async fn open(
        records: &dyn Records,
        resolvers: Arc<Resolvers>,
        web: Arc<dyn Web>,
    ) -> Result<Self, StoreError> {
        let register = Mutex::new(Register::of(records.host_claims().await?));
        Ok(Self { register, turn: tokio::sync::Mutex::default(), resolvers, web, wake: Notify::new() })
    }

    /// Waits until nobody changes claims, and keeps others from it until the guard is dropped.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Claims by name, those of one account or of all; at most `limit`, and how many there are.
    pub(crate) fn list(&self, account: Option<AccountId>, limit: usize) -> (Vec<Claim>, usize) {
        let register = self.register();
        let wanted = |claim: &&Claim| account.is_none_or(|account| claim.account() == account);
        let total = register.claims().filter(wanted).count();
        (register.claims().filter(wanted).take(limit).cloned().collect(), total)
    }

    /// One claim.
    pub(crate) fn claim(&self, pattern: &SitePattern, account: AccountId) -> Option<Claim> {
        self.register().claim(pattern, account).cloned()
    }

    /// The accounts that claim a name.
    pub(crate) fn claimants(&self, pattern: &SitePattern) -> Vec<AccountId> {
        let register = self.register();
        register.claims().filter(|claim| claim.pattern() == pattern).map(Claim::account).collect()
    }

    /// Why others keep a name from an account for now.
    pub(crate) fn held_back(&self, claim: &Claim) -> Option<String> {
        let free = self.register().check_free(claim.pattern(), claim.account());
        free.err().map(|refusal| refusal.to_string())
    }

    /// Refuses a host of the operator's where it would take names from a customer who has proved them.
    pub(crate) fn check_operator(
        &self,
        pattern: &SitePattern,
        account: AccountId,
    ) -> Result<(), ClaimRefusal> {
        self.register().check_operator(pattern, account)
    }

    /// Adds the claimed hosts that are served to the sites that answer to them. Sites that went, or have another
    /// account by now, answer to none.
    pub(crate) fn join(&self, fleet: &mut Fleet) {
        let served = self.served();
        if served.is_empty() {
            return;
        }
        let taken: BTreeSet<SitePattern> =
            fleet.sites.iter().flat_map(|site| site.hosts.iter().cloned()).collect();
        let places: BTreeMap<SiteId, usize> =
            fleet.sites.iter().enumerate().map(|(place, site)| (site.id, place)).collect();
        for claim in served {
            let site = places.get(&claim.site()).and_then(|place| fleet.sites.get_mut(*place));
            let Some(site) = site.filter(|site| site.account == claim.account()) else { continue };
            if !taken.contains(claim.pattern()) {
                site.hosts.push(claim.pattern().clone());
            }
        }
    }

    /// Hosts that were added to a site after an instant.
    pub(crate) fn added_since(&self, site: SiteId, since: Timestamp) -> BTreeSet<SitePattern> {
        let added = |claim: &&Claim| {
            claim.site() == site && claim.served_since().is_some_and(|served| served >= since)
        };
        self.register().claims().filter(added).map(|claim| claim.pattern().clone()).collect()
    }

    /// A digest of what [`HostNames::join`] adds; empty while that is nothing.
    pub(crate) fn served_digest(&self) -> String {
        let served = self.served();
        if served.is_empty() {
            return String::new();
        }
        let mut hasher = Hasher::domain("wardmote/served-claims/v1");
        for claim in served {
            let line = format!("{} {} {}\n", claim.pattern(), claim.account(), claim.site());
            hasher = hasher.part(line.as_bytes());
        }
        hasher.finish().to_string()
    }

    fn served(&self) -> Vec<Claim> {
        self.register().claims().filter(|claim| claim.is_served()).cloned().collect()
    }

    fn register(&self) -> MutexGuard<'_, Register> {
        // Claims are taken in whole, so a poisoned register is still good.
        self.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps claims in their next state, and then takes them in.
    async fn keep(&self, records: &dyn Records, claims: Vec<Claim>) -> Result<(), StoreError> {
        records.put_host_claims(&claims).await?;
        self.register().take_in(claims);
        Ok(())
    }
}

/// The hosts that the operator put up.
fn put_up(fleet: &Fleet) -> impl Iterator<Item = PutUp<'_>> {
    let sites = fleet.sites.iter();
    sites.flat_map(|site| site.hosts.iter().map(|pattern| PutUp { pattern, account: site.account }))
}

impl Plane {
    /// Accounts and sites with every host that is served: those of the operator and those that customers have proved.
    pub(crate) async fn fleet(&self) -> Result<Fleet, StoreError> {
        let mut fleet = self.records.fleet().await?;
        self.host_names.join(&mut fleet);
        Ok(fleet)
    }

    /// An account claims a name for one of its sites, or moves it there from another one.
    pub(crate) async fn claim_host(&self, wish: Wish, asker: Asker<'_>) -> Result<Claim, HostRefusal> {
        let _turn = self.host_names.turn().await;
        let (fleet, now) = (self.records.fleet().await?, self.clock.now());
        let own = fleet.sites.iter().any(|site| site.id == wish.site && site.account == wish.account);
        if !own {
            return Err(HostRefusal::Site(wish.site.to_string()));
        }
        let challenge = Challenge::fresh(&*self.random);
        let operator = self.public_url.host();
        let before = self.host_names.claim(&wish.pattern, wish.account);
        let claim = self.host_names.register().begin(wish, (put_up(&fleet), operator), challenge, now)?;
        if let Some(before) = before.filter(|before| before.site() != claim.site()) {
            self.check_asker(&before, "moved to another site", asker).await?;
        }
        self.host_names.keep(&*self.records, vec![claim.clone()]).await?;
        self.claims_changed();
        Ok(claim)
    }

    /// An account lets a name go.
    pub(crate) async fn release_host(
        &self,
        pattern: &SitePattern,
        account: AccountId,
        asker: Asker<'_>,
    ) -> Result<Claim, HostRefusal> {
        let _turn = self.host_names.turn().await;
        let before = self.host_names.claim(pattern, account);
        let before = before.ok_or_else(|| ClaimRefusal::Unclaimed(pattern.clone()))?;
        self.check_asker(&before, "let go of", asker).await?;
        let claim = self.host_names.register().release(pattern, account, self.clock.now())?;
        self.host_names.keep(&*self.records, vec![claim.clone()]).await?;
        self.claims_changed();
        Ok(claim)
    }

    /// Has the proof of a name looked for at once; not sooner than [`LOOK_AGAIN`] after the last time.
    pub(crate) async fn look_at_host(
        &self,
        pattern: &SitePattern,
        account: AccountId,
    ) -> Result<Claim, HostRefusal> {
        let _turn = self.host_names.turn().await;
        let now = self.clock.now();
        let claim = self.host_names.claim(pattern, account);
        let claim = claim.ok_or_else(|| ClaimRefusal::Unclaimed(pattern.clone()))?;
        if let Some(last) = claim.looked().last
            && now.since(last.at) < LOOK_AGAIN
        {
            return Err(HostRefusal::TooSoon(last.at.plus(LOOK_AGAIN)));
        }
        let claim = claim.look_now(now);
        self.host_names.keep(&*self.records, vec![claim.clone()]).await?;
        self.host_names.wake.notify_one();
        Ok(claim)
    }

    /// Takes in what a look at a claim has found.
    async fn looked_at_host(&self, claim: &Claim, verdict: Verdict) -> Result<(), HostRefusal> {
        let _turn = self.host_names.turn().await;
        let fleet = self.records.fleet().await?;
        let [chance]: [u8; 1] = self.random_bytes();
        let now = self.clock.now();
        let is_there =
            fleet.sites.iter().any(|site| site.id == claim.site() && site.account == claim.account());
        let planned = match is_there {
            true => self.host_names.register().look(claim, verdict, put_up(&fleet), (chance, now)),
            // Nobody is left to answer to the name; one in quarantine waits for its next look, as after any other.
            false => {
                let released = self.host_names.register().release(claim.pattern(), claim.account(), now);
                released.map(|claim| vec![claim])
            }
        };
        let changed = match planned {
            // It was let go of while it was looked at.
            Err(ClaimRefusal::Unclaimed(_)) => return Ok(()),
            changed => changed?,
        };
        self.host_names.keep(&*self.records, changed).await?;
        self.claims_changed();
        Ok(())
    }

    fn random_bytes<const N: usize>(&self) -> [u8; N] {
        let random: &dyn Random = &*self.random;
        random.bytes()
    }

    /// Edges may have to be told, and proofs to be looked for.
    fn claims_changed(&self) {
        self.host_names.wake.notify_one();
        self.wake.notify_one();
    }
}
