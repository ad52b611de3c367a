//! What is known of an address.

use crate::values::Walk;

/// What the files say of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Location {
    /// ISO 3166-1 alpha-2, upper case.
    pub country: Option<[u8; 2]>,
    /// `AF AN AS EU NA OC SA`.
    pub continent: Option<[u8; 2]>,
    /// The number of the autonomous system that announces the address.
    pub asn: Option<u32>,
}

impl Location {
    /// Reads the record at an offset, laid out as in GeoLite2 and GeoIP2 (Country, City, Enterprise, ASN, ISP).
    /// What is of another shape is not known.
    pub(crate) fn read(walk: &Walk<'_>, at: usize) -> Self {
        let mut found = Self::default();
        let mut registered = None;
        for (key, at) in walk.pairs(at) {
            match key {
                b"country" => found.country = code(walk, at, b"iso_code"),
                b"registered_country" => registered = code(walk, at, b"iso_code"),
                b"continent" => found.continent = code(walk, at, b"code"),
                b"autonomous_system_number" => {
                    found.asn = walk.number(at).and_then(|number| number.try_into().ok());
                }
                _ => {}
            }
        }
        // Addresses that are used in many places have no country of their own, only one of their holder.
        found.country = found.country.or(registered);
        found
    }

    /// What is known here, and for the rest what is known there.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            country: self.country.or(other.country),
            continent: self.continent.or(other.continent),
            asn: self.asn.or(other.asn),
        }
    }

    /// Whether nothing is left to be asked for.
    pub(crate) fn is_whole(&self) -> bool {
        self.country.is_some() && self.continent.is_some() && self.asn.is_some()
    }
}

/// Two letters that stand under `name` in the map at `at`.
fn code(walk: &Walk<'_>, at: usize, name: &[u8]) -> Option<[u8; 2]> {
    let (_, at) = walk.pairs(at).find(|(key, _)| *key == name)?;
    let letters: [u8; 2] = walk.text(at)?.try_into().ok()?;
    letters.iter().all(u8::is_ascii_alphabetic).then(|| letters.map(|letter| letter.to_ascii_uppercase()))
}
