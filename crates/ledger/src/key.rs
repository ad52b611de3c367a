//! Keys of logs and witnesses, in the text forms of C2SP signed-note ("Verifier keys").
//!
//! A verifier key is `name+id+base64(type ‖ public key)`, a signer key
//! `PRIVATE+KEY+name+id+base64(type ‖ seed)` as Go's `sumdb/note` writes it. The id is the first four
//! bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ public key)`.

use crate::base64_text;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;
use vocabulary::Random;
use zeroize::Zeroizing;

/// Longest key name we take, in bytes; the ML-DSA-44 message of tlog-cosignature sets the same bound.
const NAME_MAX: usize = 255;
/// Bytes of an ML-DSA-44 public key (FIPS 204).
const ML_DSA_44_KEY: usize = 1312;

/// Signature types of signed-note that we know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Algorithm {
    /// Ed25519 over the note text: what logs sign with.
    Ed25519 = 0x01,
    /// Timestamped Ed25519 cosignatures: what witnesses sign with (tlog-cosignature).
    CosignatureV1 = 0x04,
    /// Timestamped ML-DSA-44 cosignatures; read and sized for, not yet verified.
    MlDsa44 = 0x06,
}

/// A public key of a log or witness, with its name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VerifierKey {
    name: String,
    algorithm: Algorithm,
    public: Vec<u8>,
}

/// A secret key of a log or witness; wiped from memory when dropped.
pub struct SignerKey {
    name: String,
    algorithm: Algorithm,
    secret: SigningKey,
}

/// Why a text is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not of the shape `name+id+base64`.
    #[error("not a key in signed-note form; a verifier key is written name+id+base64")]
    Malformed,
    /// Names are not empty and hold neither spaces nor a plus sign.
    #[error("not a key name: {0:?}; it has 1 to 255 bytes and no spaces or plus signs")]
    Name(String),
    /// A signature type we do not know, or the wrong one for this use.
    #[error("keys of signature type {0:#04x} are not taken here")]
    Algorithm(u8),
    /// The id does not belong to name and key.
    #[error("the key id of {0:?} does not belong to its name and key")]
    Id(String),
}

/// Checks a key name (signed-note, "Format").
pub(crate) fn check_name(name: &str) -> Result<(), KeyError> {
    if signed_note::is_key_name_valid(name) && name.len() <= NAME_MAX && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(KeyError::Name(name.chars().take(80).collect()))
}

impl Algorithm {
    fn of(byte: u8) -> Result<Self, KeyError> {
        match byte {
            0x01 => Ok(Self::Ed25519),
            0x04 => Ok(Self::CosignatureV1),
            0x06 => Ok(Self::MlDsa44),
            other => Err(KeyError::Algorithm(other)),
        }
    }
}

impl VerifierKey {
    fn new(name: &str, algorithm: Algorithm, public: &[u8]) -> Result<Self, KeyError> {
        check_name(name)?;
        let good = match algorithm {
            Algorithm::Ed25519 | Algorithm::CosignatureV1 => {
                let bytes = public.try_into().map_err(|_| KeyError::Malformed)?;
                VerifyingKey::from_bytes(bytes).is_ok_and(|key| !key.is_weak())
            }
            Algorithm::MlDsa44 => public.len() == ML_DSA_44_KEY,
        };
        if !good {
            return Err(KeyError::Malformed);
        }
        Ok(Self { name: name.to_owned(), algorithm, public: public.to_vec() })
    }

    /// The key's name: the origin of a log, or a witness's own.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public key's bytes, without the type.
    pub fn public(&self) -> &[u8] {
        &self.public
    }

    /// The four-byte id.
    pub fn id(&self) -> u32 {
        signed_note::key_id(&self.name, &self.typed())
    }

    fn typed(&self) -> Vec<u8> {
        [&[self.algorithm as u8], self.public.as_slice()].concat()
    }

