//! A witness somewhere else, asked over HTTP.

use crate::http1;
use async_trait::async_trait;
use ledger::key::VerifierKey;
use ledger::note::NoteSignature;
use ledger::witness::{AddCheckpoint, Declined, read_answer};
use std::fmt;
use std::time::Duration;

/// Longest wait for one answer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);

/// Somebody who cosigns checkpoints.
///
/// Contract: a cosignature returned verifies for the witness' key and the checkpoint asked about; an
/// answer, or its absence, comes within a bounded time; asking again is harmless.
#[async_trait]
pub trait Cosigner: Send + Sync + fmt::Debug + 'static {
    /// Its key's name.
    fn name(&self) -> &str;

    /// Asks once.
    async fn ask(&self, request: &AddCheckpoint) -> Result<NoteSignature, Declined>;
}

/// A witness reached by its submission prefix.
#[derive(Debug, Clone)]
pub struct HttpWitness {
    key: VerifierKey,
    authority: String,
    path: String,
}

/// The address cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no address of a witness; write http://HOST:PORT/PATH (TLS to witnesses is not built: cosignatures prove themselves)"
)]
pub struct UrlError(String);

impl HttpWitness {
    /// A witness by its key and its address.
    pub fn new(key: VerifierKey, url: &str) -> Result<Self, UrlError> {
        let refuse = || UrlError(url.chars().take(200).collect());
        let uri: http::Uri = url.parse().map_err(|_| refuse())?;
        let plain = uri.scheme_str() == Some("http") && uri.query().is_none();
        let authority = uri.authority().filter(|authority| plain && !authority.as_str().contains('@'));
        let authority = authority.ok_or_else(refuse)?;
        let port = authority.port_u16().unwrap_or(80);
        let path = format!("{}/add-checkpoint", uri.path().trim_end_matches('/'));
        Ok(Self { key, authority: format!("{}:{port}", authority.host()), path })
    }
}

#[async_trait]
impl Cosigner for HttpWitness {
    fn name(&self) -> &str {
        self.key.name()
    }

    async fn ask(&self, request: &AddCheckpoint) -> Result<NoteSignature, Declined> {
        let asked = http1::post(&self.authority, &self.path, request.to_string());
        match tokio::time::timeout(ANSWER_TIME_MAX, asked).await {
            Ok(Ok((status, body))) => read_answer(status, &body, request, &self.key),
            Ok(Err(why)) => Err(Declined::Silent(why)),
            Err(_) => Err(Declined::Silent(format!("not within {} s", ANSWER_TIME_MAX.as_secs()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::key::SignerKey;
    use vocabulary::SeededRandom;

    #[test]
    fn only_plain_addresses_are_taken() {
        let key = SignerKey::for_witness(&SeededRandom::new(1), "w.test").expect("key").verifier();
        let read = |url: &str| HttpWitness::new(key.clone(), url).map(|it| (it.authority, it.path));
        let good = |authority: &str, path: &str| Ok((authority.to_owned(), path.to_owned()));
        assert_eq!(read("http://w.test"), good("w.test:80", "/add-checkpoint"));
        assert_eq!(read("http://127.0.0.1:81/a/"), good("127.0.0.1:81", "/a/add-checkpoint"));
        assert_eq!(read("http://[::1]:81/a"), good("[::1]:81", "/a/add-checkpoint"));
        for url in ["", "w.test", "https://w.test", "http://u@w.test", "http://w.test/?x", "ftp://w.test"] {
            assert!(read(url).is_err(), "{url}");
        }
    }
}
