//! One order from its beginning to a chain: the only place that speaks ACME.

use super::board::{Board, Pinned};
use super::http::Client;
use super::plan::Failure;
use super::settings::{Proof, Webhook};
use super::webhook::Record;
use crate::files::{self, SecretKey};
use crate::keyed_chain::KeyedChain;
use instant_acme::{
    Account, AuthorizationHandle, AuthorizationStatus, CertificateIdentifier, ChallengeHandle, ChallengeType,
    Error, Identifier, NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, CustomExtension, DistinguishedName, KeyPair};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use vocabulary::SitePattern;
use zeroize::Zeroize;

/// How long an authority may look for a proof, or make a certificate.
pub(crate) const POLL_TIME_MAX: Duration = Duration::from_secs(120);

/// What an order works with.
pub(crate) struct Desk<'a> {
    pub(crate) client: &'a Client,
    pub(crate) board: &'a Arc<Board>,
    pub(crate) proofs: &'a [Proof],
    pub(crate) webhook: Option<&'a Webhook>,
    /// The records that were asked for and not taken away yet.
    pub(crate) records: &'a Records,
}

/// Records that stand in DNS for an order. They outlive it where it is given up in between, so that whoever began it
/// can have them taken away.
#[derive(Default)]
pub(crate) struct Records(Mutex<Vec<Record>>);

impl Records {
    fn note(&self, record: Record) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(record);
    }

    /// Has all of them taken away.
    pub(crate) async fn clear(&self, client: &Client, webhook: Option<&Webhook>) {
        let records = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for record in records {
            if let Some(webhook) = webhook {
                webhook.cleanup(client, &record).await;
            }
        }
    }
}

impl Desk<'_> {
    /// Orders a certificate for one name. `failures` chooses among the kinds of proof, so that the next
    /// attempt takes another way.
    pub(crate) async fn order(
        &self,
        account: &Account,
        name: &SitePattern,
        failures: u32,
        replaces: Option<CertificateIdentifier<'_>>,
    ) -> Result<KeyedChain, Failure> {
        let identifiers = [Identifier::Dns(name.to_string())];
        let plain = NewOrder::new(&identifiers);
        let mut order = match replaces {
            None => account.new_order(&plain).await.map_err(judged)?,
            Some(replaces) => {
                match account.new_order(&NewOrder::new(&identifiers).replaces(replaces)).await {
                    Ok(order) => order,
                    // What it replaces is a courtesy (RFC 9773 §5): without it the order is like any other.
                    Err(_) => account.new_order(&plain).await.map_err(judged)?,
                }
            }
        };
        let ready = match self.prove(&mut order, name, failures).await {
            // Shown as long as the authority looks.
            Ok(shown) => {
                let ready = self.ready(&mut order).await;
                drop(shown);
                ready
            }
            Err(failure) => Err(failure),
        };
        self.records.clear(self.client, self.webhook).await;
        ready?;
        finalize(&mut order, name).await
    }

    /// Shows a proof for each name that the authority does not yet trust us with. What hangs on the board hangs until
    /// it is dropped; records stand in [`Desk::records`].
    async fn prove(
        &self,
        order: &mut Order,
        name: &SitePattern,
        failures: u32,
    ) -> Result<Vec<Pinned>, Failure> {
        let mut shown = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization.map_err(judged)?;
            match authorization.status {
                AuthorizationStatus::Valid => continue,
                AuthorizationStatus::Pending => {}
                _ => return Err(Failure::Name("the authority refused an earlier proof".to_owned())),
            }
            let proof = self.choose(&authorization, name, failures)?;
            let Some(mut challenge) = authorization.challenge(proof.kind()) else {
                return Err(Failure::Name("the authority asks for another kind of proof".to_owned()));
            };
            shown.extend(self.show(proof, &challenge, name).await?);
            challenge.set_ready().await.map_err(judged)?;
        }
        Ok(shown)
    }

    fn choose(
        &self,
        authorization: &AuthorizationHandle<'_>,
        name: &SitePattern,
        failures: u32,
    ) -> Result<Proof, Failure> {
        let is_wildcard = matches!(name, SitePattern::Wildcard(_));
        let offered = |proof: &Proof| authorization.challenges.iter().any(|one| one.r#type == proof.kind());
        let able = |proof: &&Proof| match proof {
            Proof::Dns => self.webhook.is_some() && offered(proof),
            Proof::Http | Proof::Tls => !is_wildcard && offered(proof),
        };
        let able: Vec<Proof> = self.proofs.iter().filter(able).copied().collect();
        let turn = usize::try_from(failures).unwrap_or(0).checked_rem(able.len());
        turn.and_then(|turn| able.get(turn).copied()).ok_or_else(|| {
            Failure::Ours(match is_wildcard {
                true => "a wildcard is proved by DNS alone: set acme.dns_webhook, or upload a certificate"
                    .to_owned(),
                false => "no kind of proof that is allowed here (acme.proofs) is offered by the authority"
                    .to_owned(),
            })
        })
    }

    async fn show(
        &self,
        proof: Proof,
        challenge: &ChallengeHandle<'_>,
        name: &SitePattern,
    ) -> Result<Option<Pinned>, Failure> {
        let (host, text) = (name.base().as_str(), challenge.key_authorization());
        let full = || Failure::Ours("too many proofs are shown at once".to_owned());
        match proof {
            Proof::Http => {
                let pinned = self.board.pin_http(host, &challenge.token, text.as_str());
                pinned.map(Some).ok_or_else(full)
            }
            Proof::Tls => {
                let key = proof_certificate(host, text.digest().as_ref());
                let key = key.ok_or_else(|| Failure::Ours("the proof cannot be made".to_owned()))?;
                self.board.pin_tls(host, key).map(Some).ok_or_else(full)
            }
            Proof::Dns => {
                let webhook = self.webhook.ok_or_else(|| Failure::Ours("no DNS webhook".to_owned()))?;
                let record = Record::of(host, text.dns_value());
                // Noted first: whether a failed request has set it, nobody knows.
                self.records.note(record.clone());
                webhook.present(self.client, &record).await.map_err(Failure::Ours)?;
                tokio::time::sleep(webhook.wait).await;
                Ok(None)
            }
        }
    }

    async fn ready(&self, order: &mut Order) -> Result<(), Failure> {
        match order.poll_ready(&patience()).await {
            Ok(OrderStatus::Ready) => Ok(()),
            Err(Error::Timeout(_)) => Err(Failure::Authority("it did not look in time".to_owned())),
            Ok(_) => Err(Failure::Name(reason_of(order).await)),
            Err(Error::Api(problem)) => match judged(Error::Api(problem)) {
                Failure::Name(text) => Err(Failure::Name(format!("{text}; {}", reason_of(order).await))),
                other => Err(other),
            },
            Err(error) => Err(judged(error)),
        }
    }
}

