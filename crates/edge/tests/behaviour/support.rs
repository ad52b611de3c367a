//! A running edge with its operator, for scripts that play the visitor and the origin.

use caching::{Purge, PurgeTarget, PurgeWindow};
use certificates::acme::Board;
use certificates::{CertificateStore, LocalAuthority, Resolver};
use edge::{Edge, Inputs, Options};
use error_pages::Page;
use feed::Publisher;
use rustls::pki_types::CertificateDer;
use shield::challenge::ChallengeSecret;
use snapshot::fixture::{Decided, Draft, Mote};
use snapshot::{CacheMode, Enforcement, OperatorShield, Service, Site, Trust};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use testkit::{Head, Origin, Peer};
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, Digest, ManualClock, SeededRandom, Timestamp};

/// How long a measure runs that a test decides on.
pub const LEASE: Duration = Duration::from_secs(3_600);

/// The host of the site on stage.
pub const HOST: &str = "a.test";

/// Stages set so far: no two edges may draw the same numbers.
static STAGES: AtomicU64 = AtomicU64::new(9);

/// An edge, the operator whose log it trusts, and the origin of its sites.
pub struct Stage {
    pub edge: Edge,
    pub mote: Mote,
    pub clock: Arc<ManualClock>,
    pub origin: Origin,
    pub sites: Vec<Site>,
    /// The pages that sites name.
    pub pages: BTreeMap<Digest, Arc<Page>>,
    /// What the operator sets for the defence of all sites.
    pub operator: OperatorShield,
    /// What signs the certificates of the sites.
    pub authority: CertificateDer<'static>,
    /// Where proofs for certificate authorities hang.
    pub board: Arc<Board>,
    _folder: tempfile::TempDir,
    publisher: Publisher,
    bundles: Vec<Arc<[u8]>>,
    purges: u64,
    revision: u64,
    stopping: CancellationToken,
}

impl Stage {
    /// One site, `a.test`, that caches what its origin allows.
    pub async fn set() -> Self {
        Self::set_with(|_| {}, |_| {}).await
    }

    /// The same, with other options and another site; a second site `b.test` always stands beside it.
    pub async fn set_with(options: impl FnOnce(&mut Options), site: impl FnOnce(&mut Site)) -> Self {
        Self::try_set_with(options, site).await.expect("the edge starts")
    }

    /// The same, where the edge may not start.
    pub async fn try_set(options: impl FnOnce(&mut Options)) -> Result<Self, edge::StartError> {
        Self::try_set_with(options, |_| {}).await
    }

