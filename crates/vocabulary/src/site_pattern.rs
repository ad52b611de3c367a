//! What host names a site answers to.

use crate::{Hostname, HostnameError};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// One entry of a site's `hosts`: an exact name (or listed IP literal), or `*.` and a name, which
/// stands for every name any number of labels below it and not for the name itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SitePattern {
    /// Just this name.
    Exact(Hostname),
    /// Every name below this one.
    Wildcard(Hostname),
}

/// Why a text is no site pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SitePatternError {
    /// The name part is no host name.
    #[error(transparent)]
    Name(#[from] HostnameError),
    /// A star anywhere but as the whole first label, or over a whole top-level domain or an address.
    #[error("not a pattern: {0:?}; a wildcard is written *.name.tld")]
    Wildcard(String),
}

impl SitePattern {
    /// Whether a host name falls under this pattern.
    pub fn matches(&self, host: &Hostname) -> bool {
        match self {
            Self::Exact(name) => name == host,
            Self::Wildcard(base) => host
                .as_str()
                .strip_suffix(base.as_str())
                .is_some_and(|rest| rest.len() > 1 && rest.ends_with('.')),
        }
    }

    /// Whether some host name falls under both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Exact(name), pattern) | (pattern, Self::Exact(name)) => pattern.matches(name),
            (Self::Wildcard(one), Self::Wildcard(two)) => {
                one == two || self.matches(two) || other.matches(one)
            }
        }
    }

    /// The name without its star.
    pub fn base(&self) -> &Hostname {
        match self {
            Self::Exact(name) | Self::Wildcard(name) => name,
        }
    }
}

impl FromStr for SitePattern {
    type Err = SitePatternError;

    fn from_str(text: &str) -> Result<Self, SitePatternError> {
        let Some(base) = text.strip_prefix("*.") else {
            return Ok(Self::Exact(Hostname::parse(text)?));
        };
        let base = Hostname::parse(base)?;
        let reserved_top = base.is_reserved() && base.ip().is_none();
        if base.ip().is_some() || (base.parent().is_none() && !reserved_top) {
            return Err(SitePatternError::Wildcard(text.chars().take(80).collect()));
        }
        Ok(Self::Wildcard(base))
    }
}

impl fmt::Display for SitePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => name.fmt(f),
            Self::Wildcard(base) => write!(f, "*.{base}"),
        }
    }
}

impl fmt::Debug for SitePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SitePattern {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SitePattern {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_overlap_where_a_name_falls_under_both() {
        for (one, other, expected) in [
            ("a.test", "a.test", true),
            ("a.test", "b.test", false),
            ("b.a.test", "*.a.test", true),
            ("a.test", "*.a.test", false),
            ("*.a.test", "*.a.test", true),
            ("*.b.a.test", "*.a.test", true),
            ("*.ba.test", "*.a.test", false),
        ] {
            let [a, b] = [one, other].map(|text| text.parse::<SitePattern>().expect("pattern"));
            assert_eq!((a.overlaps(&b), b.overlaps(&a)), (expected, expected), "{one} {other}");
        }
    }

    #[test]
    fn patterns_match_what_they_say() {
        for (pattern, host, expected) in [
            ("a.test", "a.test", true),
            ("a.test", "b.a.test", false),
            ("*.a.test", "b.a.test", true),
            ("*.a.test", "c.b.a.test", true),
            ("*.a.test", "a.test", false),
            ("*.a.test", "ba.test", false),
            ("127.0.0.1", "127.0.0.1", true),
        ] {
            let pattern: SitePattern = pattern.parse().expect("pattern");
            assert_eq!(pattern.matches(&Hostname::parse(host).expect("host")), expected, "{pattern} {host}");
        }
    }

    #[test]
    fn stars_elsewhere_are_refused() {
        for text in ["*", "*.com", "a.*.test", "*a.test", "*.127.0.0.1", "*.*.a.test"] {
            assert!(text.parse::<SitePattern>().is_err(), "{text}");
        }
    }
}
