//! What a restart may not change: a measure that ran runs on, whatever the feed has forgotten.

use certificates::{CertificateStore, LocalAuthority, Resolver};
use edge::{Inputs, Options};
use feed::{Publisher, Receipt};
use replica::Replica;
use shield::challenge::ChallengeSecret;
use snapshot::fixture::Mote;
use snapshot::{Enforcement, Parcel};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use testkit::Peer;
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, ManualClock, SeededRandom, Timestamp};

struct Run {
    edge: edge::Edge,
    publisher: Publisher,
    stopping: CancellationToken,
}

/// Starts an edge over a folder that earlier runs have used; the feed already holds `parcel`.
async fn start(folder: &Path, mote: &Mote, clock: &Arc<ManualClock>, parcel: Parcel) -> Run {
    let replica = Replica::open(&folder.join("replica")).expect("a replica");
    let trust = replica.load().expect("readable").trust.unwrap_or_default();
    let authority = LocalAuthority::open(&folder.join("ca"), clock.now()).expect("an authority");
    let (publisher, feed) = feed::in_process();
    publisher.publish(Arc::new(parcel)).await.expect("published");
    let inputs = Inputs {
        clock: clock.clone(),
        random: Arc::new(SeededRandom::new(9)),
        feed,
        enforcement: Enforcement::new(mote.roots(), trust),
        replica: Some(replica),
        certificates: Arc::new(CertificateStore::new(authority, Arc::new(Resolver::new()))),
        places: geo::Places::none(),
        challenges: ChallengeSecret::new([9; 32]).into(),
    };
    let http = vec![SocketAddr::from(([127, 0, 0, 1], 0))];
    let options = Options { http, workers: 1, ..Options::default() };
    let stopping = CancellationToken::new();
    let edge = edge::start(options, inputs, stopping.clone()).expect("the edge starts");
    Run { edge, publisher, stopping }
}

impl Run {
    async fn status(&self) -> u16 {
        let mut visitor = Peer::connect(self.edge.http()[0]).await;
        visitor.send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n").await;
        visitor.head().await.status()
    }

    async fn receipt(&self, revision: u64) -> Receipt {
        let mut seen = 0;
        loop {
            let receipt = self.publisher.receipts().into_iter().find(|receipt| receipt.revision == revision);
            if let Some(receipt) = receipt {
                return receipt;
            }
            seen = self.publisher.reported(seen).await;
        }
    }

    async fn stop(self) {
        self.stopping.cancel();
        tokio::task::spawn_blocking(move || self.edge.join()).await.expect("joined");
    }
}

#[tokio::test]
async fn a_measure_runs_on_over_restarts_though_the_feed_has_forgotten_it() {
    let clock = Arc::new(ManualClock::at(Timestamp::from_secs(1_795_305_600)));
    let mut mote = Mote::found(1, clock.now());
    let folder = tempfile::tempdir().expect("a folder");
    let sites = vec![mote.site(&["a.test"], 9)];
    let lease = Duration::from_secs(7_200);
    let bundle = mote.block(&sites, clock.now(), lease);
    let with = mote.parcel(1, sites.clone(), vec![bundle]);
    let run = start(folder.path(), &mote, &clock, with).await;
    assert_eq!(run.status().await, 403);
    run.stop().await;

    // Its cosignatures are old by now; a running lease is not asked for newer ones.
    clock.advance(Duration::from_secs(3_700));
    for revision in [2, 3] {
        let without = mote.parcel(revision, sites.clone(), vec![]);
        let run = start(folder.path(), &mote, &clock, without).await;
        assert_eq!(run.status().await, 403, "revision {revision}");
        let receipt = run.receipt(revision).await;
        assert_eq!((receipt.applied.len(), receipt.alarms.len()), (1, 1), "{receipt:?}");
        run.stop().await;
    }

    clock.advance(lease);
    let run = start(folder.path(), &mote, &clock, mote.parcel(5, sites, vec![])).await;
    assert_ne!(run.status().await, 403);
    assert_eq!(run.receipt(5).await.alarms, Vec::<String>::new());
    run.stop().await;
}
