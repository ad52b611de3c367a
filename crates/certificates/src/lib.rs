//! Certificates of sites and the local authority that signs for loopback.
//!
//! Owns reading and checking certificates, the vault that keeps any number of them sealed, issuing
//! short-lived certificates for reserved names, the table that answers a client's server name, and the TLS
//! settings of the edge. Knows no socket of a visitor and no site beyond its id, host names and files.
//!
//! Invariants: a [`Certificate`] exists only if its key matches, its dates hold and its names cover the
//! site, now or when it was sealed; the table is replaced whole, so a handshake sees the old one or the
//! new one; private keys are wiped from our own buffers, and are on disk only sealed or readable by their
//! owner alone.
//!
//! Keys are made with the operating system's randomness inside the cryptographic library, not with
//! `vocabulary::Random`: no test may be able to foresee one.

pub mod acme;
mod authority;
mod certificate;
mod error;
mod files;
mod keyed_chain;
mod loader;
mod resolver;
mod stamp;
mod store;
mod tls;
mod towards_origins;
mod towards_visitors;
mod vault;
mod x509;

pub use authority::{AuthorityError, LocalAuthority};
pub use certificate::Certificate;
pub use error::CertificateError;
pub use keyed_chain::KeyedChain;
pub use resolver::{ACME_TLS, Resolver, Table, asks_for_proof};
pub use store::{CertificateFailure, CertificateStore, NameStanding, Provenance, Refreshed, Source, Wanted};
pub use tls::{TlsError, proof_config, server_config};
pub use towards_origins::{OriginTlsError, OriginTrust, client_config};
pub use towards_visitors::{Authorities, Clients, DemandError, Demands, check_authorities, demanding_config};
pub use vault::{RecordError, Slot, Standing, Vault, VaultError};
pub use x509::Names;
