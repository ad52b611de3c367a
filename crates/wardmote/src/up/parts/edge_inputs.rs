//! What the edge is given: its pinned roots, its replica, its certificates.

use super::super::report::Report;
use super::challenges;
use crate::ambient::{SystemClock, SystemRandom};
use crate::config::Config;
use crate::exit::Failure;
use certificates::acme::Keeper;
use certificates::{CertificateStore, LocalAuthority, Resolver, Vault};
use edge::Inherited;
use feed::Subscription;
use geo::Places;
use replica::Replica;
use snapshot::{Enforcement, Roots, Trust};
use std::path::Path;
use std::sync::Arc;
use vocabulary::Clock as _;

/// The edge's settings from the configuration.
pub(super) fn options(config: &Config, inherited: Inherited) -> edge::Options {
    edge::Options {
        inherited,
        http: config.edge.http.clone(),
        https: config.edge.https.clone(),
        http3: config.edge.http3,
        workers: config.edge.workers,
        trusted_proxies: config.edge.trusted_proxies.clone(),
        children: config.edge.children.clone(),
        proxy_protocol: config.edge.proxy_protocol.clone(),
        drain: config.edge.drain,
        access_log: config.access_log(),
        admin: config.edge.admin,
        // The public record is for everybody, and may stand behind the edge.
        beside: vec![config.control.listen],
        parent: config.edge.parent.clone(),
        name_servers: config.edge.name_servers.clone(),
        crawlers: config.edge.crawlers.clone(),
        cache_memory: config.cache.memory.bytes(),
        cache_disk: cache_disk(config),
        ..edge::Options::default()
    }
}

/// The way of outgoing mail; none where no mail server is set.
pub(super) fn carrier(config: &Config) -> Result<Option<Arc<dyn smtp::Carrier>>, Failure> {
    let relay = config.mail.relay(config.control.public_url.host()).map_err(Failure::failed)?;
    Ok(relay.map(|relay| Arc::new(relay) as Arc<dyn smtp::Carrier>))
}

/// 0 bytes: no disk.
fn cache_disk(config: &Config) -> Option<edge::CacheDisk> {
    let bytes = config.cache.disk.bytes();
    (bytes > 0).then(|| edge::CacheDisk { folder: config.data_dir.join("edge").join("cache"), bytes })
}

/// Opens everything of the edge's own below the data folder. The control plane has founded it.
pub(super) fn gather(
    data_dir: &Path,
    feed: Subscription,
    certificates: Arc<CertificateStore>,
    places: Arc<Places>,
    report: Report,
) -> Result<edge::Inputs, Failure> {
    let folder = data_dir.join("edge");
    let roots = roots(&folder.join("roots"))?;
    let (replica, trust) = replica(&folder.join("replica"), report)?;
    Ok(edge::Inputs {
        clock: Arc::new(SystemClock),
        random: Arc::new(SystemRandom),
        feed,
        enforcement: Enforcement::new(roots, trust),
        replica: Some(replica),
        certificates,
        places,
        challenges: challenges::secrets(&folder, report),
    })
}

/// Opens the files that say where addresses are. The edge serves without one that cannot be read yet.
pub(super) fn places(config: &Config, report: Report) -> (Arc<Places>, geo::Watch) {
    let (places, watch, troubles) = geo::open(&config.edge.geoip);
    for trouble in troubles {
        report.warn(
            trouble.to_string(),
            "until it can be read, rules see no country and no network number from it; it is looked at every minute",
        );
    }
    (places, watch)
}

/// Opens the local authority and the vault, which edge and control plane share.
pub(super) fn certificates(config: &Config) -> Result<Arc<CertificateStore>, Failure> {
    let data_dir = &config.data_dir;
    let authority = LocalAuthority::open(&data_dir.join("ca"), SystemClock.now()).map_err(Failure::failed)?;
    let folder = data_dir.join("certificates");
    let vault = Vault::open(&folder).map_err(Failure::failed)?;
    let store = CertificateStore::with_vault(authority, Arc::new(Resolver::new()), vault);
    Ok(Arc::new(match config.acme.settings() {
        Some(_) => store.asking_authorities(),
        None => store,
    }))
}

/// Who orders certificates, where that is wanted.
pub(super) fn keeper(config: &Config, store: &Arc<CertificateStore>) -> Result<Option<Keeper>, Failure> {
    let Some(settings) = config.acme.settings() else { return Ok(None) };
    let (clock, random) = (Arc::new(SystemClock), Arc::new(SystemRandom));
    let memory = config.data_dir.join("certificates").join("acme.json");
    Keeper::new(settings, Arc::clone(store), clock, random, memory).map(Some).map_err(Failure::bad_use)
}

/// The pinned roots: whatever the feed says, only these keys prove a measure.
fn roots(folder: &Path) -> Result<Roots, Failure> {
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path).map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
    };
    let policy = String::from_utf8(read("tlog-policy")?)
        .map_err(|_| Failure::failed(format!("{}: is no text", folder.join("tlog-policy").display())))?;
    Roots::parse(&policy, &read("roster.json")?)
        .map_err(|error| Failure::failed(format!("{}: {error}", folder.display())))
}

/// The replica and the trust state in it. Where a trust state was kept and cannot be read, the edge does not start.
fn replica(folder: &Path, report: Report) -> Result<(Replica, Trust), Failure> {
    let replica = Replica::open(folder).map_err(Failure::failed)?;
    let kept = replica.load().map_err(Failure::failed)?;
    for damage in &kept.damage {
        report.warn(damage.to_string(), "if the disk is sound, tell the developers how this came about");
    }
    Ok((replica, kept.trust.unwrap_or_default()))
}
