//! One-time tokens of forms: a random part, a time, and a seal over both. No cookie, nothing kept.

use super::Intake;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::time::Duration;
use subtle::ConstantTimeEq as _;
use vocabulary::{Random, Timestamp};

/// How long a form may lie open.
pub(crate) const OPEN_MAX: Duration = Duration::from_secs(24 * 3_600);
const NONCE: usize = 16;
const TIME: usize = 8;
const SEAL: usize = 16;

/// A token that was given out here and has not expired.
pub(crate) struct FormToken {
    nonce: [u8; NONCE],
}

impl FormToken {
    /// The random part.
    pub(crate) fn nonce(&self) -> &[u8] {
        &self.nonce
    }
}

impl Intake {
    /// A fresh token for a form.
    pub(crate) fn form_token(&self, random: &dyn Random, now: Timestamp) -> String {
        let nonce: [u8; NONCE] = random.bytes();
        let mut bytes = [nonce.as_slice(), now.as_millis().to_be_bytes().as_slice()].concat();
        let seal = self.vault.derive("form-token", &bytes);
        bytes.extend_from_slice(&seal[..SEAL]);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The token of a form that was sent, if it is one of ours and not too old.
    pub(crate) fn accept_token(&self, text: &str, now: Timestamp) -> Option<FormToken> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().filter(|bytes| bytes.len() == NONCE + TIME + SEAL)?;
        let (signed, seal) = bytes.split_at(NONCE + TIME);
        let wanted = self.vault.derive("form-token", signed);
        if !bool::from(wanted[..SEAL].ct_eq(seal)) {
            return None;
        }
        let (nonce, time) = signed.split_at(NONCE);
        let given = Timestamp::from_millis(i64::from_be_bytes(time.try_into().ok()?));
        let fresh = given <= now && now.since(given) <= OPEN_MAX;
        fresh.then_some(FormToken { nonce: nonce.try_into().ok()? })
    }
}
