//! Why a certificate cannot be used, each with what to do about it.

use crate::vault::VaultError;
use std::path::PathBuf;
use vocabulary::{Hostname, SitePattern, Timestamp};

/// A site's certificate cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {source}; check the path and that this process may read it", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Larger than any chain or key.
    #[error("{path} is larger than 1 MiB; a PEM chain or key is expected there", path = path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// No `BEGIN CERTIFICATE` block, or broken PEM.
    #[error("{path} holds no certificate in PEM form; it must have one or more BEGIN CERTIFICATE blocks, the site's own first", path = path.display())]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// No key block, or broken PEM.
    #[error("{path} holds no private key in PEM form; it must have a BEGIN PRIVATE KEY, EC PRIVATE KEY or RSA PRIVATE KEY block, not encrypted", path = path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A kind or size of key that TLS here does not use, or damaged.
    #[error("the private key in {path} cannot be used; use ECDSA P-256 or P-384, RSA of 2048 bits or more, or Ed25519", path = path.display())]
    UnusableKey {
        /// The file.
        path: PathBuf,
    },
    /// Not an X.509 certificate.
    #[error(
        "certificate {number} of the chain cannot be parsed; export the chain again from where it was issued"
    )]
    Malformed {
        /// Place in the chain, from 1.
        number: usize,
    },
    /// The chain's order is wrong.
    #[error(
        "certificate {number} of the chain was not issued by the one after it; put the site's own certificate first and each issuer after what it issued"
    )]
    Order {
        /// Place in the chain, from 1.
        number: usize,
    },
    /// The first certificate belongs to an authority.
    #[error("the first certificate of the chain is an authority's; put the site's own certificate first")]
    AuthorityFirst,
    /// The key belongs to another certificate.
    #[error(
        "the private key does not belong to the first certificate of the chain; give the key that the certificate was issued for"
    )]
    KeyMismatch,
    /// Not valid yet.
    #[error(
        "certificate {number} of the chain is valid only from {from}; check this machine's clock, or wait"
    )]
    NotYetValid {
        /// Place in the chain, from 1.
        number: usize,
        /// Start of validity.
        from: Timestamp,
    },
    /// No longer valid.
    #[error("certificate {number} of the chain expired at {at}; renew it")]
    Expired {
        /// Place in the chain, from 1.
        number: usize,
        /// End of validity.
        at: Timestamp,
    },
    /// A host name of the site is not in the certificate.
    #[error(
        "the certificate does not cover {host}; it covers {covered}; get one that names it, or take the name off the site"
    )]
    Uncovered {
        /// The site's host name.
        host: SitePattern,
        /// The certificate's names, shortened.
        covered: String,
    },
    /// The local authority signs only for reserved names.
    #[error(
        "the local authority signs only for loopback addresses and names under test, example, localhost or invalid, not for {host}; give the site a certificate (upload it, or name its chain and key files), or have one ordered: [acme] with accept_terms = true"
    )]
    OutsideAuthority {
        /// The site's host name.
        host: Hostname,
    },
    /// It cannot be kept.
    #[error("the certificate cannot be kept: {0}")]
    Keep(#[from] VaultError),
    /// The cryptographic library refused.
    #[error("the certificate cannot be issued: {0}")]
    Issue(String),
}
