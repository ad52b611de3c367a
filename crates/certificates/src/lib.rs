//! Certificates of sites and the local authority that signs for loopback.
//!
//! Owns reading and checking certificate files, issuing short-lived certificates for reserved names, the
//! table that answers a client's server name, and the TLS settings of the edge. Knows no socket and no
//! site beyond its host names and files.
//!
//! Invariants: a [`Certificate`] exists only if its key matches, its dates hold and its names cover the
//! site; the table is replaced whole, so a handshake sees the old one or the new one; private keys are
//! wiped from our own buffers, and key files are readable by their owner only.
//!
//! Keys are made with the operating system's randomness inside the cryptographic library, not with
//! `vocabulary::Random`: no test may be able to foresee one.

mod authority;
mod certificate;
mod error;
mod files;
mod resolver;
mod store;
mod tls;
mod x509;

pub use authority::{AuthorityError, LocalAuthority};
pub use certificate::Certificate;
pub use error::CertificateError;
pub use resolver::{Resolver, Table};
pub use store::{CertificateFailure, CertificateStore, Refreshed, Source, Wanted};
pub use tls::{TlsError, server_config};
pub use x509::Names;
