//! The responses stored under one key: one, or several that differ by Vary.

use crate::response::StoredResponse;
use caching::Request;
use std::sync::Arc;

/// Most variants one key holds; the oldest goes first.
pub(crate) const VARIANTS_MAX: usize = 8;

/// Newest first. Never changed in place, so that readers need no lock. Lies within the cache's own record:
/// each pointer less is a memory access less on every hit.
#[derive(Clone)]
pub(crate) struct Variants {
    newest: Arc<StoredResponse>,
    older: Box<[Arc<StoredResponse>]>,
}

/// What is left without one response.
pub(crate) enum Without {
    /// Everything: it was not among them.
    Same,
    Nothing,
    Others(Variants),
}

impl Variants {
    pub(crate) fn one(response: Arc<StoredResponse>) -> Self {
        Self { newest: response, older: Box::default() }
    }

    /// The newest response that the request selects (RFC 9111 §4.1: the most recent one).
    pub(crate) fn select(&self, request: &Request<'_>) -> Option<&Arc<StoredResponse>> {
        self.each().find(|held| held.stored().matches(request))
    }

    /// With a new response in front, in place of the one with the same secondary key. A response that does
    /// not vary answers every request, so it replaces all.
    pub(crate) fn with(&self, response: Arc<StoredResponse>) -> Self {
        let variant = response.stored().variant();
        if variant.is_empty() {
            return Self::one(response);
        }
        let others = self.each().filter(|held| held.stored().variant() != variant);
        let older = others.take(VARIANTS_MAX - 1).cloned().collect();
        Self { newest: response, older }
    }

    /// Several, newest first; none of none.
    pub(crate) fn of(responses: Vec<Arc<StoredResponse>>) -> Option<Self> {
        let mut responses = responses.into_iter();
        let newest = responses.next()?;
        Some(Self { newest, older: responses.take(VARIANTS_MAX - 1).collect() })
    }

    pub(crate) fn only_newest(&self) -> Self {
        Self::one(self.newest.clone())
    }

    /// The one that a new response takes the place of.
    pub(crate) fn replaced_by(&self, response: &StoredResponse) -> Option<&Arc<StoredResponse>> {
        self.each().find(|held| held.stored().variant() == response.stored().variant())
    }

    /// Without one response.
    pub(crate) fn without(&self, response: &Arc<StoredResponse>) -> Without {
        let stays = |held: &&Arc<StoredResponse>| !Arc::ptr_eq(held, response);
        let mut others = self.each().filter(stays).cloned();
        match others.next() {
            None => Without::Nothing,
            Some(newest) => {
                let older: Box<_> = others.collect();
                if older.len() == self.older.len() {
                    return Without::Same;
                }
                Without::Others(Self { newest, older })
            }
        }
    }

    pub(crate) fn weight(&self) -> usize {
        self.each().map(|held| held.weight() + size_of::<Arc<StoredResponse>>()).sum()
    }

    pub(crate) fn each(&self) -> impl Iterator<Item = &Arc<StoredResponse>> {
        std::iter::once(&self.newest).chain(&self.older)
    }
}
