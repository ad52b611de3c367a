//! Reading the files that sites name for their origins, their visitors and their lists before they are applied: a
//! slip shows at once, and not with the first visitor.

use super::apply::ApplyRefusal;
use super::plan::Plan;
use crate::DataDir;
use crate::defence::check_feed_place;
use certificates::{Authorities, OriginTrust, check_authorities, client_config};
use records::Change;
use snapshot::{ListSource, OriginPolicy, OriginSecret, OriginTls, Site, Trusted};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use vocabulary::Clock;

/// Reads the files of every site that is new or changed, and refuses those of the data folder.
pub(super) async fn check(plan: &Plan, clock: &Arc<dyn Clock>, files: &DataDir) -> Result<(), ApplyRefusal> {
    for change in &plan.changes {
        let Change::PutSite(site) = change else { continue };
        check_places(site, files).await?;
        check_feeds(site, files).await?;
        check_visitors(site).await?;
        let (policy, clock) = (site.origin_policy.clone(), Arc::clone(clock));
        if policy.tls == OriginTls::default() && policy.secret.is_none() {
            continue;
        }
        let read = tokio::task::spawn_blocking(move || read(&policy, clock)).await;
        if let Err(why) = read.map_err(|error| error.to_string()).flatten() {
            return Err(ApplyRefusal::Origins { host: first_host(site), why });
        }
    }
    Ok(())
}

/// The authorities that visitors' certificates are held against.
async fn check_visitors(site: &Site) -> Result<(), ApplyRefusal> {
    let Some(clients) = &site.front.client_certificates else { return Ok(()) };
    let authorities = match &clients.authorities {
        snapshot::Authorities::File(path) => Authorities::File(path.clone()),
        snapshot::Authorities::Pem(pem) => Authorities::Pem(pem.as_str().to_owned()),
    };
    let read = tokio::task::spawn_blocking(move || check_authorities(authorities)).await;
    let read =
        read.map_err(|error| error.to_string()).and_then(|read| read.map_err(|error| error.to_string()));
    read.map_err(|why| ApplyRefusal::Visitors { host: first_host(site), why })
}

fn first_host(site: &Site) -> String {
    site.hosts.first().map(ToString::to_string).unwrap_or_default()
}

/// What a site names is sent to its origin or shown to its visitors, so nothing of the deployment's own may be named:
/// neither the log's key nor a token, by whatever way through the folders.
async fn check_places(site: &Site, data_dir: &DataDir) -> Result<(), ApplyRefusal> {
    let own = site.origin_policy.tls.client.iter().chain(&site.certificate);
    let mut named: Vec<PathBuf> = own.flat_map(|files| [files.chain.clone(), files.key.clone()]).collect();
    named.extend(site.origin_policy.secret.as_ref().map(|secret| secret.file.clone()));
    if let Trusted::Authorities(path) = &site.origin_policy.tls.trust {
        named.push(path.clone());
    }
    let visitors = site.front.client_certificates.as_ref().map(|clients| &clients.authorities);
    if let Some(snapshot::Authorities::File(path)) = visitors {
        named.push(path.clone());
    }
    let data_dir = data_dir.clone();
    let looked =
        tokio::task::spawn_blocking(move || named.iter().try_for_each(|path| data_dir.check_foreign(path)));
    let looked = looked.await.map_err(|error| error.to_string()).flatten();
    looked.map_err(|why| ApplyRefusal::Origins { host: first_host(site), why })
}

/// Lists that rules may name would tell what a file holds item by item.
async fn check_feeds(site: &Site, data_dir: &DataDir) -> Result<(), ApplyRefusal> {
    for list in site.shield.lists.values() {
        let ListSource::Feed(feed) = &list.source else { continue };
        let checked = check_feed_place(&feed.address, data_dir).await;
        checked.map_err(|why| ApplyRefusal::Origins { host: first_host(site), why })?;
    }
    Ok(())
}

fn read(policy: &OriginPolicy, clock: Arc<dyn Clock>) -> Result<(), String> {
    let OriginTls { trust, client, .. } = &policy.tls;
    let trust = match trust {
        // No file of the site's.
        Trusted::System | Trusted::Unverified => OriginTrust::Unverified,
        Trusted::Authorities(path) => OriginTrust::Authorities(path.clone()),
        Trusted::Pinned(pins) => OriginTrust::Pinned(pins.clone()),
    };
    let client = client.as_ref().map(|files| (files.chain.as_path(), files.key.as_path()));
    client_config(&trust, client, clock).map_err(|error| error.to_string())?;
    policy.secret.as_ref().map_or(Ok(()), |OriginSecret { file, .. }| look_at(file))
}

/// The secret itself is the edge's to read; here it is enough that there is one.
fn look_at(file: &Path) -> Result<(), String> {
    let length = std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?.len();
    if length == 0 {
        Err(format!("{} is empty; it holds the secret in one line", file.display()))
    } else {
        Ok(())
    }
}
