//! Officers' keys: public keys and signatures in documents, secret keys in `officers/*.key` files.

use crate::approval::{Approval, approval_digest};
use crate::{Pseudonym, Role};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use vocabulary::{Digest, Random};
use zeroize::Zeroizing;

#[cfg(test)]
mod tests;

/// An Ed25519 public key (RFC 8032); base64 in documents. Always a point that is not of small order.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct PublicKey(VerifyingKey);

/// An Ed25519 signature; base64 in documents.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(ed25519_dalek::Signature);

/// An officer's secret key with the name and role it acts under. Wiped when dropped.
///
/// Its file has five lines, each ended by a line feed: the format, then `pseudonym: `, `role: `,
/// `public: ` and `secret: ` with base64 values.
pub struct OfficerKey {
    pseudonym: Pseudonym,
    role: Role,
    signing: SigningKey,
}

/// Why a text is no key, signature or key file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not the base64 of the right number of bytes.
    #[error("not {bytes} bytes in standard base64 with padding")]
    Encoding {
        /// How many bytes are needed.
        bytes: usize,
    },
    /// Bytes that are no usable Ed25519 key.
    #[error("not a usable Ed25519 public key")]
    Point,
    /// A line of a key file is missing or something else.
    #[error("line {line} of an officer key file must read \"{wanted}\"")]
    Line {
        /// Counted from 1.
        line: usize,
        /// How the line begins.
        wanted: &'static str,
    },
    /// The public key in the file is not that of its secret.
    #[error("the public key in the file does not belong to its secret key")]
    Mismatch,
}

impl PublicKey {
    /// Takes 32 bytes as a key; refuses points that would let one signature fit many messages.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::Point)?;
        if key.is_weak() { Err(KeyError::Point) } else { Ok(Self(key)) }
    }

    /// Reads base64.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Self::from_bytes(&decode(text)?)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }

    /// Whether a signature over a digest is this key's (RFC 8032 verification without leniency).
    pub fn verifies(&self, digest: &Digest, signature: &Signature) -> bool {
        self.0.verify_strict(digest.as_bytes(), &signature.0).is_ok()
    }
}

impl Signature {
    /// Reads base64.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        Ok(Self(ed25519_dalek::Signature::from_bytes(&decode(text)?)))
    }
}

const FORMAT_LINE: &str = "wardmote-officer-key/1";

impl OfficerKey {
    /// A fresh key.
    pub fn generate(random: &dyn Random, pseudonym: Pseudonym, role: Role) -> Self {
        let seed = Zeroizing::new(random.bytes::<32>());
        Self { pseudonym, role, signing: SigningKey::from_bytes(&seed) }
    }

    /// The key file's text.
    pub fn to_text(&self) -> Zeroizing<String> {
        let secret = Zeroizing::new(STANDARD.encode(self.signing.as_bytes()));
        Zeroizing::new(format!(
            "{FORMAT_LINE}\npseudonym: {}\nrole: {}\npublic: {}\nsecret: {}\n",
            self.pseudonym,
            self.role,
            self.public(),
            secret.as_str()
        ))
    }

    /// Reads a key file.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut lines = text.lines().enumerate();
        let mut value = |wanted: &'static str| {
            let (place, line) = lines.next().unwrap_or((text.lines().count(), ""));
            line.strip_prefix(wanted).ok_or(KeyError::Line { line: place + 1, wanted })
        };
        if !value(FORMAT_LINE)?.is_empty() {
            return Err(KeyError::Line { line: 1, wanted: FORMAT_LINE });
        }
        let pseudonym = value("pseudonym: ")?
            .parse()
            .map_err(|_| KeyError::Line { line: 2, wanted: "pseudonym: lower-case-name" })?;
        let role = value("role: ")?
            .parse()
            .map_err(|_| KeyError::Line { line: 3, wanted: "role: assessor (or another role)" })?;
        let public = PublicKey::parse(value("public: ")?)?;
        let secret = Zeroizing::new(decode::<32>(value("secret: ")?)?);
        if let Some((place, _)) = lines.next() {
            return Err(KeyError::Line { line: place + 1, wanted: "" });
        }
        let signing = SigningKey::from_bytes(&secret);
        if signing.verifying_key() != public.0 {
            return Err(KeyError::Mismatch);
        }
        Ok(Self { pseudonym, role, signing })
    }

    /// Approves a record: signs the domain-separated digest of its exact bytes.
    pub fn approve(&self, body: &[u8]) -> Approval {
        self.sign(&approval_digest(body))
    }

    /// Signs a digest made by [`approval_digest`].
    pub fn sign(&self, digest: &Digest) -> Approval {
        let signature = Signature(self.signing.sign(digest.as_bytes()));
        Approval { key: self.public(), role: self.role, signature }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.signing.verifying_key())
    }

    /// The name it acts under.
    pub fn pseudonym(&self) -> &Pseudonym {
        &self.pseudonym
    }

    /// The role it acts in.
    pub fn role(&self) -> Role {
        self.role
    }
}

/// Strict: standard alphabet, padding, no stray bits, so each value has one text.
fn decode<const N: usize>(text: &str) -> Result<[u8; N], KeyError> {
    let refuse = KeyError::Encoding { bytes: N };
    let bytes = Zeroizing::new(STANDARD.decode(text).map_err(|_| refuse.clone())?);
    bytes.as_slice().try_into().map_err(|_| refuse)
}

impl fmt::Debug for OfficerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OfficerKey({}, {}, secret not shown)", self.pseudonym, self.role)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.as_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0.to_bytes()))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(de::Error::custom)
    }
}