    /// Checks an Ed25519 signature (RFC 8032), refusing weak keys and every second spelling of a
    /// signature. False for keys of other algorithms.
    pub(crate) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        let ed25519 = self.algorithm != Algorithm::MlDsa44;
        let key = <&[u8; 32]>::try_from(self.public.as_slice()).ok().map(VerifyingKey::from_bytes);
        let (true, Some(Ok(key)), Ok(signature)) = (ed25519, key, Signature::from_slice(signature)) else {
            return false;
        };
        key.verify_strict(message, &signature).is_ok()
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Malformed);
        };
        let typed = base64_text::decode(key).ok_or(KeyError::Malformed)?;
        let (first, public) = typed.split_first().ok_or(KeyError::Malformed)?;
        let key = Self::new(name, Algorithm::of(*first)?, public)?;
        if format!("{:08x}", key.id()) == id { Ok(key) } else { Err(KeyError::Id(key.name)) }
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{:08x}+{}", self.name, self.id(), base64_text::encode(&self.typed()))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for VerifierKey {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for VerifierKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl SignerKey {
    /// A fresh key for a log; `name` is the log's origin.
    pub fn for_log(random: &dyn Random, name: &str) -> Result<Self, KeyError> {
        Self::fresh(random, name, Algorithm::Ed25519)
    }

    /// A fresh key for a witness.
    pub fn for_witness(random: &dyn Random, name: &str) -> Result<Self, KeyError> {
        Self::fresh(random, name, Algorithm::CosignatureV1)
    }

    fn fresh(random: &dyn Random, name: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        check_name(name)?;
        let mut seed = Zeroizing::new([0; 32]);
        random.fill(seed.as_mut());
        Ok(Self { name: name.to_owned(), algorithm, secret: SigningKey::from_bytes(&seed) })
    }

    /// The key's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The public half.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey {
            name: self.name.clone(),
            algorithm: self.algorithm,
            public: self.secret.verifying_key().to_bytes().to_vec(),
        }
    }

    /// The text to keep in a file that only its owner can read.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut typed = Zeroizing::new(vec![self.algorithm as u8]);
        typed.extend_from_slice(Zeroizing::new(self.secret.to_bytes()).as_ref());
        let seed = Zeroizing::new(base64_text::encode(&typed));
        Zeroizing::new(format!("PRIVATE+KEY+{}+{:08x}+{}", self.name, self.verifier().id(), *seed))
    }

    /// Reads [`SignerKey::to_text`] back; white space around it is ignored.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let rest = text.trim().strip_prefix("PRIVATE+KEY+").ok_or(KeyError::Malformed)?;
        let mut parts = rest.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Malformed);
        };
        check_name(name)?;
        let typed = Zeroizing::new(base64_text::decode(key).ok_or(KeyError::Malformed)?);
        let (first, seed) = typed.split_first().ok_or(KeyError::Malformed)?;
        let algorithm = Algorithm::of(*first)?;
        if algorithm == Algorithm::MlDsa44 {
            return Err(KeyError::Algorithm(*first));
        }
        let secret = SigningKey::try_from(seed).map_err(|_| KeyError::Malformed)?;
        let key = Self { name: name.to_owned(), algorithm, secret };
        if format!("{:08x}", key.verifier().id()) == id { Ok(key) } else { Err(KeyError::Id(key.name)) }
    }

    pub(crate) fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        self.secret.sign(message).to_bytes()
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.verifier())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    /// The example key pair of Go's `golang.org/x/mod/sumdb/note` documentation.
    const GO_SIGNER: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const GO_VERIFIER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn keys_of_other_tools_are_read_and_written_back() {
        let signer = SignerKey::parse(GO_SIGNER).expect("signer");
        assert_eq!(signer.verifier().to_string(), GO_VERIFIER);
        assert_eq!(*signer.to_text(), GO_SIGNER);
        assert_eq!(GO_VERIFIER.parse(), Ok(signer.verifier()));
    }

    #[test]
    fn fresh_keys_round_trip_and_differ_by_use() {
        let random = SeededRandom::new(1);
        let log = SignerKey::for_log(&random, "log.test/1").expect("key");
        let witness = SignerKey::for_witness(&random, "witness.test").expect("key");
        for key in [&log, &witness] {
            let again = SignerKey::parse(&format!("{}\n", *key.to_text())).expect("text");
            assert_eq!(again.verifier(), key.verifier());
            assert_eq!(key.verifier().to_string().parse(), Ok(key.verifier()));
        }
        assert_eq!(log.algorithm(), Algorithm::Ed25519);
        assert_eq!(witness.algorithm(), Algorithm::CosignatureV1);
        assert!(!format!("{log:?}").contains("PRIVATE"));
    }

    #[test]
    fn changed_keys_are_refused() {
        for at in 0..GO_VERIFIER.len() {
            let mut bytes = GO_VERIFIER.as_bytes().to_vec();
            bytes[at] ^= 1;
            if let Ok(text) = std::str::from_utf8(&bytes) {
                assert!(text.parse::<VerifierKey>().is_err(), "{text}");
            }
        }
        for text in ["", "a+b", "a b+00000000+AQ==", "++", "x+c74f20a3+", "PRIVATE+KEY+a+b+c"] {
            assert!(text.parse::<VerifierKey>().is_err(), "{text}");
            assert!(SignerKey::parse(text).is_err(), "{text}");
        }
        let weak = [0u8; 32];
        assert_eq!(VerifierKey::new("w", Algorithm::Ed25519, &weak), Err(KeyError::Malformed));
    }
}
