//! One registry of typed ids: a prefix that names the kind, then 128 random bits.

use crate::Random;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Crockford's base 32 in lower case: no i, l, o, u, so that ids survive being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const BYTES: usize = 16;
const CHARS: usize = 26;

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an id of this kind: {text:?}; it should read {prefix}_ and 26 letters and digits")]
pub struct IdError {
    text: String,
    prefix: &'static str,
}

macro_rules! typed_ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; BYTES]);

        impl $name {
            /// A fresh id.
            pub fn random(random: &dyn Random) -> Self {
                Self(random.bytes())
            }

            /// An id made from 16 given bytes, for ids that must be the same in each run.
            pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
                Self(bytes)
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; BYTES] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_id(f, $prefix, &self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                read_id($prefix, text).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                text.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

typed_ids! {
    /// A customer.
    AccountId = "acc";
    /// A customer's site: one or more host names with their origins.
    SiteId = "site";
    /// A case: what is looked into.
    CaseId = "case";
    /// A finding within a case.
    FindingId = "fnd";
    /// A stored piece of evidence.
    EvidenceId = "evd";
    /// A referral to an authority.
    ReferralId = "ref";
    /// A decision, from its proposal on; visitors see it on the block page.
    DecisionId = "dec";
    /// An appeal.
    AppealId = "app";
    /// A report.
    ReportId = "rpt";
    /// An allegation: reports that claim the same.
    AllegationId = "alg";
    /// A mail that goes out.
    MailId = "mail";
    /// An authority in the directory.
    AuthorityId = "aut";
    /// An authority's order.
    OrderId = "ord";
    /// A subscription of the public record, from its asking on.
    SubscriptionId = "sub";
}

fn write_id(f: &mut fmt::Formatter<'_>, prefix: &str, bytes: &[u8; BYTES]) -> fmt::Result {
    let number = u128::from_be_bytes(*bytes);
    let mut text = [0u8; CHARS];
    for (place, slot) in text.iter_mut().enumerate() {
        // 26 digits of 5 bits hold 130 bits: the first digit carries only 3.
        let shift = 5 * (CHARS - 1 - place);
        *slot = ALPHABET[usize::from((number >> shift) as u8 & 31)];
    }
    f.write_str(prefix)?;
    f.write_str("_")?;
    f.write_str(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
}

fn read_id(prefix: &'static str, text: &str) -> Result<[u8; BYTES], IdError> {
    let refuse = || IdError { text: text.chars().take(40).collect(), prefix };
    let digits = text.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).ok_or_else(refuse)?;
    if digits.len() != CHARS || digits.as_bytes()[0] > b'7' {
        return Err(refuse());
    }
    let mut number = 0u128;
    for byte in digits.bytes() {
        let value = ALPHABET.iter().position(|letter| *letter == byte).ok_or_else(refuse)?;
        number = number << 5 | value as u128;
    }
    Ok(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeededRandom;

    #[test]
    fn ids_round_trip_and_keep_their_kind() {
        let random = SeededRandom::new(7);
        for _ in 0..100 {
            let id = SiteId::random(&random);
            assert_eq!(id.to_string().parse(), Ok(id));
            assert!(id.to_string().parse::<CaseId>().is_err());
        }
        assert_eq!(SiteId::from_bytes([0xff; 16]).to_string(), "site_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    }

    #[test]
    fn malformed_ids_are_refused() {
        for text in [
            "",
            "site_",
            "site_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "site_0000000000000000000000000O",
            "SITE_00000000000000000000000000",
        ] {
            assert!(text.parse::<SiteId>().is_err(), "{text}");
        }
    }
}
