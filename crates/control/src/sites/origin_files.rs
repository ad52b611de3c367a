//! Reading the files that sites name for their origins and for their visitors before they are applied: a slip shows at once, and not
//! with the first visitor.

use super::apply::ApplyRefusal;
use super::plan::Plan;
use certificates::{OriginTrust, check_authorities, client_config};
use records::Change;
use snapshot::{OriginPolicy, OriginSecret, OriginTls, Trusted};
use std::path::Path;
use std::sync::Arc;
use vocabulary::Clock;

/// Reads the files of every site that is new or changed.
pub(super) async fn check(plan: &Plan, clock: &Arc<dyn Clock>) -> Result<(), ApplyRefusal> {
    for change in &plan.changes {
        let Change::PutSite(site) = change else { continue };
        let (policy, clock) = (site.origin_policy.clone(), Arc::clone(clock));
        let clients = site.front.client_certificates.clone();
        if policy.tls == OriginTls::default() && policy.secret.is_none() && clients.is_none() {
            continue;
        }
        let read = tokio::task::spawn_blocking(move || {
            let visitors = clients.map_or(Ok(()), |clients| check_authorities(&clients.authorities));
            visitors.map_err(|error| error.to_string()).and_then(|()| read(&policy, clock))
        });
        let read = read.await;
        if let Err(why) = read.map_err(|error| error.to_string()).flatten() {
            let host = site.hosts.first().map(ToString::to_string).unwrap_or_default();
            return Err(ApplyRefusal::Origins { host, why });
        }
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
