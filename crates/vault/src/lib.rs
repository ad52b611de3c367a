//! Sealing what reporters write.
//!
//! Owns the vault's key and the construction: each report has an X25519 key pair of its own. Its text is sealed to
//! the public half with HPKE (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305), so that
//! adding to a report needs no secret. The private half is sealed to the vault's key and kept apart from the records:
//! destroying that one small value makes every copy of the text unreadable, in backups too. Knows no storage.
//!
//! Invariants: a sealed text opens only as the field of the record it was sealed for; secrets are wiped from memory
//! when dropped; nothing here formats or logs a plaintext.

use aws_lc_rs::{hmac, pbkdf2};
use reports::{ByteString, Code, ReceiptHash, Sealed, Secret};
use rustls::crypto::aws_lc_rs::hpke::DH_KEM_X25519_HKDF_SHA256_CHACHA20_POLY1305 as SUITE;
use rustls::crypto::hpke::{EncapsulatedSecret, Hpke as _, HpkePrivateKey, HpkePublicKey};
use std::num::NonZeroU32;
use vocabulary::{Random, ReportId};
use zeroize::Zeroizing;

/// Length of an encapsulated X25519 key, which stands first in everything sealed.
const ENCAPSULATED: usize = 32;
/// Rounds of PBKDF2-HMAC-SHA256 over a receipt code. The code alone has 72 bits; the rounds add 18.
const STRETCH: u32 = 260_000;
const HEADER: &str = "wardmote-vault-key/1";
const INFO: &[u8] = b"wardmote/vault/v1";

/// The vault of one deployment, open.
pub struct Vault {
    public: HpkePublicKey,
    secret: HpkePrivateKey,
    /// Keys of fingerprints, of derived codes and of the forms' tokens come from here.
    root: hmac::Key,
    salt: [u8; 32],
    stretch: NonZeroU32,
}

/// The public half of a report's key: seals, never opens.
#[derive(Debug, Clone)]
pub struct RecordKey {
    report: ReportId,
    public: HpkePublicKey,
}

/// The private half of a report's key, sealed to the vault. Destroying it erases the report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrappedKey(pub Vec<u8>);

/// A report's key, unwrapped.
pub struct RecordSecret {
    report: ReportId,
    secret: HpkePrivateKey,
}

/// Which text of a report: what was sealed as one never opens as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// The fields of the report itself.
    Contents,
    /// A message of the thread, by its place.
    Message(usize),
}

/// Why the vault cannot do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// The key file is none.
    #[error("this is no key of a vault; put it back from where its copy is kept")]
    Key,
    /// The key does not fit, or the bytes were changed.
    #[error("this does not open: it was sealed for another vault or record, or it was changed")]
    Sealed,
    /// The library failed.
    #[error("the cipher failed")]
    Cipher,
}

impl Vault {
    /// The text of a fresh key, to be kept readable by its owner alone.
    pub fn fresh_key(random: &dyn Random) -> Result<Zeroizing<String>, VaultError> {
        let (public, secret) = SUITE.generate_key_pair().map_err(|_| VaultError::Cipher)?;
        let root = Zeroizing::new(random.bytes::<32>());
        let salt: [u8; 32] = random.bytes();
        let secret = Zeroizing::new(hex::encode(secret.secret_bytes()));
        let root = Zeroizing::new(hex::encode(*root));
        let lines = [HEADER, &*secret, &hex::encode(public.0), &*root, &hex::encode(salt)];
        Ok(Zeroizing::new(lines.join("\n") + "\n"))
    }

