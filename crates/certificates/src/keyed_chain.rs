//! A chain and its private key, read but not yet checked for a site.

use crate::certificate::Certificate;
use crate::error::CertificateError;
use crate::files::{self, SecretKey};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::SectionKind;
use rustls::sign::CertifiedKey;
use std::fmt;
use std::path::{Path, PathBuf};
use vocabulary::{SitePattern, Timestamp};
use zeroize::Zeroizing;

/// The only layout of the encoded form so far.
const LAYOUT: u8 = 1;

/// A chain, the site's own certificate first, and the key to it. The key is wiped when this is dropped.
pub struct KeyedChain {
    chain: Vec<CertificateDer<'static>>,
    key: SecretKey,
}

impl KeyedChain {
    /// Reads two PEM texts, as an upload brings them. Errors name them `chain` and `key`.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Self, CertificateError> {
        Self::parse(chain, Path::new("chain"), key, Path::new("key"))
    }

    /// Reads two PEM files.
    pub fn from_files(chain: &Path, key: &Path) -> Result<Self, CertificateError> {
        let (chain_pem, key_pem) = (files::read(chain)?, files::read(key)?);
        Self::parse(&chain_pem, chain, &key_pem, key)
    }

    pub(crate) fn new(chain: Vec<CertificateDer<'static>>, key: SecretKey) -> Self {
        Self { chain, key }
    }

    fn parse(chain: &[u8], chain_name: &Path, key: &[u8], key_name: &Path) -> Result<Self, CertificateError> {
        let named = |path: &Path| PathBuf::from(path);
        let chain = files::certificates(chain)
            .ok_or_else(|| CertificateError::NoCertificate { path: named(chain_name) })?;
        let key =
            SecretKey::from_pem(key).ok_or_else(|| CertificateError::NoKey { path: named(key_name) })?;
        any_supported_type(&key.as_der())
            .map_err(|_| CertificateError::UnusableKey { path: named(key_name) })?;
        Ok(Self { chain, key })
    }

    /// Checks everything for a site: order of the chain, key, dates, names (see [`Certificate`]).
    pub fn certify(&self, hosts: &[SitePattern], now: Timestamp) -> Result<Certificate, CertificateError> {
        Certificate::check(self.certified()?, hosts, now)
    }

    /// Takes what was certified before it was sealed: only the certificates are read again.
    pub(crate) fn trusted(&self) -> Result<Certificate, CertificateError> {
        Certificate::checked_before(self.certified()?)
    }

    fn certified(&self) -> Result<CertifiedKey, CertificateError> {
        let key = any_supported_type(&self.key.as_der())
            .map_err(|_| CertificateError::UnusableKey { path: PathBuf::from("key") })?;
        Ok(CertifiedKey::new(self.chain.clone(), key))
    }

    /// The site's own certificate.
    pub(crate) fn first(&self) -> Option<&CertificateDer<'static>> {
        self.chain.first()
    }

    /// The bytes that are sealed: layout, kind of key, key, then each certificate, with 4-byte lengths.
    pub(crate) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let key = self.key.bytes();
        let chain: usize = self.chain.iter().map(|der| der.len() + 4).sum();
        // Reserved at once: a buffer that grows leaves copies of the key behind.
        let mut out = Zeroizing::new(Vec::with_capacity(6 + key.len() + chain));
        out.extend([LAYOUT, kind_byte(self.key.kind())]);
        for part in std::iter::once(key).chain(self.chain.iter().map(AsRef::as_ref)) {
            out.extend(u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }

    /// The inverse of [`KeyedChain::encode`]; none for anything else.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let ([LAYOUT, kind], rest) = bytes.split_first_chunk::<2>().map(|(head, rest)| (*head, rest))? else {
            return None;
        };
        let (key, mut rest) = part(rest)?;
        let key = SecretKey::of(byte_kind(kind)?, key.to_vec());
        let mut chain = Vec::new();
        while !rest.is_empty() {
            let (der, after) = part(rest)?;
            chain.push(CertificateDer::from(der.to_vec()));
            rest = after;
        }
        (!chain.is_empty()).then_some(Self { chain, key })
    }
}

impl fmt::Debug for KeyedChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedChain").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

fn part(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

fn kind_byte(kind: SectionKind) -> u8 {
    match kind {
        SectionKind::RsaPrivateKey => 1,
        SectionKind::EcPrivateKey => 2,
        _ => 0,
    }
}

fn byte_kind(byte: u8) -> Option<SectionKind> {
    match byte {
        0 => Some(SectionKind::PrivateKey),
        1 => Some(SectionKind::RsaPrivateKey),
        2 => Some(SectionKind::EcPrivateKey),
        _ => None,
    }
}
