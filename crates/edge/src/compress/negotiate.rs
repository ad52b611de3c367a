//! Which codings a visitor wants, by its own weights (RFC 9110 §12.5.3).

use http::{HeaderMap, header};
use object_cache::Coding;

/// A weight in thousandths (RFC 9110 §12.4.2).
type Weight = u16;
const FULL: Weight = 1000;

/// What the field's lines say.
#[derive(Default)]
struct Weights {
    codings: [Option<Weight>; 3],
    identity: Option<Weight>,
    star: Option<Weight>,
}

/// The codings that a visitor takes at least as gladly as identity, the most wanted first; between equals
/// the order of [`Coding::ALL`] decides. None where the field is absent: then nothing was asked for.
pub(crate) fn preferences(fields: &HeaderMap) -> [Option<Coding>; 3] {
    let mut weights = Weights::default();
    for line in fields.get_all(header::ACCEPT_ENCODING) {
        line.as_bytes().split(|byte| *byte == b',').for_each(|element| weights.element(element));
    }
    let mut wanted: [(Weight, Option<Coding>); 3] = Coding::ALL.map(|coding| weights.of(coding));
    // Stable: equals stay in the order of the list.
    wanted.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
    wanted.map(|(_, coding)| coding)
}

impl Weights {
    fn element(&mut self, element: &[u8]) {
        let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.find_map(weight).unwrap_or(FULL);
        let is = |name: &str| coding.eq_ignore_ascii_case(name.as_bytes());
        let place = match () {
            () if is("zstd") => &mut self.codings[Coding::Zstd as usize],
            () if is("br") => &mut self.codings[Coding::Brotli as usize],
            // RFC 9110 §8.4.1.3: x-gzip is gzip.
            () if is("gzip") || is("x-gzip") => &mut self.codings[Coding::Gzip as usize],
            () if is("identity") => &mut self.identity,
            () if is("*") => &mut self.star,
            () => return,
        };
        *place = Some(weight);
    }

    fn of(&self, coding: Coding) -> (Weight, Option<Coding>) {
        let weight = self.codings[coding as usize].or(self.star).unwrap_or(0);
        let wanted = weight > 0 && self.identity.is_none_or(|identity| weight >= identity);
        if wanted { (weight, Some(coding)) } else { (0, None) }
    }
}

/// `q=0.5`; anything that is no weight reads as zero, so that in doubt nothing is transformed.
fn weight(parameter: &[u8]) -> Option<Weight> {
    let value = parameter.strip_prefix(b"q=").or_else(|| parameter.strip_prefix(b"Q="))?;
    let (whole, fraction) = match value.split_first() {
        Some((whole, [])) => (whole, &[][..]),
        Some((whole, [b'.', fraction @ ..])) if fraction.len() <= 3 => (whole, fraction),
        _ => return Some(0),
    };
    let mut thousandths = match whole {
        b'0' => 0,
        b'1' => FULL,
        _ => return Some(0),
    };
    let mut place = 100;
    for digit in fraction {
        if !digit.is_ascii_digit() {
            return Some(0);
        }
        thousandths += Weight::from(digit - b'0') * place;
        place /= 10;
    }
    Some(thousandths.min(FULL))
}

/// Whether the visitor wants what the origin sent, unchanged (RFC 9111 §5.2.1.6).
pub(super) fn forbids_transformation(fields: &HeaderMap) -> bool {
    super::suitable::says_no_transform(fields.get_all(header::CACHE_CONTROL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn wanted(lines: &[&'static str]) -> Vec<&'static str> {
        let mut fields = HeaderMap::new();
        for line in lines {
            fields.append(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        preferences(&fields).iter().flatten().map(|coding| coding.name()).collect()
    }

    /// RFC 9110 §12.5.3.
    #[test]
    fn the_visitors_weights_decide_and_our_order_breaks_ties() {
        for (lines, names) in [
            (vec![], vec![]),
            (vec![""], vec![]),
            (vec!["gzip, deflate, br, zstd"], vec!["zstd", "br", "gzip"]),
            (vec!["gzip;q=1.0, br;q=0.8, zstd;q=0.9"], vec!["gzip", "zstd", "br"]),
            (vec!["br;q=0.001"], vec!["br"]),
            (vec!["br;q=0, gzip"], vec!["gzip"]),
            (vec!["GZIP"], vec!["gzip"]),
            (vec!["x-gzip"], vec!["gzip"]),
            (vec!["*"], vec!["zstd", "br", "gzip"]),
            (vec!["*;q=0.5, br"], vec!["br", "zstd", "gzip"]),
            (vec!["gzip", "br;q=0.5"], vec!["gzip", "br"]),
            (vec!["identity, gzip;q=0.5"], vec![]),
            (vec!["identity;q=0.5, gzip;q=0.5, br;q=0.4"], vec!["gzip"]),
            (vec!["identity;q=0, gzip;q=0.1"], vec!["gzip"]),
            (vec!["gzip;q=2"], vec![]),
            (vec!["gzip;q="], vec![]),
            (vec!["gzip;q=0.1234"], vec![]),
            (vec!["gzip;q=1.9"], vec!["gzip"]),
            (vec!["deflate, compress"], vec![]),
        ] {
            assert_eq!(wanted(&lines), names, "{lines:?}");
        }
    }
}