    async fn try_set_with(
        options: impl FnOnce(&mut Options),
        site: impl FnOnce(&mut Site),
    ) -> Result<Self, edge::StartError> {
        let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_795_305_600)));
        let mote = Mote::found(1, clock.now());
        let origin = Origin::listen().await;
        let mut sites: Vec<_> =
            [HOST, "b.test"].map(|host| mote.site(&[host], origin.address().port())).into();
        for site in &mut sites {
            site.services = [Service::Cache, Service::Errors].into();
            site.cache = CacheMode::Origin;
        }
        site(&mut sites[0]);
        let (publisher, feed) = feed::in_process();
        publisher.publish(Arc::new(mote.parcel(1, sites.clone(), vec![]))).await.expect("published");
        let folder = tempfile::tempdir().expect("a folder");
        let authority = LocalAuthority::open(&folder.path().join("ca"), clock.now()).expect("an authority");
        let certificate = authority.certificate().clone();
        let resolver = Arc::new(Resolver::new());
        let board = Arc::clone(resolver.board());
        let inputs = Inputs {
            clock: clock.clone(),
            random: Arc::new(SeededRandom::new(STAGES.fetch_add(1, Ordering::Relaxed))),
            feed,
            enforcement: Enforcement::new(mote.roots(), Trust::default()),
            replica: None,
            certificates: Arc::new(CertificateStore::new(authority, resolver)),
            places: places(),
            challenges: ChallengeSecret::new([9; 32]).into(),
        };
        let loopback = || SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings =
            Options { http: vec![loopback()], https: vec![loopback()], workers: 1, ..Options::default() };
        options(&mut settings);
        let stopping = CancellationToken::new();
        let edge = edge::start(settings, inputs, stopping.clone())?;
        Ok(Self {
            edge,
            mote,
            clock,
            origin,
            sites,
            pages: BTreeMap::new(),
            operator: OperatorShield::default(),
            authority: certificate,
            board,
            _folder: folder,
            publisher,
            bundles: vec![],
            purges: 0,
            revision: 1,
            stopping,
        })
    }

    /// A visitor's connection.
    pub async fn visit(&self) -> Peer {
        Peer::connect(self.edge.http()[0]).await
    }

    /// One exchange on its own connection: sends the request, reads the answer to its end.
    pub async fn ask(&self, request: &str) -> (Head, Vec<u8>) {
        let mut visitor = self.visit().await;
        visitor.send(request).await;
        visitor.end().await;
        let head = visitor.head().await;
        (head, visitor.rest().await)
    }

    /// Puts a block of a site into force.
    pub async fn block(&mut self, site: usize, lease: Duration) {
        let bundle = self.mote.block(&self.sites[site..=site], self.clock.now(), lease);
        self.bundles.push(bundle);
        self.publish().await;
    }

    /// Puts a measure on a site into force: the ordinary block, changed.
    pub async fn decide(&mut self, site: usize, change: impl FnOnce(&mut Draft)) -> (Draft, Decided) {
        let mut draft = self.mote.draft(&self.sites[site..=site], self.clock.now(), LEASE);
        change(&mut draft);
        draft.bind();
        let decided = self.mote.decide(&draft, self.clock.now());
        self.prove(&decided).await;
        (draft, decided)
    }

    /// Puts what is decided into force, in place of everything before.
    pub async fn prove(&mut self, decided: &Decided) {
        let bundle = self.mote.bundle(decided, self.clock.now()).to_bytes().expect("bytes");
        self.bundles = vec![bundle.into()];
        self.publish().await;
    }

    /// Publishes the sites and bundles as they are now, and waits until the edge has applied them.
    pub async fn publish(&mut self) {
        self.revision += 1;
        let mut parcel = self.mote.parcel(self.revision, self.sites.clone(), self.bundles.clone());
        parcel.pages.clone_from(&self.pages);
        parcel.shield.clone_from(&self.operator);
        self.publisher.publish(Arc::new(parcel)).await.expect("published");
        let mut seen = 0;
        loop {
            seen = self.publisher.reported(seen).await;
            let receipts = self.publisher.receipts();
            if let Some(receipt) = receipts.iter().find(|receipt| receipt.revision == self.revision) {
                assert!(receipt.refused.is_empty(), "{receipt:?}");
                return;
            }
        }
    }

    /// Purges something of the site on stage, and waits until the edge holds it.
    pub async fn purge(&mut self, target: PurgeTarget, soft: bool) {
        self.purges += 1;
        let revision = self.purges;
        let purge = Purge { revision, site: self.sites[0].id, target, soft };
        let window = PurgeWindow { after: revision - 1, purges: vec![purge] };
        self.publisher.purge(window).await.expect("published");
        let mut seen = 0;
        while self.publisher.receipts().iter().all(|receipt| receipt.purged < revision) {
            seen = self.publisher.reported(seen).await;
        }
    }

    /// Asks the edge to stop.
    pub fn stop(&self) {
        self.stopping.cancel();
    }
}

/// Where some addresses are: two networks kept for documentation (RFC 5737), in two countries that there are not.
fn places() -> Arc<geo::Places> {
    let there = |code: &[u8; 2]| geo::Location { country: Some(*code), ..geo::Location::default() };
    let networks = [("192.0.2.0/24", there(b"AA")), ("198.51.100.0/24", there(b"BB"))];
    let file = geo::Database::parse(geo::testing::file(&networks)).expect("a file");
    geo::Places::of(vec![file])
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

/// A plain GET.
pub fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}
