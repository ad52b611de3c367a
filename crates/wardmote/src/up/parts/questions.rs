//! The edge as people ask it, by way of the control plane.

use async_trait::async_trait;
use control::{Questions, Unanswered};
use edge::{Explanation, Insight, NotWarmed, Unexplained};
use serde_json::Value;

/// A running edge.
pub(super) struct Asked(pub(super) Insight);

#[async_trait]
impl Questions for Asked {
    async fn explain_ray(&self, ray: &str) -> Result<Value, Unanswered> {
        told(self.0.explain_ray(ray))
    }

    async fn explain_url(&self, url: &str) -> Result<Value, Unanswered> {
        told(self.0.explain_url(url).await)
    }

    async fn prewarm(&self, urls: Vec<String>) -> Result<Vec<Value>, Unanswered> {
        let warmed = self.0.prewarm(urls).await.map_err(|error| not_warmed(&error))?;
        warmed.iter().map(document).collect()
    }

    async fn sitemap(&self, url: String) -> Result<Vec<String>, Unanswered> {
        self.0.sitemap(url).await.map_err(|error| not_warmed(&error))
    }
}

fn told(explained: Result<Explanation, Unexplained>) -> Result<Value, Unanswered> {
    match explained {
        Ok(explanation) => document(&explanation),
        Err(error @ Unexplained::Forgotten(_)) => Err(Unanswered::NotFound(error.to_string())),
        Err(error) => Err(Unanswered::Mistaken(error.to_string())),
    }
}

/// Words and numbers have a JSON form.
fn document(told: &impl serde::Serialize) -> Result<Value, Unanswered> {
    serde_json::to_value(told).map_err(|error| Unanswered::Busy(error.to_string()))
}

fn not_warmed(error: &NotWarmed) -> Unanswered {
    match error {
        NotWarmed::TooMany | NotWarmed::Sitemap { .. } => Unanswered::Mistaken(error.to_string()),
        NotWarmed::Busy | NotWarmed::Stopping => Unanswered::Busy(error.to_string()),
    }
}
