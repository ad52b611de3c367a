//! Standard base64 with padding (RFC 4648 §4), read back only in its one spelling.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vocabulary::Digest;

pub(crate) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// The engine already refuses missing padding and stray bits in the last letter.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(crate) fn decode_hash(text: &str) -> Option<Digest> {
    decode(text)?.try_into().ok().map(Digest::from_bytes)
}

/// A decimal without sign or leading zeroes, as all C2SP log formats write numbers.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}