    /// Opens a vault by the text of its key.
    pub fn open(text: &str) -> Result<Self, VaultError> {
        let lines: Vec<&str> = text.lines().collect();
        let [HEADER, secret, public, root, salt] = lines[..] else { return Err(VaultError::Key) };
        let bytes = |line: &str| -> Result<Zeroizing<[u8; 32]>, VaultError> {
            let mut bytes = Zeroizing::new([0; 32]);
            hex::decode_to_slice(line, bytes.as_mut_slice()).map_err(|_| VaultError::Key)?;
            Ok(bytes)
        };
        Ok(Self {
            public: HpkePublicKey(bytes(public)?.to_vec()),
            secret: HpkePrivateKey::from(bytes(secret)?.to_vec()),
            root: hmac::Key::new(hmac::HMAC_SHA256, bytes(root)?.as_slice()),
            salt: *bytes(salt)?,
            stretch: NonZeroU32::new(STRETCH).unwrap_or(NonZeroU32::MIN),
        })
    }

    /// The same vault with fewer rounds over codes, for tests that make thousands.
    #[must_use]
    pub fn with_rounds(self, stretch: NonZeroU32) -> Self {
        Self { stretch, ..self }
    }

    /// A key for a new report, and its other half for the store of keys.
    pub fn new_record(&self, report: ReportId) -> Result<(RecordKey, WrappedKey), VaultError> {
        let (public, secret) = SUITE.generate_key_pair().map_err(|_| VaultError::Cipher)?;
        let wrapped = seal(&self.public, &aad(report, "key", 0), secret.secret_bytes())?;
        Ok((RecordKey { report, public }, WrappedKey(wrapped)))
    }

    /// Unwraps a report's key.
    pub fn open_record(&self, report: ReportId, wrapped: &WrappedKey) -> Result<RecordSecret, VaultError> {
        let secret = open(&self.secret, &aad(report, "key", 0), &wrapped.0)?;
        Ok(RecordSecret { report, secret: HpkePrivateKey::from(secret.to_vec()) })
    }

    /// What is kept of a code: slow on purpose, some tens of milliseconds; call it on a blocking thread.
    pub fn receipt(&self, code: &Code) -> ReceiptHash {
        let mut out = [0; ReceiptHash::BYTES];
        let secret = code.to_secret();
        pbkdf2::derive(
            pbkdf2::PBKDF2_HMAC_SHA256,
            self.stretch,
            &self.salt,
            secret.expose().as_bytes(),
            &mut out,
        );
        ReceiptHash::from_bytes(out)
    }

    /// 32 secret bytes for one purpose and one input, always the same.
    pub fn derive(&self, purpose: &str, input: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut context = hmac::Context::with_key(&self.root);
        context.update(purpose.as_bytes());
        context.update(&[0]);
        context.update(input);
        let tag = context.sign();
        Zeroizing::new(std::array::from_fn(|place| tag.as_ref().get(place).copied().unwrap_or(0)))
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault(…)")
    }
}

impl RecordKey {
    /// The key of a kept report.
    pub fn of(report: ReportId, public: &ByteString) -> Self {
        Self { report, public: HpkePublicKey(public.0.clone()) }
    }

    /// Its bytes.
    pub fn public(&self) -> ByteString {
        ByteString(self.public.0.clone())
    }

    /// Seals a text of this report.
    pub fn seal(&self, slot: Slot, plaintext: &[u8]) -> Result<Sealed, VaultError> {
        let (name, place) = slot.label();
        seal(&self.public, &aad(self.report, name, place), plaintext).map(|bytes| Sealed(ByteString(bytes)))
    }
}

impl RecordSecret {
    /// Opens a text of this report.
    pub fn open(&self, slot: Slot, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (name, place) = slot.label();
        open(&self.secret, &aad(self.report, name, place), &sealed.0.0)
    }

    /// Opens a message of the thread.
    pub fn message(&self, place: usize, sealed: &Sealed) -> Result<Secret, VaultError> {
        let bytes = self.open(Slot::Message(place), sealed)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| VaultError::Sealed)?;
        Ok(Secret::new(text))
    }
}

impl Slot {
    fn label(self) -> (&'static str, usize) {
        match self {
            Self::Contents => ("contents", 0),
            Self::Message(place) => ("message", place),
        }
    }
}

/// What binds a sealed text to its place.
fn aad(report: ReportId, name: &str, place: usize) -> Vec<u8> {
    format!("{report}/{name}/{place}").into_bytes()
}

