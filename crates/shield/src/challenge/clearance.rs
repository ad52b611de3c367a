//! What a visitor carries who has passed: an encrypted cookie, bound softly.
//!
//! AES-256-GCM under the key of the epoch, a random nonce of 96 bits, the site and the user agent as
//! associated data. Inside stand when it ends and hashes of the network and the TLS fingerprint, of which
//! one must still fit: people change networks, and browsers are updated, but rarely both at once.

use super::Client;
use super::issue::Solved;
use super::keys::Keyring;
use crate::rules::ChallengeKind;
use aws_lc_rs::{aead, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vocabulary::{Random, Timestamp};

/// How long a clearance may last, in seconds: it must end before the keys of its epoch are let go.
pub const CLEARANCE_SECONDS_MAX: u32 = 6 * 3600;
/// The longest cookie value that is looked at, in bytes.
pub const CLEARANCE_BYTES_MAX: usize = 96;

const VERSION: u8 = 1;
const HEAD: usize = 4 + aead::NONCE_LEN;
const INSIDE: usize = 22;
const WHOLE: usize = HEAD + INSIDE + 16;

/// A clearance that holds: only [`Clearance::open`] makes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clearance {
    kind: ChallengeKind,
    ends: Timestamp,
}

/// Why a cookie is no clearance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ClearanceError {
    /// The text is no clearance.
    #[error("no clearance")]
    Malformed,
    /// Its epoch is over.
    #[error("a clearance of another epoch")]
    Epoch,
    /// It was changed, or belongs to another site or another user agent.
    #[error("a clearance that was not given to this client")]
    Forged,
    /// It has ended.
    #[error("a clearance that has ended")]
    Ended,
    /// Neither the network nor the TLS fingerprint is the one it was given to.
    #[error("a clearance from elsewhere")]
    Elsewhere,
}

impl Clearance {
    /// How the visitor had been challenged.
    pub fn kind(&self) -> ChallengeKind {
        self.kind
    }

    /// When it ends.
    pub fn ends(&self) -> Timestamp {
        self.ends
    }

    /// The value of the cookie for a visitor who has solved a challenge.
    pub fn grant(
        solved: &Solved,
        seconds: u32,
        keys: &Keyring,
        client: &Client<'_>,
        random: &dyn Random,
        now: Timestamp,
    ) -> String {
        let present = keys.present();
        let mut bytes = [0; WHOLE];
        bytes[..4].copy_from_slice(&present.epoch.to_be_bytes());
        random.fill(&mut bytes[4..HEAD]);
        let ends = now.as_secs() + i64::from(seconds.min(CLEARANCE_SECONDS_MAX));
        let inside = &mut bytes[HEAD..HEAD + INSIDE];
        inside[0] = VERSION;
        inside[1] = solved.kind() as u8;
        inside[2..6].copy_from_slice(&u32::try_from(ends).unwrap_or(u32::MAX).to_be_bytes());
        inside[6..14].copy_from_slice(&network(client));
        inside[14..22].copy_from_slice(&fingerprint(client));
        let mut nonce = [0; aead::NONCE_LEN];
        nonce.copy_from_slice(&bytes[4..HEAD]);
        let nonce = aead::Nonce::assume_unique_for_key(nonce);
        let (_, rest) = bytes.split_at_mut(HEAD);
        let (inside, tag) = rest.split_at_mut(INSIDE);
        // Fails only for texts of many gigabytes.
        if let Ok(own) = present.clearance.seal_in_place_separate_tag(nonce, associated(client), inside) {
            tag.copy_from_slice(own.as_ref());
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Opens a cookie's value.
    pub fn open(
        cookie: &[u8],
        keys: &Keyring,
        client: &Client<'_>,
        now: Timestamp,
    ) -> Result<Self, ClearanceError> {
        if cookie.len() > CLEARANCE_BYTES_MAX {
            return Err(ClearanceError::Malformed);
        }
        let mut bytes = [0; WHOLE];
        let length =
            URL_SAFE_NO_PAD.decode_slice(cookie, &mut bytes).map_err(|_| ClearanceError::Malformed)?;
        if length != WHOLE {
            return Err(ClearanceError::Malformed);
        }
        let (head, sealed) = bytes.split_at_mut(HEAD);
        let epoch = u32::from_be_bytes([head[0], head[1], head[2], head[3]]);
        let keys = keys.of(epoch).ok_or(ClearanceError::Epoch)?;
        let nonce =
            aead::Nonce::try_assume_unique_for_key(&head[4..]).map_err(|_| ClearanceError::Malformed)?;
        let inside = keys
            .clearance
            .open_in_place(nonce, associated(client), sealed)
            .map_err(|_| ClearanceError::Forged)?;
        Self::read(inside, client, now)
    }

    fn read(inside: &[u8], client: &Client<'_>, now: Timestamp) -> Result<Self, ClearanceError> {
        let kinds = [ChallengeKind::Silent, ChallengeKind::Wait, ChallengeKind::Work];
        let kind = kinds.into_iter().find(|kind| inside[0] == VERSION && *kind as u8 == inside[1]);
        let kind = kind.ok_or(ClearanceError::Malformed)?;
        let ends = u32::from_be_bytes([inside[2], inside[3], inside[4], inside[5]]);
        let ends = Timestamp::from_secs(ends.into());
        if ends <= now {
            return Err(ClearanceError::Ended);
        }
        let at_home = inside[6..14] == network(client);
        let same_program = client.tls.is_some() && inside[14..22] == fingerprint(client);
        if at_home || same_program { Ok(Self { kind, ends }) } else { Err(ClearanceError::Elsewhere) }
    }
}

fn associated(client: &Client<'_>) -> aead::Aad<[u8; 32]> {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(&(client.site.len() as u64).to_be_bytes());
    hash.update(client.site);
    hash.update(client.user_agent);
    aead::Aad::from(first(hash.finish()))
}

fn network(client: &Client<'_>) -> [u8; 8] {
    first(digest::digest(&digest::SHA256, client.prefix.address().to_string().as_bytes()))
}

fn fingerprint(client: &Client<'_>) -> [u8; 8] {
    first(digest::digest(&digest::SHA256, client.tls.unwrap_or_default().as_bytes()))
}

fn first<const N: usize>(hash: digest::Digest) -> [u8; N] {
    let bytes = hash.as_ref();
    std::array::from_fn(|index| bytes[index])
}
