//! What a feed carries to edges.

use crate::{FeedVersion, OperatorShield, Site};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use error_pages::Page;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::collections::BTreeMap;
use std::sync::Arc;
use vocabulary::Digest;

/// A whole state of the sites and every decision bundle that should be running.
///
/// Trusted for the sites; trusted for nothing about measures, which prove themselves: an edge keeps a
/// running measure that a parcel omits, and applies none that its bundle does not prove.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parcel {
    /// Revision of the sites; grows with each change.
    pub revision: u64,
    /// The sites.
    pub sites: Vec<Site>,
    /// The error pages that the sites name, each once however many name it.
    #[serde(default, with = "page_map", skip_serializing_if = "BTreeMap::is_empty")]
    pub pages: BTreeMap<Digest, Arc<Page>>,
    /// What the operator sets for the defence of all sites.
    #[serde(default, skip_serializing_if = "OperatorShield::is_default")]
    pub shield: OperatorShield,
    /// The lists that sites and operator take from feeds, in their latest good version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub feeds: Vec<FeedVersion>,
    /// Decision bundles ([`crate::Bundle`]) as published; base64 in JSON.
    #[serde(with = "bundle_list")]
    pub bundles: Vec<Arc<[u8]>>,
    /// Proofs that the log only grew: from sizes an edge may have seen last to the size of the
    /// checkpoint in `bundles`. An edge that saw another size can take no new measure from them.
    #[serde(default)]
    pub consistency: Vec<Consistency>,
    /// The suspensions ([`crate::SuspensionBundle`]) that set anything aside: the newest confirmed and the newest
    /// begun; base64 in JSON.
    #[serde(default, with = "bundle_list", skip_serializing_if = "Vec::is_empty")]
    pub suspensions: Vec<Arc<[u8]>>,
}

/// Proof that one tree of the log extends another (RFC 6962 §2.1.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// Leaves of the older tree.
    pub from: u64,
    /// Leaves of the newer tree.
    pub to: u64,
    /// The hashes.
    pub proof: Vec<Digest>,
}

mod bundle_list {
    use super::*;

    pub(super) fn serialize<S: Serializer>(bundles: &[Arc<[u8]>], out: S) -> Result<S::Ok, S::Error> {
        out.collect_seq(bundles.iter().map(|bytes| STANDARD.encode(bytes)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Arc<[u8]>>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        let decode = |text: String| STANDARD.decode(text).map(Arc::from).map_err(de::Error::custom);
        texts.into_iter().map(decode).collect()
    }
}

mod page_map {
    use super::*;

    pub(super) fn serialize<S: Serializer>(
        pages: &BTreeMap<Digest, Arc<Page>>,
        out: S,
    ) -> Result<S::Ok, S::Error> {
        out.collect_map(pages.iter().map(|(digest, page)| (digest, &**page)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<Digest, Arc<Page>>, D::Error> {
        let pages = BTreeMap::<Digest, Page>::deserialize(from)?;
        Ok(pages.into_iter().map(|(digest, page)| (digest, Arc::new(page))).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parcels_carry_bundles_byte_for_byte_even_damaged_ones() {
        let proof = Consistency { from: 1, to: 2, proof: vec![Digest::of(b"x")] };
        let page = error_pages::Page::from_bytes(br#"{"html":"<p>","policy":"default-src 'none'"}"#)
            .expect("a page");
        let parcel = Parcel {
            revision: 7,
            sites: Vec::new(),
            pages: BTreeMap::from([(page.digest(), Arc::new(page))]),
            shield: OperatorShield::default(),
            feeds: vec![FeedVersion {
                address: "https://lists.test/a".to_owned(),
                kind: shield::ListKind::Address,
                digest: Digest::of(b"192.0.2.1"),
                text: Arc::from("192.0.2.1"),
            }],
            bundles: vec![Arc::from(b"{}".as_slice()), Arc::from([0xff, 0, 0xfe].as_slice())],
            consistency: vec![proof],
            suspensions: vec![Arc::from([0xff, 1].as_slice())],
        };
        let text = serde_json::to_string(&parcel).expect("text");
        assert_eq!(serde_json::from_str::<Parcel>(&text).expect("parcel"), parcel);
    }
}
