//! Which certificate answers a client's server name (RFC 6066 §3).

use crate::certificate::Certificate;
use crate::x509::Names;
use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use vocabulary::SitePattern;

/// Certificates by host pattern. Built aside, then put in force whole.
#[derive(Debug, Default)]
pub struct Table {
    exact: HashMap<Box<str>, Shown>,
    wildcard: HashMap<Box<str>, Shown>,
    unnamed: Option<Shown>,
}

/// What a client is shown, and what that is good for.
#[derive(Debug, Clone)]
struct Shown {
    key: Arc<CertifiedKey>,
    names: Arc<Names>,
}

impl Table {
    /// Sets the certificate of a pattern, in place of an earlier one. The address set last also answers
    /// clients that send no name, which is how a client asks for an address (RFC 6066 §3).
    pub fn set(&mut self, pattern: &SitePattern, certificate: &Certificate) {
        let key = Shown { key: certificate.certified_key().clone(), names: Arc::clone(certificate.names()) };
        let name = Box::from(pattern.base().as_str());
        match pattern {
            SitePattern::Exact(host) => {
                if host.ip().is_some() {
                    self.unnamed = Some(key.clone());
                }
                self.exact.insert(name, key);
            }
            SitePattern::Wildcard(_) => {
                self.wildcard.insert(name, key);
            }
        }
    }

    /// How many patterns have a certificate.
    pub fn len(&self) -> usize {
        self.exact.len() + self.wildcard.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exact name first, then the closest wildcard above it.
    fn find(&self, name: &str) -> Option<&Shown> {
        if let Some(key) = self.exact.get(name) {
            return Some(key);
        }
        let mut rest = name;
        while let Some((_, base)) = rest.split_once('.') {
            if let Some(key) = self.wildcard.get(base) {
                return Some(key);
            }
            rest = base;
        }
        None
    }
}

/// Answers handshakes from the table in force; never blocks.
///
/// For a name without a certificate it answers none, and rustls then ends the handshake with the alert
/// `access_denied`. A caller that wants `unrecognized_name` (RFC 6066 §3) asks [`Resolver::names`] first.
#[derive(Debug, Default)]
pub struct Resolver {
    table: ArcSwap<Table>,
}

impl Resolver {
    /// With an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts a table in force; handshakes under way keep the old one.
    pub fn replace(&self, table: Table) {
        self.table.store(Arc::new(table));
    }

    /// Whether a server name has a certificate; `None` stands for a client that sends no name.
    pub fn knows(&self, name: Option<&str>) -> bool {
        self.find(name).is_some()
    }

    /// What the certificate is good for that a server name is answered with; none where there is none.
    pub fn names(&self, name: Option<&str>) -> Option<Arc<Names>> {
        self.find(name).map(|shown| shown.names)
    }

    /// How many patterns have a certificate.
    pub fn len(&self) -> usize {
        self.table.load().len()
    }

    /// Whether no pattern has a certificate.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, name: Option<&str>) -> Option<Shown> {
        let table = self.table.load();
        match name {
            Some(name) => table.find(&lower(name)).cloned(),
            None => table.unnamed.clone(),
        }
    }
}

fn lower(name: &str) -> Cow<'_, str> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(hello.server_name()).map(|shown| shown.key)
    }
}
