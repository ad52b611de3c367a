//! What a visitor carries who has seen a warning and goes on: a cookie that says for which decision.
//!
//! An HMAC under a key of the epoch over the decision and the visitor's network, so that no site can give its
//! visitors one beforehand and so take the warning away. It is no clearance: it opens nothing that anything else closes.
//! It counts until its epoch and the next one are over.

use super::keys::Keyring;
use crate::budgets::Prefix;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of the code that are kept.
const CODE: usize = 16;
const WHOLE: usize = 4 + CODE;
/// Characters of such a text.
pub const SEEN_CHARS: usize = WHOLE.div_ceil(3) * 4 - 1;

/// The text for a visitor from a network who is shown the warning of a decision.
pub fn seen(keys: &Keyring, decision: &[u8; 16], prefix: Prefix) -> String {
    let present = keys.present();
    let code = hmac::sign(&present.warning, &said(decision, prefix));
    let mut bytes = [0; WHOLE];
    bytes[..4].copy_from_slice(&present.epoch.to_be_bytes());
    bytes[4..].copy_from_slice(&code.as_ref()[..CODE]);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Whether a text was given to this network for this decision.
pub fn has_seen(text: &[u8], keys: &Keyring, decision: &[u8; 16], prefix: Prefix) -> bool {
    let mut bytes = [0; WHOLE];
    if text.len() != SEEN_CHARS || URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) != Ok(WHOLE) {
        return false;
    }
    let epoch = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let Some(keys) = keys.of(epoch) else { return false };
    let code = hmac::sign(&keys.warning, &said(decision, prefix));
    aws_lc_rs::constant_time::verify_slices_are_equal(&code.as_ref()[..CODE], &bytes[4..]).is_ok()
}

fn said(decision: &[u8; 16], prefix: Prefix) -> Vec<u8> {
    [&decision[..], prefix.address().to_string().as_bytes()].concat()
}
