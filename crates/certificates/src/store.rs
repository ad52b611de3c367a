//! Which certificate each site has now, and when to look again.

use crate::acme::Outlook;
use crate::authority::LocalAuthority;
use crate::certificate::Certificate;
use crate::error::CertificateError;
use crate::keyed_chain::KeyedChain;
use crate::loader::Loader;
use crate::resolver::{Place, Resolver, Table};
use crate::stamp;
use crate::vault::{Slot, Standing, Vault};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use vocabulary::{AccountId, SiteId, SitePattern, Timestamp};

/// What a site needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The site.
    pub site: SiteId,
    /// Whose it is.
    pub account: AccountId,
    /// The site's host patterns.
    pub hosts: Vec<SitePattern>,
    /// Where its certificate comes from.
    pub source: Source,
}

/// Where a site's certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The owner's PEM files. What was read last is kept sealed, and serves on when they cannot be read.
    Files {
        /// The chain, the site's own certificate first.
        chain: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// What was uploaded for the site; else, name by name, what an authority issued; for reserved names,
    /// the local authority.
    Managed,
}

/// The certificates of all sites. Owns the resolver's table.
#[derive(Debug)]
pub struct CertificateStore {
    loader: Arc<Loader>,
    resolver: Arc<Resolver>,
    /// What was wanted last; held while the table is made, so that tables are put in force in order.
    wanted: Mutex<Arc<[Wanted]>>,
    /// Names that an authority should vouch for; none where no authority is asked.
    public: Option<watch::Sender<Arc<[SitePattern]>>>,
    /// What became of them, told by who orders.
    outlook: Arc<Mutex<Arc<[Outlook]>>>,
}

/// A site whose certificate could not be had.
#[derive(Debug)]
pub struct CertificateFailure {
    /// The site's host patterns.
    pub hosts: Vec<SitePattern>,
    /// Why.
    pub error: CertificateError,
    /// Whether an earlier certificate is still valid and stays in use.
    pub earlier_kept: bool,
}

/// What a refresh found.
#[derive(Debug)]
pub struct Refreshed {
    /// Sites without a new certificate.
    pub failures: Vec<CertificateFailure>,
    /// When to refresh again at the latest, though nothing else changes.
    pub next: Timestamp,
}

/// Where a name's certificate comes from, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provenance {
    /// Files that the site names.
    Files,
    /// An upload.
    Uploaded,
    /// An authority, over ACME.
    Issued,
    /// The local authority.
    Local,
    /// There is none.
    Missing,
}

/// One host pattern and its certificate.
#[derive(Debug, Clone)]
pub struct NameStanding {
    /// The pattern.
    pub host: SitePattern,
    /// The site it belongs to.
    pub site: SiteId,
    /// Where its certificate comes from.
    pub from: Provenance,
    /// When that ends; none where it is issued on demand, or there is none.
    pub not_after: Option<Timestamp>,
}

/// Files are looked at again at least this often, so that a renewed file is found.
const RECHECK: Duration = Duration::from_secs(3_600);
/// And not more often than this for want of a certificate.
const RETRY: Duration = Duration::from_secs(60);

impl CertificateStore {
    /// A store with no sites yet, which keeps nothing beyond this process and asks no authority but the
    /// local one.
    pub fn new(authority: LocalAuthority, resolver: Arc<Resolver>) -> Self {
        Self::with_vault(authority, resolver, Vault::in_memory())
    }

    /// A store with no sites yet over a vault.
    pub fn with_vault(authority: LocalAuthority, resolver: Arc<Resolver>, vault: Vault) -> Self {
        let loader = Arc::new(Loader::new(Arc::new(vault), Arc::new(authority)));
        Self {
            loader,
            resolver,
            wanted: Mutex::new(Arc::from([])),
            public: None,
            outlook: Self::no_outlook(),
        }
    }

    /// The same store, whose public names without a certificate are ordered by a
    /// [`Keeper`](crate::acme::Keeper).
    pub fn asking_authorities(self) -> Self {
        Self { public: Some(watch::Sender::new(Arc::from([]))), ..self }
    }

