//! What an order demands, in the one form that is signed, and what can be seen to be wrong with it.

use super::behind::Address;
use super::{Fault, RefusedBecause};
use crate::{Addressee, DirectoryEntry, Jurisdiction, Text};
use policy::Measure;
use serde::{Deserialize, Serialize};
use vocabulary::canonical::{self, CanonicalError};
use vocabulary::{AuthorityId, Digest, Hasher, SitePattern, Timestamp};

/// Most addresses of one order.
const ADDRESSES_MAX: usize = 1_000;
/// Longest text of an order, in bytes.
const BYTES_MAX: usize = 256 * 1024;

/// What an order demands. Its text is the canonical JSON of this.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Demanded {
    /// Always [`Demanded::FORMAT`].
    pub format: String,
    /// Who orders, by its id in the directory.
    pub authority: AuthorityId,
    /// Its own number of the matter.
    pub reference: Text,
    /// The law it orders under.
    pub law: Text,
    /// The offence.
    pub offence: Text,
    /// Which court reviews it, and by when it can be asked to.
    pub remedy: Option<Text>,
    /// When it was given.
    pub issued_at: Timestamp,
    /// What is to be done.
    pub measure: Measure,
    /// On which addresses: `https://…` for one page, a host name for a whole one, `*.NAME` for all below one.
    pub addresses: Vec<String>,
    /// Where.
    pub territories: Vec<Jurisdiction>,
    /// Until when.
    pub until: Timestamp,
}

/// Why a text is no order.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DemandedError {
    /// Too long.
    #[error("an order has at most {BYTES_MAX} bytes and names at most {ADDRESSES_MAX} addresses")]
    TooLong,
    /// Not canonical JSON of the fields.
    #[error("it is not the canonical JSON of an order: {0}")]
    Form(CanonicalError),
    /// Another format.
    #[error("its format is not {}", Demanded::FORMAT)]
    Format,
}

/// The host names served here, to see which addresses are somebody's.
#[derive(Debug, Clone, Copy)]
pub struct Served<'a>(pub &'a [SitePattern]);

/// The digest that an authority signs: domain-separated, over the exact text.
pub fn order_digest(text: &str) -> Digest {
    Hasher::domain(Demanded::FORMAT).part(text.as_bytes()).finish()
}

impl Demanded {
    /// The name of the form.
    pub const FORMAT: &'static str = "wardmote-order/1";

    /// Reads the canonical text.
    pub fn parse(text: &str) -> Result<Self, DemandedError> {
        if text.len() > BYTES_MAX {
            return Err(DemandedError::TooLong);
        }
        let demanded: Self = canonical::parse(text.as_bytes()).map_err(DemandedError::Form)?;
        if demanded.format != Self::FORMAT {
            return Err(DemandedError::Format);
        }
        if demanded.addresses.len() > ADDRESSES_MAX {
            return Err(DemandedError::TooLong);
        }
        Ok(demanded)
    }

    /// The exact text to sign.
    pub fn to_text(&self) -> Result<String, CanonicalError> {
        let bytes = canonical::to_bytes(self)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Everything that can be seen to stand against it, worst first. What needs judgement (the offence, immunity,
    /// fundamental rights) is the legal reviewer's.
    pub fn examine(&self, entry: &DirectoryEntry, served: Served<'_>, now: Timestamp) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |because, text: String| faults.push(Fault { because, text });
        self.examine_territory(entry, &mut fault);
        if !matches!(self.measure, Measure::M3 | Measure::M4 | Measure::M6 | Measure::M7) {
            fault(RefusedBecause::ServiceNotCovered, format!("{} is not done by order", self.measure));
        }
        for (missing, what) in
            [(self.addresses.is_empty(), "addresses"), (self.territories.is_empty(), "territories")]
        {
            if missing {
                fault(RefusedBecause::Incomplete, format!("it names no {what}"));
            }
        }
        if self.remedy.is_none() {
            fault(RefusedBecause::NoJudicialRemedy, "it names no court that reviews it".to_owned());
        }
        if self.until <= now || self.issued_at > now {
            fault(
                RefusedBecause::ManifestError,
                format!("it acts from {} to {}", self.issued_at, self.until),
            );
        }
        self.examine_addresses(served, &mut fault);
        faults
    }

    fn examine_territory(&self, entry: &DirectoryEntry, fault: &mut impl FnMut(RefusedBecause, String)) {
        match entry.stands_for {
            Addressee::Fallback => {
                let text = "it stands for no jurisdiction, and can be asked but not order".to_owned();
                fault(RefusedBecause::AuthorityNotCompetent, text);
            }
            Addressee::Jurisdiction(own) => {
                for beyond in self.territories.iter().filter(|territory| **territory != own) {
                    let text = format!("it reaches into {beyond}; the authority's territory is {own}");
                    fault(RefusedBecause::ExceedsTerritory, text);
                }
            }
        }
    }

    fn examine_addresses(&self, served: Served<'_>, fault: &mut impl FnMut(RefusedBecause, String)) {
        for address in &self.addresses {
            match Address::parse(address).map(|address| address.pattern()) {
                None => fault(RefusedBecause::ManifestError, format!("{address:?} is no address")),
                Some(host) if !served.has(&host) => {
                    fault(RefusedBecause::ManifestError, format!("{host} is not served here"));
                }
                Some(_) => {}
            }
        }
    }
}

impl Served<'_> {
    fn has(self, host: &SitePattern) -> bool {
        self.0.iter().any(|pattern| pattern.overlaps(host))
    }
}
