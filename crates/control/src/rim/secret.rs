//! Random secrets and the one way they are kept and compared: as digests.

use subtle::ConstantTimeEq;
use vocabulary::{Digest, Hasher, Random};
use zeroize::Zeroizing;

/// What a secret opens; the digest of one kind never equals that of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretKind {
    /// `admin.token`.
    AdminToken,
    /// A token of a customer's account.
    AccountToken,
    /// The one-time link to the console.
    SetupToken,
    /// The session's cookie.
    Session,
    /// The session's CSRF token, derived from the cookie.
    Csrf,
}

impl SecretKind {
    const fn domain(self) -> &'static str {
        match self {
            Self::AdminToken => "wardmote/admin-token/v1",
            Self::AccountToken => "wardmote/account-token/v1",
            Self::SetupToken => "wardmote/setup-token/v1",
            Self::Session => "wardmote/session/v1",
            Self::Csrf => "wardmote/csrf/v1",
        }
    }

    /// What is kept of a secret.
    pub(crate) fn digest(self, secret: &str) -> Digest {
        Hasher::domain(self.domain()).part(secret.as_bytes()).finish()
    }
}

/// A fresh secret of 160 bits: 32 characters of Crockford's base 32, in capitals.
pub(crate) fn fresh(random: &dyn Random) -> Zeroizing<String> {
    const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let bytes: [u8; 32] = random.bytes();
    Zeroizing::new(bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)])).collect())
}

/// Whether two digests are equal, in constant time.
pub(crate) fn same(left: &Digest, right: &Digest) -> bool {
    left.as_bytes().ct_eq(right.as_bytes()).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::SeededRandom;

    #[test]
    fn secrets_are_long_differ_and_are_bound_to_their_kind() {
        let random = SeededRandom::new(1);
        let (one, two) = (fresh(&random), fresh(&random));
        assert_eq!(one.len(), 32);
        assert_ne!(one, two);
        assert!(same(&SecretKind::Session.digest(&one), &SecretKind::Session.digest(&one)));
        assert!(!same(&SecretKind::Session.digest(&one), &SecretKind::Csrf.digest(&one)));
    }
}
