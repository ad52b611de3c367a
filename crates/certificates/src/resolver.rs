//! Which certificate answers a client's server name (RFC 6066 §3).

use crate::acme::Board;
use crate::certificate::Certificate;
use crate::loader::{Loader, Shown};
use crate::vault::Slot;
use crate::x509::Names;
use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use vocabulary::{AccountId, SitePattern, Timestamp};

/// The protocol of RFC 8737, by which an authority asks for proof of control.
pub const ACME_TLS: &[u8] = b"acme-tls/1";

/// Certificates by host pattern. Built aside, then put in force whole.
#[derive(Debug, Default)]
pub struct Table {
    exact: HashMap<Box<str>, Entry>,
    wildcard: HashMap<Box<str>, Entry>,
    unnamed: Option<Entry>,
    loader: Option<Arc<Loader>>,
    as_of: Option<Timestamp>,
}

/// What stands for a pattern.
#[derive(Debug, Clone)]
struct Entry {
    /// Whose the pattern is; a customer's own wildcard may stand in for a name without a certificate.
    owner: Option<AccountId>,
    place: Place,
}

/// Where a pattern's certificate is.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// In memory for good.
    Fixed(Shown),
    /// In the vault.
    Sealed(Slot),
    /// Issued when it is first asked for.
    Local(Slot, Arc<[SitePattern]>),
    /// Nowhere: the pattern belongs to a site that has none.
    Nowhere,
}

impl Table {
    /// One whose certificates are loaded when they are first asked for.
    pub(crate) fn loading(loader: Arc<Loader>, as_of: Timestamp) -> Self {
        Self { loader: Some(loader), as_of: Some(as_of), ..Self::default() }
    }

    /// Sets the certificate of a pattern, in place of an earlier one. The address set last also answers
    /// clients that send no name, which is how a client asks for an address (RFC 6066 §3).
    pub fn set(&mut self, pattern: &SitePattern, certificate: &Certificate) {
        self.place(pattern, None, Place::Fixed(Shown::of(certificate)));
    }

    /// Sets where the certificate of a pattern is.
    pub(crate) fn place(&mut self, pattern: &SitePattern, owner: Option<AccountId>, place: Place) {
        let entry = Entry { owner, place };
        let name = Box::from(pattern.base().as_str());
        match pattern {
            SitePattern::Exact(host) => {
                if host.ip().is_some() && !matches!(entry.place, Place::Nowhere) {
                    self.unnamed = Some(entry.clone());
                }
                self.exact.insert(name, entry);
            }
            SitePattern::Wildcard(_) => {
                self.wildcard.insert(name, entry);
            }
        }
    }

    /// How many patterns have a certificate.
    pub fn len(&self) -> usize {
        let entries = self.exact.values().chain(self.wildcard.values());
        entries.filter(|entry| !matches!(entry.place, Place::Nowhere)).count()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exact name first, then the closest wildcard above it. A name of a site without a certificate is
    /// answered by a wildcard of the same customer, never by another's.
    fn find(&self, name: &str) -> Option<&Entry> {
        let exact = self.exact.get(name);
        if let Some(entry) = exact
            && (!matches!(entry.place, Place::Nowhere) || entry.owner.is_none())
        {
            return Some(entry);
        }
        let mut rest = name;
        while let Some((_, base)) = rest.split_once('.') {
            if let Some(entry) = self.wildcard.get(base) {
                return Some(entry).filter(|entry| exact.is_none_or(|exact| exact.owner == entry.owner));
            }
            rest = base;
        }
        None
    }

    fn shown(&self, entry: &Entry) -> Option<Shown> {
        match &entry.place {
            Place::Fixed(shown) => Some(shown.clone()),
            Place::Sealed(slot) => self.loader.as_ref()?.sealed(*slot),
            Place::Local(slot, hosts) => self.loader.as_ref()?.local(*slot, hosts, self.as_of?),
            Place::Nowhere => None,
        }
    }
}

/// Answers handshakes from the table in force, over TCP and QUIC alike.
///
/// A certificate that is not in memory is read from the vault within the handshake: one small file.
///
/// For a name without a certificate it answers none, and rustls then ends the handshake with the alert
/// `access_denied`. A caller that wants `unrecognized_name` (RFC 6066 §3) asks [`Resolver::names`] first.
/// Authorities that ask for proof of control by `acme-tls/1` alone are shown that proof and nothing else.
#[derive(Debug, Default)]
pub struct Resolver {
    table: ArcSwap<Table>,
    board: Arc<Board>,
}

impl Resolver {
    /// With an empty table.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where proofs of control are shown while an authority looks for them.
    pub fn board(&self) -> &Arc<Board> {
        &self.board
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
        let Some(name) = name else { return table.unnamed.as_ref().and_then(|entry| table.shown(entry)) };
        let name = lower(name);
        let shown = table.find(&name).and_then(|entry| table.shown(entry))?;
        // An address is asked for without a name, and a site may have names that its certificate lacks.
        shown.names.cover_server_name(&name).then_some(shown)
    }
}

/// Whether a client asks for proof of control and nothing else (RFC 8737 §3).
pub fn asks_for_proof(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|mut protocols| protocols.next() == Some(ACME_TLS) && protocols.next().is_none())
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
        if asks_for_proof(&hello) {
            return self.board.certificate(&lower(hello.server_name()?));
        }
        self.find(hello.server_name()).map(|shown| shown.key)
    }
}
