//! Decisions: kept in the records, with those that still move held in memory too, so that leases can be
//! looked at several times a second.
//!
//! Invariant: every write of a decision goes through [`Docket::put`]; after a write whose fate is not
//! known the memory is dropped and read anew.

use casework::{Decision, DecisionState, Earlier, Order};
use policy::Roster;
use records::{DecisionFilter, Page, PutError, Records, StoreError, Versioned};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};
use vocabulary::{AccountId, DecisionId, Timestamp};

/// States in which something is still to come.
const OPEN: [&str; 6] = ["proposed", "approving", "logged", "published", "in-force", "ended"];

/// The decisions.
pub(crate) struct Docket {
    records: Arc<dyn Records>,
    open: Mutex<Option<Open>>,
    changes: watch::Sender<u64>,
}

type Open = BTreeMap<DecisionId, Arc<Versioned<Decision>>>;

impl Docket {
    pub(crate) fn new(records: Arc<dyn Records>) -> Self {
        Self { records, open: Mutex::new(None), changes: watch::channel(0).0 }
    }

    /// One decision, open or over.
    pub(crate) async fn get(&self, id: DecisionId) -> Result<Option<Versioned<Decision>>, StoreError> {
        self.records.decision(id).await
    }

    /// All decisions with something still to come, by id.
    pub(crate) async fn open(&self) -> Result<Vec<Arc<Versioned<Decision>>>, StoreError> {
        let mut open = self.open.lock().await;
        let held = match open.take() {
            Some(held) => held,
            None => self.read_open().await?,
        };
        let list = held.values().cloned().collect();
        *open = Some(held);
        Ok(list)
    }

    /// The order that a decision's next step rests on, as it is now.
    pub(crate) async fn order_behind(&self, decision: &Decision) -> Result<Option<Order>, StoreError> {
        let Some(id) = decision.order_asked() else { return Ok(None) };
        Ok(self.records.order(id).await?.map(|held| held.value))
    }

    /// The customer's provisional blocks that still matter for a new one.
    pub(crate) async fn earlier(
        &self,
        account: AccountId,
        roster: &Roster,
        now: Timestamp,
    ) -> Result<Earlier, StoreError> {
        let since = now.minus(Earlier::REACHES_BACK);
        let mut found = Vec::new();
        let mut page = Page::first(records::bounds::PAGE_MAX);
        loop {
            let listing = self.records.list_decisions(&DecisionFilter::default(), page).await?;
            let recent = listing.items.last().is_some_and(|item| item.value.terms.not_before >= since);
            let touches =
                |decision: &Decision| decision.scope.sites().iter().any(|site| site.account == account);
            found.extend(listing.items.into_iter().map(|item| item.value).filter(touches));
            match listing.next.filter(|_| recent) {
                Some(next) => page.after = Some(next),
                None => return Ok(Earlier::of(account, &found, roster)),
            }
        }
    }

    /// The same beside all cases of the customer, as ending its service for good asks for.
    pub(crate) async fn beside_cases(
        &self,
        earlier: Earlier,
        account: AccountId,
    ) -> Result<Earlier, StoreError> {
        let (mut cases, mut page) = (Vec::new(), Page::first(records::bounds::PAGE_MAX));
        loop {
            let listing = self.records.list_cases(page).await?;
            let own = listing.items.into_iter().map(|item| item.value);
            cases.extend(own.filter(|case| case.account == account));
            match listing.next {
                Some(next) => page.after = Some(next),
                None => return Ok(earlier.beside(&cases)),
            }
        }
    }

    /// Keeps a decision if `expected` is its present version.
    pub(crate) async fn put(&self, decision: Decision, expected: u64) -> Result<u64, PutError> {
        let mut open = self.open.lock().await;
        match self.records.put_decision(&decision, expected).await {
            Ok(version) => {
                if let Some(held) = open.as_mut() {
                    if is_open(&decision.state) {
                        held.insert(decision.id, Arc::new(Versioned { version, value: decision }));
                    } else {
                        held.remove(&decision.id);
                    }
                }
                self.touch();
                Ok(version)
            }
            Err(error) => {
                *open = None;
                Err(error)
            }
        }
    }

    /// Tells those who watch that something else they show has changed.
    pub(crate) fn touch(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// Counts the writes, watched.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    async fn read_open(&self) -> Result<Open, StoreError> {
        let filter = DecisionFilter { states: OPEN.map(str::to_owned).to_vec(), case: None };
        let mut open = Open::new();
        let mut page = Page::first(records::bounds::PAGE_MAX);
        loop {
            let listing = self.records.list_decisions(&filter, page).await?;
            open.extend(listing.items.into_iter().map(|item| (item.value.id, Arc::new(item))));
            match listing.next {
                Some(next) => page.after = Some(next),
                None => return Ok(open),
            }
        }
    }
}

fn is_open(state: &DecisionState) -> bool {
    OPEN.contains(&state.name())
}
