//! Do the origins answer? Asked once at start, so that a slip shows before the first visitor.
//! An origin that does not answer is a warning: it may come up later.

use super::report::Report;
use crate::client::{Answer, exchange};
use bytes::Bytes;
use control::sites_toml::Document;
use http::{Request, header};
use http_body_util::Full;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

/// Longest wait for one origin.
const PATIENCE: Duration = Duration::from_secs(2);
/// Most origins asked; a file of thousands is not checked one by one at start.
const ORIGINS_MAX: usize = 20;

/// Asks the origins of a sites.toml, each once, and reports.
pub(super) async fn check(document: &Document, report: Report) {
    let mut origins: BTreeMap<String, (String, u16, bool, String)> = BTreeMap::new();
    for site in document.accounts.iter().flat_map(|account| &account.sites) {
        let Some(host) = site.hosts.first() else { continue };
        for origin in &site.origins {
            let is_http = origin.scheme == snapshot::Scheme::Http;
            let row = (origin.host.to_string(), origin.port, is_http, host.base().to_string());
            origins.entry(format!("{}:{}", origin.host, origin.port)).or_insert(row);
        }
    }
    let left_out = origins.len().saturating_sub(ORIGINS_MAX);
    for (name, (host, port, is_http, site)) in origins.into_iter().take(ORIGINS_MAX) {
        let began = Instant::now();
        match timeout(PATIENCE, ask(&host, port, is_http, &site)).await {
            Ok(Ok(said)) => report.ok(format!("origin {name} {said} in {} ms", began.elapsed().as_millis())),
            Ok(Err(why)) => absent(report, &name, &why),
            Err(_) => absent(report, &name, &format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }
    if left_out > 0 {
        report.ok(format!("{left_out} more origins, not asked"));
    }
}

fn absent(report: Report, name: &str, why: &str) {
    report.warn(
        format!("origin {name} does not answer: {why}"),
        "visitors get an error page until it does; start it, or mend its address and `wardmote apply` again",
    );
}

async fn ask(host: &str, port: u16, is_http: bool, site: &str) -> Result<String, String> {
    let mut addresses = tokio::net::lookup_host((host, port))
        .await
        .map_err(|error| format!("cannot find {host}: {error}"))?;
    let address = addresses.next().ok_or_else(|| format!("{host} has no address"))?;
    if !is_http {
        TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        return Ok("takes connections".into());
    }
    let request = Request::get("/")
        .header(header::HOST, site)
        .header(header::USER_AGENT, concat!("wardmote/", env!("CARGO_PKG_VERSION")))
        .body(Full::new(Bytes::new()))
        .map_err(|error| error.to_string())?;
    let Answer { status, .. } = exchange(address, request).await.map_err(|failure| failure.to_string())?;
    Ok(format!("answers {}", status.as_u16()))
}
