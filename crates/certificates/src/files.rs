//! Reading PEM files, and writing key files that only their owner can read.

use crate::error::CertificateError;
use rustls::pki_types::pem::{PemObject, SectionKind};
use rustls::pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

const FILE_BYTES_MAX: u64 = 1 << 20;

/// A private key as DER, wiped when dropped.
pub(crate) struct SecretKey {
    kind: SectionKind,
    der: Zeroizing<Vec<u8>>,
}

impl SecretKey {
    /// The first private key of a PEM text.
    pub(crate) fn from_pem(pem: &[u8]) -> Option<Self> {
        let sections = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem).map_while(Result::ok);
        let mut sections = sections.map(|(kind, der)| Self { kind, der: Zeroizing::new(der) });
        sections.find(|section| {
            matches!(
                section.kind,
                SectionKind::PrivateKey | SectionKind::EcPrivateKey | SectionKind::RsaPrivateKey
            )
        })
    }

    /// A key just made, in PKCS #8.
    pub(crate) fn from_pkcs8(der: Vec<u8>) -> Self {
        Self::of(SectionKind::PrivateKey, der)
    }

    /// A key of a known form.
    pub(crate) fn of(kind: SectionKind, der: Vec<u8>) -> Self {
        Self { kind, der: Zeroizing::new(der) }
    }

    /// Its form.
    pub(crate) fn kind(&self) -> SectionKind {
        self.kind
    }

    /// Its DER bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.der
    }

    /// Borrowed for the cryptographic library.
    pub(crate) fn as_der(&self) -> PrivateKeyDer<'_> {
        let der = self.der.as_slice();
        match self.kind {
            SectionKind::RsaPrivateKey => PrivatePkcs1KeyDer::from(der).into(),
            SectionKind::EcPrivateKey => PrivateSec1KeyDer::from(der).into(),
            _ => PrivatePkcs8KeyDer::from(der).into(),
        }
    }
}

/// The certificates of a PEM text in order; none if any block is broken.
pub(crate) fn certificates(pem: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    chain.ok().filter(|chain| !chain.is_empty())
}

/// The bytes of a PEM file, wiped when dropped.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, CertificateError> {
    let refuse = |source| CertificateError::Read { path: path.to_owned(), source };
    let file = File::open(path).map_err(refuse)?;
    let length = file.metadata().map_err(refuse)?.len();
    if length > FILE_BYTES_MAX {
        return Err(CertificateError::TooLarge { path: path.to_owned() });
    }
    // Reserved at once: a buffer that grows leaves copies of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(length).unwrap_or(0) + 1));
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(refuse)?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(CertificateError::TooLarge { path: path.to_owned() });
    }
    Ok(bytes)
}

/// Makes a folder that only its owner can enter, with its parents.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Writes a new file with the given permissions, whole or not at all, and waits for the disk.
pub(crate) fn write_new(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
