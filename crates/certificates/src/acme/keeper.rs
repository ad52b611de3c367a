//! Keeps every public name in certificates: carries out the plan, and nothing more.
//!
//! One task owns the plan; orders run beside it, at most [`RUNNING_MAX`](super::plan::RUNNING_MAX), and are
//! joined when it ends. A certificate in use stays until a new one is sealed and in force.

use super::http::{Client, RootsError};
use super::memory::{Memory, shortened};
use super::order::{Desk, Records, judged};
use super::plan::{Failure, Held, Job, Outlook, Planner, Step, WINDOW_CHECK_USUAL};
use super::settings::Settings;
use crate::stamp;
use crate::store::CertificateStore;
use crate::vault::{RecordError, Slot};
use crate::x509;
use instant_acme::{
    Account, AccountCredentials, CertificateIdentifier, Error, ExternalAccountKey, NewAccount,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, Random, SitePattern, Timestamp};
use zeroize::Zeroizing;

/// Nothing is looked at again later than this, whatever the clock does.
const LOOK_AGAIN_MAX: Duration = Duration::from_secs(60);
/// An order, however it goes.
pub(crate) const ORDER_TIME_MAX: Duration = Duration::from_secs(600);

/// Orders certificates.
pub struct Keeper {
    settings: Settings,
    store: Arc<CertificateStore>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    client: Client,
    memory: PathBuf,
    outlook: Arc<Mutex<Arc<[Outlook]>>>,
    /// By directory. Held while an account is made, so that none is made twice.
    accounts: tokio::sync::Mutex<BTreeMap<usize, Account>>,
}

/// How long a new certificate that is not valid yet is waited for.
const AHEAD_MAX: Duration = Duration::from_secs(120);

/// What became of something that ran beside the plan.
enum Told {
    Order(Job, Result<Held, Failure>),
    Window(SitePattern, Option<(Timestamp, Timestamp)>, Option<Duration>),
}

impl Keeper {
    /// With what was remembered in a file; made when it is first needed.
    pub fn new(
        settings: Settings,
        store: Arc<CertificateStore>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        memory: PathBuf,
    ) -> Result<Self, RootsError> {
        let client = Client::new(settings.roots.as_deref())?;
        let outlook = store.outlook_place();
        Ok(Self { settings, store, clock, random, client, memory, outlook, accounts: Default::default() })
    }

    /// Orders and renews until it is stopped.
    pub async fn run(self, stopping: CancellationToken) {
        let Some(mut names) = self.store.public_names() else { return };
        let keeper = Arc::new(self);
        let directories: Vec<String> =
            keeper.settings.directories.iter().map(|directory| directory.url.clone()).collect();
        let memory = Memory::read(&keeper.memory);
        let mut planner = Planner::new(&directories, keeper.settings.limits, &memory, keeper.clock.now());
        let mut work = JoinSet::new();
        names.mark_changed();
        loop {
            if names.has_changed().unwrap_or(false) {
                let wanted = Arc::clone(&names.borrow_and_update());
                let held = wanted.iter().map(|name| (name.clone(), keeper.held(name)));
                planner.want(held, keeper.clock.now(), &*keeper.random);
            }
            let wait = keeper.take_steps(&mut planner, &mut work);
            tokio::select! {
                () = stopping.cancelled() => break,
                Ok(()) = names.changed() => names.mark_changed(),
                Some(told) = work.join_next() => match told {
                    Ok(told) => keeper.hear(&mut planner, told),
                    Err(error) => tracing::error!(%error, "an order broke down"),
                },
                () = tokio::time::sleep(wait) => {}
            }
        }
        work.shutdown().await;
        keeper.remember(&planner);
    }

