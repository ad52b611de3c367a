//! Sealing: AES-256-GCM with a key that only this user can read.

use crate::files;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::rand;
use std::fs;
use std::io;
use std::path::Path;
use zeroize::Zeroizing;

/// Bytes of the key, raw in its file.
const KEY_BYTES: usize = 32;
/// Names layout and purpose; changed, nothing sealed before opens any more.
const CONTEXT: &[u8; 22] = b"wardmote certificate 1";

/// The sealing key. The library wipes its own copy when dropped.
///
/// Each record has a random nonce of 96 bits: far below 2^32 records of one key, as NIST SP 800-38D §8.3
/// asks.
pub(super) struct Sealer(LessSafeKey);

impl Sealer {
    /// Opens the key of a folder, or makes it where there is none.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        if !path.try_exists()? {
            let fresh = fresh_key()?;
            files::write_new(path, 0o600, &*fresh)?;
        }
        let bytes = Zeroizing::new(fs::read(path)?);
        Self::of(&bytes).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "the key has not 32 bytes; restore it from a backup")
        })
    }

    fn of(bytes: &[u8]) -> Option<Self> {
        UnboundKey::new(&AES_256_GCM, bytes).ok().map(|key| Self(LessSafeKey::new(key)))
    }

    /// Seals under a label, without which it does not open: a record moved to another place is refused.
    pub(super) fn seal(&self, label: &[u8], plain: Zeroizing<Vec<u8>>) -> io::Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce).map_err(|_| io::Error::other("no randomness"))?;
        // Sealed in place: what held the key is overwritten by its sealed form.
        let mut body = plain;
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), aad(label), &mut body)
            .map_err(|_| io::Error::other("sealing failed"))?;
        Ok([&nonce[..], body.as_slice(), tag.as_ref()].concat())
    }

    /// Opens what was sealed under the same label; none where anything was changed.
    pub(super) fn open_sealed(&self, label: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut body = Zeroizing::new(body.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, aad(label), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }
}

fn fresh_key() -> io::Result<Zeroizing<[u8; KEY_BYTES]>> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    rand::fill(&mut *key).map_err(|_| io::Error::other("no randomness"))?;
    Ok(key)
}

fn aad(label: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([CONTEXT.as_slice(), label].concat())
}
