//! What people ask the data plane about single addresses and answers, by way of the control plane.

use async_trait::async_trait;
use serde_json::Value;

/// Why a question has no answer, each with a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unanswered {
    /// What was asked about is not known, or no longer.
    NotFound(String),
    /// The question itself is mistaken.
    Mistaken(String),
    /// Not now.
    Busy(String),
}

/// The data plane as it is asked; the binary implements it over the edge.
///
/// Contract: answers are documents that go to the caller as they are. A call may take as long as an origin
/// does and may be dropped; it is bounded by the edge's own limits.
#[async_trait]
pub trait Questions: Send + Sync + 'static {
    /// Why the request with a ray was answered as it was.
    async fn explain_ray(&self, ray: &str) -> Result<Value, Unanswered>;

    /// How a browser's plain GET of an address would be answered now.
    async fn explain_url(&self, url: &str) -> Result<Value, Unanswered>;

    /// Fetches pages into the cache; one document for each, in the order given.
    async fn prewarm(&self, urls: Vec<String>) -> Result<Vec<Value>, Unanswered>;

    /// The addresses of a sitemap.
    async fn sitemap(&self, url: String) -> Result<Vec<String>, Unanswered>;
}