    /// Begins whatever is due, and says for how long nothing is.
    fn take_steps(self: &Arc<Self>, planner: &mut Planner, work: &mut JoinSet<Told>) -> Duration {
        let wait = loop {
            match planner.next(self.clock.now()) {
                Step::Order(job) => {
                    // Before the authority hears of it.
                    self.remember(planner);
                    let keeper = Arc::clone(self);
                    work.spawn(async move { keeper.order(job).await });
                }
                Step::AskWindow { name, authority } => {
                    let keeper = Arc::clone(self);
                    work.spawn(async move { keeper.ask_window(name, authority).await });
                }
                Step::Wait(until) => break until.since(self.clock.now()),
            }
        };
        self.tell(planner);
        wait.clamp(Duration::from_millis(10), LOOK_AGAIN_MAX)
    }

    fn hear(&self, planner: &mut Planner, told: Told) {
        let (now, random) = (self.clock.now(), &*self.random);
        match told {
            Told::Window(name, window, again) => planner.window(&name, window, again, now, random),
            Told::Order(job, Ok(held)) => {
                tracing::info!(name = %job.name, until = %held.until, "a certificate was issued");
                planner.issued(&job, held, now, random);
            }
            Told::Order(job, Err(failure)) => {
                tracing::warn!(name = %job.name, ?failure, "no certificate was issued");
                planner.failed(&job, failure, now, random);
            }
        }
        self.remember(planner);
    }

    async fn order(self: Arc<Self>, job: Job) -> Told {
        let records = Records::default();
        let ordered = tokio::time::timeout(ORDER_TIME_MAX, self.ordered(&job, &records)).await;
        // What was given up in between leaves nothing behind, either.
        records.clear(&self.client, self.settings.webhook.as_ref()).await;
        let late = || Err(Failure::Authority("the order took too long".to_owned()));
        let outcome = ordered.unwrap_or_else(|_| late()).map_err(|failure| match failure {
            Failure::Authority(text) => Failure::Authority(shortened(&text)),
            Failure::Limited(text) => Failure::Limited(shortened(&text)),
            Failure::Name(text) => Failure::Name(shortened(&text)),
            Failure::Ours(text) => Failure::Ours(shortened(&text)),
        });
        Told::Order(job, outcome)
    }

    async fn ordered(&self, job: &Job, records: &Records) -> Result<Held, Failure> {
        let account = self.account(job.authority).await?;
        let desk = Desk {
            client: &self.client,
            board: self.store.resolver().board(),
            proofs: &self.settings.proofs,
            webhook: self.settings.webhook.as_ref(),
            records,
        };
        let replaces = if job.replaces { self.identifier(&job.name) } else { None };
        let chain = desk.order(&account, &job.name, job.failures, replaces).await?;
        // An authority's clock may be a little ahead of ours.
        let begins = chain.trusted().map_or(Duration::ZERO, |new| new.not_before().since(self.clock.now()));
        tokio::time::sleep(begins.min(AHEAD_MAX)).await;
        let now = self.clock.now();
        let certificate = chain
            .certify(std::slice::from_ref(&job.name), now)
            .map_err(|error| Failure::Authority(format!("its certificate cannot be used: {error}")))?;
        let stamp = self.stamp(job.authority);
        let held = Held {
            from: certificate.not_before(),
            until: certificate.not_after(),
            authority: Some(job.authority),
        };
        let (store, slot) = (Arc::clone(&self.store), Slot::issued(&job.name));
        let kept = tokio::task::spawn_blocking(move || {
            store.keep(slot, &chain, &certificate, stamp)?;
            store.refresh_again(now);
            Ok::<_, crate::CertificateError>(())
        });
        match kept.await {
            Ok(Ok(())) => Ok(held),
            Ok(Err(error)) => Err(Failure::Ours(error.to_string())),
            Err(error) => Err(Failure::Ours(error.to_string())),
        }
    }