    /// The names whose certificates are being ordered, or will be within a day, or fail; in the order in
    /// which their turn comes.
    pub fn outlook(&self) -> Arc<[Outlook]> {
        Arc::clone(&self.outlook.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where who orders tells of it.
    pub(crate) fn outlook_place(&self) -> Arc<Mutex<Arc<[Outlook]>>> {
        Arc::clone(&self.outlook)
    }

    /// The names to order certificates for; none where no authority is asked.
    pub(crate) fn public_names(&self) -> Option<watch::Receiver<Arc<[SitePattern]>>> {
        self.public.as_ref().map(watch::Sender::subscribe)
    }

    fn no_outlook() -> Arc<Mutex<Arc<[Outlook]>>> {
        Arc::new(Mutex::new(Arc::from([])))
    }

    /// The local authority, to report its path.
    pub fn authority(&self) -> &LocalAuthority {
        self.loader.authority()
    }

    /// The table that handshakes are answered from.
    pub fn resolver(&self) -> &Arc<Resolver> {
        &self.resolver
    }

    /// Puts a certificate in force for every wanted site, all at once. Reads only files that have changed;
    /// a site that fails keeps an earlier certificate while that is valid. Blocks on file reads.
    pub fn refresh(&self, wanted: &[Wanted], now: Timestamp) -> Refreshed {
        let mut held = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::from(wanted);
        self.put_in_force(&held, now)
    }

    /// The same for what was wanted last: after an upload, or when something was issued.
    pub fn refresh_again(&self, now: Timestamp) -> Refreshed {
        let held = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        self.put_in_force(&held, now)
    }

    /// Keeps an uploaded chain and key for a site, checked for all of its hosts, and puts it in force.
    /// Blocks on the disk.
    pub fn upload(
        &self,
        site: SiteId,
        hosts: &[SitePattern],
        upload: &KeyedChain,
        now: Timestamp,
    ) -> Result<Timestamp, CertificateError> {
        let certificate = upload.certify(hosts, now)?;
        self.keep(Slot::uploaded(site), upload, &certificate, stamp::of_hosts(hosts))?;
        self.refresh_again(now);
        Ok(certificate.not_after())
    }

    /// Takes an upload away; the names go back to their authorities. Whether there was one.
    pub fn remove_upload(&self, site: SiteId, now: Timestamp) -> Result<bool, CertificateError> {
        let slot = Slot::uploaded(site);
        let there = self.vault().standing(slot).is_some();
        self.vault().remove(slot)?;
        self.loader.forget(slot);
        self.refresh_again(now);
        Ok(there)
    }

    /// Every host pattern of the sites wanted last, in their order.
    pub fn standings(&self, now: Timestamp) -> Vec<NameStanding> {
        let wanted = Arc::clone(&self.wanted.lock().unwrap_or_else(PoisonError::into_inner));
        let sites = wanted.iter();
        sites.flat_map(|site| site.hosts.iter().map(|host| self.standing(site, host, now))).collect()
    }

    pub(crate) fn vault(&self) -> &Arc<Vault> {
        self.loader.vault()
    }

    /// Seals a certificate that passed its checks.
    pub(crate) fn keep(
        &self,
        slot: Slot,
        chain: &KeyedChain,
        certificate: &Certificate,
        stamp: u64,
    ) -> Result<(), CertificateError> {
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        self.vault().put(slot, chain, Standing { not_before, not_after, stamp })?;
        self.loader.forget(slot);
        Ok(())
    }

    fn put_in_force(&self, wanted: &[Wanted], now: Timestamp) -> Refreshed {
        self.loader.sweep(now);
        let mut round = Round {
            store: self,
            table: Table::loading(Arc::clone(&self.loader), now),
            failures: Vec::new(),
            public: Vec::new(),
            next: now.plus(RECHECK),
            now,
        };
        // Where two sites name one host, the first has it.
        for site in wanted.iter().rev() {
            round.site(site);
        }
        let Round { table, mut failures, mut public, next, .. } = round;
        failures.reverse();
        public.reverse();
        self.resolver.replace(table);
        if let Some(names) = &self.public {
            names.send_replace(Arc::from(public));
        }
        let next = if failures.is_empty() { next } else { next.min(now.plus(RETRY)) };
        Refreshed { failures, next: next.max(now.plus(RETRY)) }
    }

    fn valid(&self, slot: Slot, now: Timestamp) -> Option<Standing> {
        let standing = self.vault().standing(slot)?;
        (standing.not_before <= now && now <= standing.not_after).then_some(standing)
    }

    fn standing(&self, site: &Wanted, host: &SitePattern, now: Timestamp) -> NameStanding {
        let place = |slot, from| self.valid(slot, now).map(|standing| (from, Some(standing.not_after)));
        let found = match &site.source {
            Source::Files { .. } => place(Slot::files(site.site), Provenance::Files),
            Source::Managed => place(Slot::uploaded(site.site), Provenance::Uploaded)
                .or_else(|| place(Slot::issued(host), Provenance::Issued))
                .or_else(|| host.base().is_reserved().then_some((Provenance::Local, None))),
        };
        let (from, not_after) = found.unwrap_or((Provenance::Missing, None));
        NameStanding { host: host.clone(), site: site.site, from, not_after }
    }
}

/// One table in the making.
struct Round<'a> {
    store: &'a CertificateStore,
    table: Table,
    failures: Vec<CertificateFailure>,
    public: Vec<SitePattern>,
    next: Timestamp,
    now: Timestamp,
}

impl Round<'_> {
    fn site(&mut self, site: &Wanted) {
        match &site.source {
            Source::Files { chain, key } => self.files(site, chain, key),
            Source::Managed => self.managed(site),
        }
    }

