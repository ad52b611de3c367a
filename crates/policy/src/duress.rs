//! Keys for officers under duress: they sign like any other of theirs, and what they sign is held.
//!
//! A roster may list several keys of one person, and nothing in it tells which of them is for duress, their order
//! least of all: who forces a signature, or reads the roster, sees a valid one. Only the list kept here tells them apart; it belongs to the
//! operator alone and never leaves the control plane.

use crate::{Approval, KeyError, PublicKey};
use std::collections::BTreeSet;

/// Most keys of one list: as many as a roster has.
const KEYS_MAX: usize = crate::MEMBERS_MAX;

/// The public keys that mean duress.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DuressKeys(BTreeSet<[u8; 32]>);

/// Why a text is no list of such keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DuressError {
    /// A line that is no public key.
    #[error("line {line}: {source}")]
    Line {
        /// Counted from 1.
        line: usize,
        /// Why.
        source: KeyError,
    },
    /// Over the bound.
    #[error("more than {KEYS_MAX} keys")]
    TooMany,
}

impl DuressKeys {
    /// These keys.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        Self(keys.into_iter().map(|key| *key.as_bytes()).collect())
    }

    /// Reads a list: one public key in base64 a line.
    pub fn parse(text: &str) -> Result<Self, DuressError> {
        let mut keys = BTreeSet::new();
        for (place, line) in text.lines().enumerate() {
            let key =
                PublicKey::parse(line).map_err(|source| DuressError::Line { line: place + 1, source })?;
            keys.insert(*key.as_bytes());
        }
        if keys.len() > KEYS_MAX { Err(DuressError::TooMany) } else { Ok(Self(keys)) }
    }

    /// Whether one of these signatures was given under duress: then the record is held, however many others are good.
    pub fn hold(&self, approvals: &[Approval]) -> bool {
        approvals.iter().any(|approval| self.0.contains(approval.key.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::examine;
    use crate::fixtures::founding;

    #[test]
    fn a_key_for_duress_signs_like_any_other_and_holds_the_record() {
        let founding = founding();
        let list = founding.duress.iter().map(|key| format!("{}\n", key.public())).collect::<String>();
        let duress = DuressKeys::parse(&list).expect("a list");
        for (forced, keys) in [(true, &founding.duress), (false, &founding.keys)] {
            for key in keys.iter().filter(|key| key.role().may_decide()) {
                let approval = key.approve(b"a record");
                assert!(examine(b"a record", &approval, &founding.roster).is_ok());
                assert_eq!(duress.hold(&[approval]), forced, "{key:?}");
            }
        }
        assert!(!DuressKeys::default().hold(&[founding.duress[0].approve(b"a record")]));
    }

    #[test]
    fn a_list_with_a_line_that_is_no_key_is_refused() {
        assert!(matches!(DuressKeys::parse("nothing\n"), Err(DuressError::Line { line: 1, .. })));
    }
}