    /// The account at an authority: the one that is sealed, or a new one.
    async fn account(&self, authority: usize) -> Result<Account, Failure> {
        let mut accounts = self.accounts.lock().await;
        if let Some(account) = accounts.get(&authority) {
            return Ok(account.clone());
        }
        let directory = self.settings.directories.get(authority);
        let directory = directory.ok_or_else(|| Failure::Ours("no such authority".to_owned()))?;
        let slot = Slot::account(&directory.url);
        let builder = Account::builder_with_http(Box::new(self.client.clone()));
        let account = match self.store.vault().secret(slot) {
            Ok(sealed) => {
                let credentials: AccountCredentials = serde_json::from_slice(&sealed)
                    .map_err(|error| Failure::Ours(format!("the account's record: {error}")))?;
                builder.from_credentials(credentials).await.map_err(judged)?
            }
            Err(RecordError::Absent | RecordError::Damaged(_)) => {
                let contact: Vec<&str> = self.settings.contact.iter().map(String::as_str).collect();
                let new = NewAccount {
                    contact: &contact,
                    terms_of_service_agreed: true,
                    only_return_existing: false,
                };
                let binding = directory.binding.as_ref();
                let binding =
                    binding.map(|binding| ExternalAccountKey::new(binding.id.clone(), &binding.key));
                // Whatever an authority says against an account stands in the way of all names.
                let made = builder.create(&new, directory.url.clone(), binding.as_ref()).await;
                let (account, credentials) = made.map_err(|error| Failure::Authority(error.to_string()))?;
                let sealed = serde_json::to_vec(&credentials).map(Zeroizing::new);
                let sealed = sealed.map_err(|error| Failure::Ours(error.to_string()))?;
                let kept = self.store.vault().put_secret(slot, sealed);
                kept.map_err(|error| Failure::Ours(error.to_string()))?;
                account
            }
            Err(error) => return Err(Failure::Ours(error.to_string())),
        };
        accounts.insert(authority, account.clone());
        Ok(account)
    }

    /// Between when and when an authority wants a certificate renewed (RFC 9773 §4.2).
    async fn ask_window(self: Arc<Self>, name: SitePattern, authority: usize) -> Told {
        let asked = async {
            let identifier = self.identifier(&name)?;
            let account = self.account(authority).await.ok()?;
            Some(account.renewal_info(&identifier).await)
        };
        let answer = tokio::time::timeout(ORDER_TIME_MAX, asked).await.ok().flatten();
        let (window, again) = match answer {
            Some(Ok((info, again))) => {
                let at = |instant: i64| Timestamp::from_secs(instant);
                let window = info.suggested_window;
                (Some((at(window.start.unix_timestamp()), at(window.end.unix_timestamp()))), Some(again))
            }
            // It has no such thing: its certificates are renewed by their age.
            Some(Err(Error::Unsupported(_))) => (None, None),
            _ => (None, Some(WINDOW_CHECK_USUAL)),
        };
        Told::Window(name, window, again)
    }

    fn identifier(&self, name: &SitePattern) -> Option<CertificateIdentifier<'static>> {
        let chain = self.store.vault().load(Slot::issued(name)).ok()?;
        let (authority, serial) = x509::authority_and_serial(chain.first()?)?;
        Some(CertificateIdentifier::new(authority.as_slice().into(), serial.as_slice().into()).into_owned())
    }

    fn held(&self, name: &SitePattern) -> Option<Held> {
        let standing = self.store.vault().standing(Slot::issued(name))?;
        let authority = (0..self.settings.directories.len()).find(|one| self.stamp(*one) == standing.stamp);
        Some(Held { from: standing.not_before, until: standing.not_after, authority })
    }

    fn stamp(&self, authority: usize) -> u64 {
        self.settings.directories.get(authority).map_or(0, |directory| stamp::of_text(&directory.url))
    }

    fn remember(&self, planner: &Planner) {
        if let Err(error) = planner.memory().write(&self.memory) {
            tracing::error!(%error, "what was spent at certificate authorities cannot be written down");
        }
    }

    fn tell(&self, planner: &Planner) {
        let outlook = planner.outlook(self.clock.now());
        *self.outlook.lock().unwrap_or_else(PoisonError::into_inner) = Arc::from(outlook);
    }
}
