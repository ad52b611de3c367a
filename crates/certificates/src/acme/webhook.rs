//! TXT records by way of a webhook.
//!
//! `POST url` with `{"action": "present" | "cleanup", "name": "_acme-challenge.example.org", "value": "…"}`,
//! answered by any 2xx once the record is set, or gone. Both may come more than once; a cleanup names the
//! value that goes, and others of the same name stay.

use super::http::Client;
use super::settings::Webhook;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;
use serde::Serialize;

#[derive(Serialize)]
struct Change<'a> {
    action: &'a str,
    name: &'a str,
    value: &'a str,
}

/// A record that is to stand for a while.
#[derive(Clone)]
pub(crate) struct Record {
    name: String,
    value: String,
}

impl Record {
    /// The one that proves a host.
    pub(crate) fn of(host: &str, value: String) -> Self {
        Self { name: format!("_acme-challenge.{host}"), value }
    }
}

impl Webhook {
    /// Sets a record.
    pub(crate) async fn present(&self, client: &Client, record: &Record) -> Result<(), String> {
        self.change(client, "present", record).await
    }

    /// Takes a record away. That it failed is said; the authority has looked already.
    pub(crate) async fn cleanup(&self, client: &Client, record: &Record) {
        if let Err(error) = self.change(client, "cleanup", record).await {
            tracing::warn!(name = record.name, error, "a TXT record was not taken away");
        }
    }

    async fn change(&self, client: &Client, action: &str, record: &Record) -> Result<(), String> {
        let change = Change { action, name: &record.name, value: &record.value };
        let body = serde_json::to_vec(&change).map_err(|error| error.to_string())?;
        let mut request = Request::post(&self.url).header(header::CONTENT_TYPE, "application/json");
        request = request.header(header::CONTENT_LENGTH, body.len());
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", token.as_str()));
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
        let answer = client.ask(request).await.map_err(|error| format!("the DNS webhook: {error}"))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(format!("the DNS webhook answered {status}")),
        }
    }
}
