//! The local authority: an own CA for loopback and reserved names.
//!
//! Made on first start and kept in its folder: `ca.pem`, for people to trust, and `ca.key`, readable by
//! its owner alone. Its name constraints (RFC 5280 §4.2.1.10) bind whoever trusts it: it can never vouch
//! for a name on the internet, even if its key is stolen.

use crate::certificate::Certificate;
use crate::error::CertificateError;
use crate::files::{self, SecretKey};
use crate::keyed_chain::KeyedChain;
use crate::x509::Facts;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, NameConstraints, SanType, date_time_ymd,
};
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::CertificateDer;
use rustls::sign::CertifiedKey;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::time::Duration;
use vocabulary::{SitePattern, Timestamp};
use zeroize::{Zeroize, Zeroizing};

const DAY: Duration = Duration::from_secs(86_400);
/// Ten years.
const AUTHORITY_DAYS: u32 = 3_650;
/// A leaf lives a week and is replaced when a third is left.
const LEAF_DAYS: u32 = 7;
/// Clocks of visitors may be slow.
const BACKDATE: Duration = Duration::from_secs(3_600);
/// Names under these never resolve on the internet (RFC 6761); the same as `Hostname::is_reserved`.
const RESERVED: [&str; 4] = ["test", "example", "localhost", "invalid"];

/// The local authority cannot be opened or made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuthorityError {
    /// Reading or writing failed.
    #[error("the local authority's file {path} cannot be used: {source}; check permissions and free space", path = path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// One of the two files is there and the other not.
    #[error("the local authority in {folder} is incomplete; restore ca.pem and ca.key together, or remove both to have a new one made", folder = folder.display())]
    Incomplete {
        /// Where it lies.
        folder: PathBuf,
    },
    /// The files do not hold an authority and its key.
    #[error("the local authority in {folder} is damaged ({what}); restore ca.pem and ca.key from a backup, or remove both to have a new one made and trust that", folder = folder.display())]
    Damaged {
        /// Where it lies.
        folder: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// Its ten years are over, or the clock is wrong.
    #[error("the local authority in {folder} is valid from {from} to {to}, and it is {now}; check this machine's clock, or remove ca.pem and ca.key to have a new one made and trust that", folder = folder.display())]
    OutOfDate {
        /// Where it lies.
        folder: PathBuf,
        /// Start of validity.
        from: Timestamp,
        /// End of validity.
        to: Timestamp,
        /// The clock's reading.
        now: Timestamp,
    },
    /// The cryptographic library refused.
    #[error("the local authority cannot be made: {0}")]
    Make(String),
}

/// The local authority, opened.
pub struct LocalAuthority {
    issuer: Issuer<'static, SigningKey>,
    der: CertificateDer<'static>,
    not_after: Timestamp,
    path: PathBuf,
    made_now: bool,
}

impl LocalAuthority {
    /// Opens the authority in `folder`, or makes it there when neither of its files exists.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let (certificate, key) = (folder.join("ca.pem"), folder.join("ca.key"));
        let there = |path: &Path| {
            path.try_exists().map_err(|source| AuthorityError::File { path: path.to_owned(), source })
        };
        match (there(&certificate)?, there(&key)?) {
            (true, true) => Self::read(folder, &certificate, &key, now),
            (false, false) => {
                make(folder, &certificate, &key, now)?;
                let opened = Self::read(folder, &certificate, &key, now)?;
                Ok(Self { made_now: true, ..opened })
            }
            (false, true) | (true, false) => Err(AuthorityError::Incomplete { folder: folder.to_owned() }),
        }
    }

    fn read(folder: &Path, certificate: &Path, key: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let damaged = |what| AuthorityError::Damaged { folder: folder.to_owned(), what };
        let pem = read_file(certificate)?;
        let key_pem = read_file(key)?;
        let chain = files::certificates(&pem).ok_or_else(|| damaged("ca.pem holds no certificate"))?;
        let der = chain.into_iter().next().ok_or_else(|| damaged("ca.pem holds no certificate"))?;
        let facts = Facts::read(&der).filter(|facts| facts.is_authority);
        let facts = facts.ok_or_else(|| damaged("ca.pem holds no authority's certificate"))?;
        let text = std::str::from_utf8(&key_pem).map_err(|_| damaged("ca.key holds no key"))?;
        let pair = KeyPair::from_pem(text).map_err(|_| damaged("ca.key holds no key"))?;
        let pair = SigningKey(pair);
        let belongs = pair.certified(vec![der.clone()]).is_some_and(|key| key.keys_match().is_ok());
        if !belongs {
            return Err(damaged("ca.key does not belong to ca.pem"));
        }
        if now < facts.not_before || now > facts.not_after {
            let (from, to) = (facts.not_before, facts.not_after);
            return Err(AuthorityError::OutOfDate { folder: folder.to_owned(), from, to, now });
        }
        let issuer = Issuer::from_ca_cert_der(&der, pair);
        let issuer = issuer.map_err(|_| damaged("ca.pem has a form this software did not write"))?;
        let path = certificate.to_owned();
        Ok(Self { issuer, der, not_after: facts.not_after, path, made_now: false })
    }

    /// The file that people import to trust this authority.
    pub fn certificate_path(&self) -> &Path {
        &self.path
    }

    /// Whether this start made it.
    pub fn is_new(&self) -> bool {
        self.made_now
    }

    /// The authority's certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.der
    }

    /// Issues a certificate for the hosts of a site, valid for a week.
    pub fn issue(&self, hosts: &[SitePattern], now: Timestamp) -> Result<Certificate, CertificateError> {
        self.issue_chain(hosts, now).map(|(_, certificate)| certificate)
    }

    /// The same with the key, for who keeps it.
    pub fn issue_chain(
        &self,
        hosts: &[SitePattern],
        now: Timestamp,
    ) -> Result<(KeyedChain, Certificate), CertificateError> {
        if let Some(outside) = hosts.iter().find(|host| !host.base().is_reserved()) {
            return Err(CertificateError::OutsideAuthority { host: outside.base().clone() });
        }
        let failed = |error: rcgen::Error| CertificateError::Issue(error.to_string());
        let pair = SigningKey(KeyPair::generate().map_err(failed)?);
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Wardmote site");
        params.subject_alt_names = hosts.iter().map(alt_name).collect::<Result<_, _>>()?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        let end = now.plus(DAY * LEAF_DAYS).min(self.not_after);
        set_validity(&mut params, now.minus(BACKDATE), end);
        let leaf = params.signed_by(&pair.0, &self.issuer).map_err(failed)?;
        let secret = SecretKey::from_pkcs8(pair.0.serialize_der());
        let chain = KeyedChain::new(vec![leaf.der().clone()], secret);
        let certificate = chain.certify(hosts, now)?;
        Ok((chain, certificate))
    }
}

