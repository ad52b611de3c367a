//! Which names may be anybody's.

use vocabulary::{Hostname, SitePattern};

/// Why a pattern can be no customer's claim.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameRefusal {
    /// Names of many owners stand below it.
    #[error("*.{0} cannot be claimed: {0} is a public suffix, below which names belong to many owners")]
    PublicSuffix(Hostname),
    /// An address proves nothing about who may have it.
    #[error("{0} is an address; only the operator puts addresses up")]
    Address(Hostname),
    /// The operator's own name, or one that stands below or above it.
    #[error("{0} overlaps the operator's own name {1}")]
    Operator(SitePattern, Hostname),
}

/// Refuses addresses, the operator's own name with everything below it, and wildcards over a public suffix
/// (publicsuffix.org, both of its parts). The list is the one that was compiled in; a suffix that it does not know
/// is none.
pub fn check_claimable(pattern: &SitePattern, operator: &Hostname) -> Result<(), NameRefusal> {
    let base = pattern.base();
    if base.ip().is_some() {
        return Err(NameRefusal::Address(base.clone()));
    }
    let own = [SitePattern::Exact(operator.clone()), SitePattern::Wildcard(operator.clone())];
    if operator.ip().is_none() && own.iter().any(|own| own.overlaps(pattern)) {
        return Err(NameRefusal::Operator(pattern.clone(), operator.clone()));
    }
    match pattern {
        SitePattern::Wildcard(base) if is_public_suffix(base) => Err(NameRefusal::PublicSuffix(base.clone())),
        _ => Ok(()),
    }
}

fn is_public_suffix(name: &Hostname) -> bool {
    let name = name.as_str().as_bytes();
    psl::suffix(name).is_some_and(|suffix| suffix.is_known() && suffix.as_bytes() == name)
}

/// Whether a name is served without a proof: one below the top-level names that are reserved for tests and
/// documentation and are nobody's (RFC 6761, RFC 2606 §2).
pub fn needs_no_proof(pattern: &SitePattern) -> bool {
    pattern.base().is_reserved()
}