    fn files(&mut self, site: &Wanted, chain: &Path, key: &Path) {
        let slot = Slot::files(site.site);
        if let Err(error) = self.read_changed(slot, site, chain, key) {
            let earlier_kept = self.store.valid(slot, self.now).is_some();
            self.failures.push(CertificateFailure { hosts: site.hosts.clone(), error, earlier_kept });
        }
        for host in &site.hosts {
            self.place(site, host, slot);
        }
    }

    /// Reads the files where they, or the hosts, are not those that were read last.
    fn read_changed(
        &self,
        slot: Slot,
        site: &Wanted,
        chain: &Path,
        key: &Path,
    ) -> Result<(), CertificateError> {
        let stamp = stamp::of_files(chain, key, &site.hosts)?;
        if self.store.valid(slot, self.now).is_some_and(|standing| standing.stamp == stamp) {
            return Ok(());
        }
        let read = KeyedChain::from_files(chain, key)?;
        let certificate = read.certify(&site.hosts, self.now)?;
        self.store.keep(slot, &read, &certificate, stamp)
    }

    fn managed(&mut self, site: &Wanted) {
        let slot = Slot::uploaded(site.site);
        if let Some(standing) = self.store.valid(slot, self.now) {
            if let Err(error) = self.check_again(slot, standing, site) {
                let hosts = site.hosts.clone();
                self.failures.push(CertificateFailure { hosts, error, earlier_kept: true });
            }
            if !self.is_ending(standing) {
                site.hosts.iter().for_each(|host| self.place(site, host, slot));
                return;
            }
            // An upload that nobody renews gives way to what authorities issue, name by name.
            for host in &site.hosts {
                let public = self.order(host);
                let issued = public && self.store.valid(Slot::issued(host), self.now).is_some();
                self.place(site, host, if issued { Slot::issued(host) } else { slot });
            }
            return;
        }
        let reserved = site.hosts.iter().filter(|host| host.base().is_reserved());
        let local: Arc<[SitePattern]> = reserved.cloned().collect();
        let local_slot = Slot::local(&local);
        for host in &site.hosts {
            if host.base().is_reserved() {
                let place = Place::Local(local_slot, Arc::clone(&local));
                self.table.place(host, Some(site.account), place);
            } else {
                self.public_name(site, host);
            }
        }
    }

    fn public_name(&mut self, site: &Wanted, host: &SitePattern) {
        if !self.order(host) && self.store.valid(Slot::issued(host), self.now).is_none() {
            let error = CertificateError::OutsideAuthority { host: host.base().clone() };
            let hosts = vec![host.clone()];
            self.failures.push(CertificateFailure { hosts, error, earlier_kept: false });
        }
        self.place(site, host, Slot::issued(host));
    }

    /// Has a certificate ordered for a name, where that may be; and whether it may.
    fn order(&mut self, host: &SitePattern) -> bool {
        let may = self.store.public.is_some() && host.base().ip().is_none() && !host.base().is_reserved();
        if may {
            self.public.push(host.clone());
        }
        may
    }

    /// Whether less than a third of its life is left.
    fn is_ending(&self, standing: Standing) -> bool {
        standing.not_after.since(self.now) < standing.not_after.since(standing.not_before) / 3
    }

    /// An upload was checked for the hosts that the site had then.
    fn check_again(&self, slot: Slot, standing: Standing, site: &Wanted) -> Result<(), CertificateError> {
        let stamp = stamp::of_hosts(&site.hosts);
        if standing.stamp == stamp {
            return Ok(());
        }
        let Ok(chain) = self.store.vault().load(slot) else { return Ok(()) };
        chain.certify(&site.hosts, self.now)?;
        Ok(self.store.vault().note(slot, Standing { stamp, ..standing })?)
    }

    fn place(&mut self, site: &Wanted, host: &SitePattern, slot: Slot) {
        let place = match self.store.valid(slot, self.now) {
            Some(standing) => {
                self.next = self.next.min(standing.not_after);
                Place::Sealed(slot)
            }
            None => Place::Nowhere,
        };
        self.table.place(host, Some(site.account), place);
    }
}
