//! Versions of stored things as entity tags (RFC 9110 §8.8.3, §13.1.1).

use super::{Problem, Reason};
use axum::http::{HeaderMap, HeaderValue, header};

/// The strong entity tag of a version.
pub(crate) fn etag(version: u64) -> HeaderValue {
    // Digits between quotation marks are always a valid field value.
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// What `If-Match` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// No condition: a lost race may be repeated on the newer version.
    Any,
    /// This version and no other.
    Exactly(u64),
}

impl Wanted {
    /// Reads `If-Match`; `*` asks for nothing here, because what is changed always exists.
    pub(crate) fn of(fields: &HeaderMap) -> Result<Self, Problem> {
        let Some(value) = fields.get(header::IF_MATCH) else { return Ok(Self::Any) };
        if value.as_bytes() == b"*" {
            return Ok(Self::Any);
        }
        let digits = value.to_str().ok().and_then(|text| text.strip_prefix('"')?.strip_suffix('"'));
        match digits.and_then(|digits| digits.parse().ok()) {
            Some(version) => Ok(Self::Exactly(version)),
            // A tag that was never given out matches nothing (RFC 9110 §13.1.1).
            None => Err(Problem::new(Reason::VersionChanged)),
        }
    }

    /// Refuses when the present version is another one.
    pub(crate) fn admit(self, version: u64) -> Result<(), Problem> {
        match self {
            Self::Exactly(wanted) if wanted != version => Err(Problem::new(Reason::VersionChanged)
                .detail(format!("If-Match names version {wanted}; the present one is {version}"))),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_present_version_is_admitted() {
        let mut fields = HeaderMap::new();
        assert_eq!(Wanted::of(&fields), Ok(Wanted::Any));
        fields.insert(header::IF_MATCH, etag(3));
        let wanted = Wanted::of(&fields).expect("tag");
        assert_eq!(wanted.admit(3), Ok(()));
        assert_eq!(wanted.admit(4).map_err(|p| p.reason().to_owned()), Err("version-changed".to_owned()));
        fields.insert(header::IF_MATCH, HeaderValue::from_static("W/\"3\""));
        assert!(Wanted::of(&fields).is_err());
    }
}
