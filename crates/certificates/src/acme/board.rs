//! Where proofs of control hang while an authority looks for them.

use rustls::sign::CertifiedKey;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Proofs of one kind that hang at once; the next order waits for its turn.
pub(crate) const PROOFS_MAX: usize = 256;

/// Proofs of control, shared by who orders certificates and who answers visitors.
#[derive(Debug, Default)]
pub struct Board {
    hung: Mutex<Hung>,
}

#[derive(Debug, Default)]
struct Hung {
    /// By host and token (RFC 8555 §8.3).
    http: HashMap<(Box<str>, Box<str>), Arc<str>>,
    /// By host (RFC 8737 §3).
    tls: HashMap<Box<str>, Arc<CertifiedKey>>,
}

/// A proof that hangs until this is dropped.
#[derive(Debug)]
pub struct Pinned {
    board: Arc<Board>,
    host: Box<str>,
    /// None for a proof by TLS.
    token: Option<Box<str>>,
}

impl Board {
    /// The key authorization to answer `/.well-known/acme-challenge/TOKEN` with; none where no order of ours
    /// asks for it, and the request is the site's own. The host in lower case.
    pub fn response(&self, host: &str, token: &str) -> Option<Arc<str>> {
        let hung = self.hung();
        if hung.http.is_empty() {
            return None;
        }
        hung.http.get(&(Box::from(host), Box::from(token))).cloned()
    }

    pub(crate) fn certificate(&self, host: &str) -> Option<Arc<CertifiedKey>> {
        self.hung().tls.get(host).cloned()
    }

    /// Hangs a proof for a host and token; none when the board is full.
    pub fn pin_http(self: &Arc<Self>, host: &str, token: &str, text: &str) -> Option<Pinned> {
        let mut hung = self.hung();
        if hung.http.len() >= PROOFS_MAX {
            return None;
        }
        hung.http.insert((host.into(), token.into()), text.into());
        Some(Pinned { board: Arc::clone(self), host: host.into(), token: Some(token.into()) })
    }

    /// None when the board is full.
    pub(crate) fn pin_tls(self: &Arc<Self>, host: &str, key: CertifiedKey) -> Option<Pinned> {
        let mut hung = self.hung();
        if hung.tls.len() >= PROOFS_MAX {
            return None;
        }
        hung.tls.insert(host.into(), Arc::new(key));
        Some(Pinned { board: Arc::clone(self), host: host.into(), token: None })
    }

    fn hung(&self) -> MutexGuard<'_, Hung> {
        self.hung.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        let mut hung = self.board.hung();
        match self.token.take() {
            Some(token) => drop(hung.http.remove(&(self.host.clone(), token))),
            None => drop(hung.tls.remove(&self.host)),
        }
    }
}
