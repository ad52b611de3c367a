//! Putting sites behind the edge at start, through the same API as everybody.

use super::report::Report;
use crate::client::Client;
use crate::exit::Failure;
use crate::verbs::apply::{self, Request};
use http::StatusCode;
use serde_json::Value;
use tokio::net::TcpListener;

/// The demonstration's own origin keeps its port from start to start if it can, so that nothing changes.
const DEMONSTRATION_PORT: u16 = 9092;
const DEMONSTRATION: &str = "demonstration";

/// Whether the records hold no sites, or only those of an earlier demonstration.
pub(super) async fn is_only_demonstration(client: &Client) -> Result<bool, Failure> {
    let fleet = client.get("/api/v1/sites").await?.accepted()?.json()?;
    let accounts = fleet.get("accounts").and_then(Value::as_array).cloned().unwrap_or_default();
    Ok(accounts.iter().all(|account| account.get("name").and_then(Value::as_str) == Some(DEMONSTRATION)))
}

/// The revision that the records stand at.
pub(super) async fn revision(client: &Client) -> Result<u64, Failure> {
    let fleet = client.get("/api/v1/sites").await?.accepted()?.json()?;
    Ok(fleet.get("revision").and_then(Value::as_u64).unwrap_or_default())
}

/// Applies a sites.toml and returns the revision that holds it. A change that would lower a customer's
/// service needs the customer's words or a decision, which a start does not have: then what the records
/// hold is served, and the warning says so.
pub(super) async fn apply(client: &Client, given: &Request, report: Report) -> Result<u64, Failure> {
    let answer = apply::post(client, given).await?;
    if answer.status == StatusCode::CONFLICT {
        let why = answer.accepted().map_or_else(|failure| failure.to_string(), |_| String::new());
        report.warn(
            format!("the sites were not changed: {why}"),
            "what was served before is served on; see `wardmote apply --help` for --customer-request",
        );
        return revision(client).await;
    }
    let applied = answer.accepted().map_err(|failure| Failure::bad_use(failure.to_string()))?.json()?;
    let steps = applied.get("steps").and_then(Value::as_array).map_or(0, Vec::len);
    report.ok(match steps {
        0 => "sites as before".to_owned(),
        1 => "1 site changed".to_owned(),
        count => format!("{count} sites changed"),
    });
    Ok(applied.get("revision").and_then(Value::as_u64).unwrap_or_default())
}

/// A loopback listener for the demonstration's origin.
pub(super) async fn bind_demonstration() -> Result<TcpListener, Failure> {
    match TcpListener::bind(("127.0.0.1", DEMONSTRATION_PORT)).await {
        Ok(listener) => Ok(listener),
        Err(_) => TcpListener::bind(("127.0.0.1", 0)).await.map_err(Failure::failed),
    }
}

/// The demonstration: two sites of one customer, so that a measure on one can leave the other alone.
pub(super) fn demonstration(port: u16) -> Request {
    let text = format!(
        "[[account]]\nname = {DEMONSTRATION:?}\n\
         [[account.site]]\nhosts = [\"localhost\", \"127.0.0.1\", \"library.localhost\"]\n\
         origins = [\"http://127.0.0.1:{port}\"]\n\
         [[account.site]]\nhosts = [\"branch.localhost\"]\norigins = [\"http://127.0.0.1:{port}\"]\n"
    );
    let moved = "the demonstration's own origin may have moved to another port".to_owned();
    Request { customer_request: Some(moved), ..Request::of(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn the_demonstration_is_a_sites_file() {
        let document = control::sites_toml::parse(&demonstration(9092).sites, Path::new(".")).unwrap();
        assert_eq!(document.accounts[0].sites.len(), 2);
    }
}