fn seal(to: &HpkePublicKey, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, VaultError> {
    let (encapsulated, ciphertext) = SUITE.seal(INFO, aad, plaintext, to).map_err(|_| VaultError::Cipher)?;
    Ok([encapsulated.0, ciphertext].concat())
}

fn open(by: &HpkePrivateKey, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (encapsulated, ciphertext) = sealed.split_at_checked(ENCAPSULATED).ok_or(VaultError::Sealed)?;
    let encapsulated = EncapsulatedSecret(encapsulated.to_vec());
    SUITE.open(&encapsulated, INFO, aad, ciphertext, by).map(Zeroizing::new).map_err(|_| VaultError::Sealed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    fn vault() -> Vault {
        let text = Vault::fresh_key(&SeededRandom::new(1)).expect("key");
        Vault::open(&text).expect("vault").with_rounds(NonZeroU32::new(10).expect("10"))
    }

    fn id(number: u8) -> ReportId {
        ReportId::from_bytes([number; 16])
    }

    #[test]
    fn what_is_sealed_opens_in_its_own_place_alone() {
        let vault = vault();
        let (key, wrapped) = vault.new_record(id(1)).expect("record");
        let sealed = key.seal(Slot::Message(3), b"words").expect("sealed");
        let kept = RecordKey::of(id(1), &key.public());
        let later = kept.seal(Slot::Message(4), b"more").expect("sealed");
        let secret = vault.open_record(id(1), &wrapped).expect("opened");
        assert_eq!(secret.message(3, &sealed).expect("text").expose(), "words");
        assert_eq!(secret.message(4, &later).expect("text").expose(), "more");
        assert_eq!(secret.message(4, &sealed).err(), Some(VaultError::Sealed));
        assert_eq!(secret.open(Slot::Contents, &sealed).err(), Some(VaultError::Sealed));
        assert!(vault.open_record(id(2), &wrapped).is_err(), "another report's key");
        assert!(self::vault().open_record(id(1), &wrapped).is_err(), "another vault");
    }

    #[test]
    fn every_changed_byte_is_noticed_and_no_plaintext_shows() {
        let vault = vault();
        let (key, wrapped) = vault.new_record(id(1)).expect("record");
        let sealed = key.seal(Slot::Contents, b"canary words").expect("sealed");
        assert!(!sealed.0.0.windows(6).any(|window| window == b"canary"));
        let secret = vault.open_record(id(1), &wrapped).expect("opened");
        for place in 0..sealed.0.0.len() {
            let mut changed = sealed.clone();
            changed.0.0[place] ^= 1;
            assert!(secret.open(Slot::Contents, &changed).is_err(), "byte {place}");
        }
        for length in 0..sealed.0.0.len() {
            let cut = Sealed(ByteString(sealed.0.0[..length].to_vec()));
            assert!(secret.open(Slot::Contents, &cut).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_key_file_is_read_back_and_others_are_refused() {
        let text = Vault::fresh_key(&SeededRandom::new(1)).expect("key");
        assert!(Vault::open(&text).is_ok());
        for other in ["", "wardmote-vault-key/1\n", &text.replace("key/1", "key/2"), &text[..text.len() - 9]]
        {
            assert_eq!(Vault::open(other).err(), Some(VaultError::Key));
        }
        assert_eq!(format!("{:?}", Vault::open(&text).expect("vault")), "Vault(…)");
    }

    #[test]
    fn a_code_has_one_receipt_and_another_code_another() {
        let (one, other) = (vault(), self::vault());
        let code = Code::from_bytes([1; 9]);
        assert!(one.receipt(&code).matches(&one.receipt(&code)));
        assert!(!one.receipt(&code).matches(&one.receipt(&Code::from_bytes([2; 9]))));
        // Same seed, same salt: the salt is part of the key file.
        assert!(one.receipt(&code).matches(&other.receipt(&code)));
        assert_ne!(*one.derive("a", b"x"), *one.derive("b", b"x"));
        assert_ne!(*one.derive("a", b"x"), *one.derive("a", b"y"));
    }
}