impl Proof {
    fn kind(self) -> ChallengeType {
        match self {
            Self::Http => ChallengeType::Http01,
            Self::Tls => ChallengeType::TlsAlpn01,
            Self::Dns => ChallengeType::Dns01,
        }
    }
}

/// What the authority says was wrong with a proof.
async fn reason_of(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if authorization.refresh().await.is_err() {
            continue;
        }
        let problem = authorization.challenges.iter().find_map(|challenge| challenge.error.as_ref());
        if let Some(problem) = problem {
            return problem.to_string();
        }
    }
    "the proof was not found".to_owned()
}

async fn finalize(order: &mut Order, name: &SitePattern) -> Result<KeyedChain, Failure> {
    let ours = |error: rcgen::Error| Failure::Ours(error.to_string());
    // ECDSA P-256.
    let mut pair = KeyPair::generate().map_err(ours)?;
    let secret = SecretKey::from_pkcs8(pair.serialize_der());
    let mut params = CertificateParams::new(vec![name.to_string()]).map_err(ours)?;
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&pair).map_err(ours);
    pair.zeroize();
    order.finalize_csr(request?.der()).await.map_err(judged)?;
    let chain = order.poll_certificate(&patience()).await.map_err(judged)?;
    let chain = files::certificates(chain.as_bytes());
    let chain = chain.ok_or_else(|| Failure::Authority("it sent no certificate".to_owned()))?;
    Ok(KeyedChain::new(chain, secret))
}

fn patience() -> RetryPolicy {
    RetryPolicy::new().initial_delay(Duration::from_millis(200)).backoff(1.5).timeout(POLL_TIME_MAX)
}

/// The self-signed certificate that carries a proof (RFC 8737 §3).
fn proof_certificate(host: &str, digest: &[u8]) -> Option<CertifiedKey> {
    let mut pair = KeyPair::generate().ok()?;
    let secret = SecretKey::from_pkcs8(pair.serialize_der());
    let mut params = CertificateParams::new(vec![host.to_owned()]).ok()?;
    params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = params.self_signed(&pair);
    pair.zeroize();
    let key = any_supported_type(&secret.as_der()).ok()?;
    Some(CertifiedKey::new(vec![certificate.ok()?.der().clone()], key))
}

/// Whose fault an error is.
pub(crate) fn judged(error: Error) -> Failure {
    match error {
        Error::Api(problem) => {
            let kind = problem.r#type.as_deref().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default();
            let text = problem.to_string();
            match kind {
                "rateLimited" => Failure::Limited(text),
                "serverInternal"
                | "badNonce"
                | "accountDoesNotExist"
                | "unsupportedContact"
                | "externalAccountRequired"
                | "userActionRequired"
                | "invalidContact" => Failure::Authority(text),
                _ if problem.status.is_some_and(|status| status >= 500) => Failure::Authority(text),
                _ => Failure::Name(text),
            }
        }
        Error::Crypto | Error::KeyRejected => Failure::Ours(error.to_string()),
        error => Failure::Authority(error.to_string()),
    }
}