impl std::fmt::Debug for LocalAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalAuthority").field("path", &self.path).finish_non_exhaustive()
    }
}

/// A key pair whose serialized form is wiped when dropped.
struct SigningKey(KeyPair);

impl SigningKey {
    fn certified(&self, chain: Vec<CertificateDer<'static>>) -> Option<CertifiedKey> {
        let secret = SecretKey::from_pkcs8(self.0.serialize_der());
        any_supported_type(&secret.as_der()).ok().map(|key| CertifiedKey::new(chain, key))
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl rcgen::PublicKeyData for SigningKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl rcgen::SigningKey for SigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        rcgen::SigningKey::sign(&self.0, message)
    }
}

fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, AuthorityError> {
    files::read(path).map_err(|error| {
        let source = match error {
            CertificateError::Read { source, .. } => source,
            other => io::Error::other(other.to_string()),
        };
        AuthorityError::File { path: path.to_owned(), source }
    })
}

fn make(folder: &Path, certificate: &Path, key: &Path, now: Timestamp) -> Result<(), AuthorityError> {
    let failed = |error: rcgen::Error| AuthorityError::Make(error.to_string());
    let pair = SigningKey(KeyPair::generate().map_err(failed)?);
    let authority = authority_params(now, &pair.0).self_signed(&pair.0).map_err(failed)?;
    let key_pem = Zeroizing::new(pair.0.serialize_pem());
    let file = |path: &Path, source| AuthorityError::File { path: path.to_owned(), source };
    files::make_private_folder(folder).map_err(|error| file(folder, error))?;
    files::write_new(key, 0o600, key_pem.as_bytes()).map_err(|error| file(key, error))?;
    files::write_new(certificate, 0o644, authority.pem().as_bytes()).map_err(|error| file(certificate, error))
}

fn authority_params(now: Timestamp, pair: &KeyPair) -> CertificateParams {
    let mut params = CertificateParams::default();
    // Two authorities in one trust store must be told apart, by people and by software.
    let id: String = params.key_identifier(pair).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    params.distinguished_name.push(DnType::OrganizationName, "Wardmote");
    params.distinguished_name.push(DnType::CommonName, format!("Wardmote local authority {id}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, now.minus(BACKDATE), now.plus(DAY * AUTHORITY_DAYS));
    let names = RESERVED.iter().map(|name| GeneralSubtree::DnsName((*name).to_owned()));
    let loopback = [
        CidrSubnet::from_addr_prefix(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 0)), 8),
        CidrSubnet::from_addr_prefix(IpAddr::V6(Ipv6Addr::LOCALHOST), 128),
    ];
    params.name_constraints = Some(NameConstraints {
        permitted_subtrees: names.chain(loopback.map(GeneralSubtree::IpAddress)).collect(),
        excluded_subtrees: Vec::new(),
    });
    params
}

fn alt_name(host: &SitePattern) -> Result<SanType, CertificateError> {
    if let Some(ip) = host.base().ip() {
        return Ok(SanType::IpAddress(ip));
    }
    let name = host.to_string().try_into();
    name.map(SanType::DnsName).map_err(|_| CertificateError::Issue(format!("{host} is no DNS name")))
}

/// Whole seconds, as certificates write them. The additions stay below the year 9999 as a `Timestamp` does.
fn set_validity(params: &mut CertificateParams, from: Timestamp, to: Timestamp) {
    let since_epoch = |instant: Timestamp| Duration::from_secs(u64::try_from(instant.as_secs()).unwrap_or(0));
    params.not_before = date_time_ymd(1970, 1, 1) + since_epoch(from);
    params.not_after = date_time_ymd(1970, 1, 1) + since_epoch(to);
}
