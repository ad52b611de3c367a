//! Which reports claim the same: exact digests of addresses and words, and MinHash for words that nearly agree
//! (Broder, "On the resemblance and containment of documents", 1997).
//!
//! Everything is keyed: without the deployment's key nobody can try what somebody wrote against what is kept.

use crate::{Category, Submission};
use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher as _;
use vocabulary::{AllegationId, Digest, Hasher, Hostname};

/// Lanes of a signature: the estimate of a resemblance is off by about 1/sqrt(64) = 0.125.
pub const SIGNATURE_LANES: usize = 64;
/// Lanes of one band: two texts that resemble each other by 0.7 share one of 16 bands with 0.988, by 0.2 with 0.025.
const BAND_LANES: usize = 4;
/// Two texts are copies of one another from this share of equal lanes on.
const ALIKE_LANES: usize = 40;
/// Letters of a shingle.
const SHINGLE: usize = 5;
/// Traces that one allegation is known by; later reports that agree with none of them still join by address.
const TRACES_MAX: usize = 8;

/// The key of one deployment's fingerprints.
#[derive(Clone)]
pub struct SimilarityKey([u8; 32]);

/// A MinHash signature; empty words have none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Signature(Vec<u32>);

/// What a report is recognised by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trace {
    /// Keyed digests of its addresses.
    pub urls: BTreeSet<Digest>,
    /// The keyed digest of its words, if it has any.
    pub words: Option<Digest>,
    /// Their signature, if there are enough of them.
    pub signature: Option<Signature>,
}

impl SimilarityKey {
    /// Takes 32 secret bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    fn digest(&self, domain: &str, text: &str) -> Digest {
        Hasher::domain(domain).part(&self.0).part(text.as_bytes()).finish()
    }

    /// What a report is recognised by.
    pub fn trace(&self, report: &Submission) -> Trace {
        let urls = report
            .canonical_urls()
            .iter()
            .map(|url| self.digest("wardmote/report-url/v1", url.as_str()))
            .collect();
        let words = report.canonical_words();
        let words = words.expose();
        Trace {
            urls,
            words: (!words.is_empty()).then(|| self.digest("wardmote/report-words/v1", words)),
            signature: self.signature(words),
        }
    }

    /// The signature of a canonical text.
    fn signature(&self, text: &str) -> Option<Signature> {
        let letters: Vec<char> = text.chars().collect();
        // Fewer shingles than this say little about resemblance.
        if letters.len() < 4 * SHINGLE {
            return None;
        }
        let mut lanes = vec![u32::MAX; SIGNATURE_LANES];
        let key: [u8; 16] = std::array::from_fn(|place| self.0[place]);
        for shingle in letters.windows(SHINGLE) {
            let mut hasher = SipHasher13::new_with_key(&key);
            shingle.iter().for_each(|letter| hasher.write_u32(u32::from(*letter)));
            let hash = hasher.finish();
            for (lane, least) in lanes.iter_mut().enumerate() {
                // Each lane is a permutation of the hash: multiply by an odd number, mix the high half.
                let mixed = (hash ^ (lane as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15))
                    .wrapping_mul(0xD6E8_FEB8_6659_FD93);
                *least = (*least).min((mixed >> 32) as u32);
            }
        }
        Some(Signature(lanes))
    }
}

impl Signature {
    /// How many lanes are equal.
    pub fn agreement(&self, other: &Self) -> usize {
        self.0.iter().zip(&other.0).filter(|(one, other)| one == other).count()
    }

    fn bands(&self) -> impl Iterator<Item = (usize, Vec<u32>)> + '_ {
        self.0.chunks(BAND_LANES).map(<[u32]>::to_vec).enumerate()
    }
}

/// Open allegations by what their reports are recognised by.
#[derive(Debug, Default)]
pub struct Clusters {
    known: BTreeMap<AllegationId, Known>,
    by_url: BTreeMap<(Category, Digest), AllegationId>,
    by_words: BTreeMap<Digest, Vec<AllegationId>>,
    by_band: BTreeMap<(usize, Vec<u32>), Vec<AllegationId>>,
}

#[derive(Debug)]
struct Known {
    category: Category,
    hosts: BTreeSet<Hostname>,
    traces: Vec<Trace>,
}

impl Clusters {
    /// The allegation that a report claims, too: the same kind of thing at the same address, or (nearly) the same
    /// words about the same host. Copies of one text about different hosts are different allegations.
    pub fn find(
        &self,
        category: Category,
        hosts: &BTreeSet<Hostname>,
        trace: &Trace,
    ) -> Option<AllegationId> {
        let by_url = trace.urls.iter().find_map(|url| self.by_url.get(&(category, *url)));
        if let Some(found) = by_url {
            return Some(*found);
        }
        let mut candidates: BTreeSet<AllegationId> =
            trace.words.iter().filter_map(|words| self.by_words.get(words)).flatten().copied().collect();
        for band in trace.signature.iter().flat_map(Signature::bands) {
            candidates.extend(self.by_band.get(&band).into_iter().flatten());
        }
        let claims = |id: &AllegationId| {
            let Some(known) = self.known.get(id) else { return false };
            let same_place = known.category == category && !known.hosts.is_disjoint(hosts);
            same_place && known.traces.iter().any(|other| alike(trace, other))
        };
        candidates.into_iter().find(claims)
    }

    /// How many hosts the same words were sent about: a campaign of copies, which says something of its senders
    /// and nothing of what they claim.
    pub fn hosts_of_words(&self, trace: &Trace) -> usize {
        let allegations = trace.words.iter().filter_map(|words| self.by_words.get(words)).flatten();
        let hosts: BTreeSet<&Hostname> =
            allegations.filter_map(|id| self.known.get(id)).flat_map(|known| &known.hosts).collect();
        hosts.len()
    }

    /// Notes what an allegation's report is recognised by.
    pub fn learn(&mut self, id: AllegationId, category: Category, hosts: &BTreeSet<Hostname>, trace: &Trace) {
        let known = self.known.entry(id).or_insert_with(|| Known {
            category,
            hosts: BTreeSet::new(),
            traces: Vec::new(),
        });
        known.hosts.extend(hosts.iter().cloned());
        for url in &trace.urls {
            self.by_url.entry((category, *url)).or_insert(id);
        }
        if known.traces.len() >= TRACES_MAX || known.traces.iter().any(|other| alike(trace, other)) {
            return;
        }
        if let Some(words) = trace.words {
            push_once(self.by_words.entry(words).or_default(), id);
        }
        for band in trace.signature.iter().flat_map(Signature::bands) {
            push_once(self.by_band.entry(band).or_default(), id);
        }
        known.traces.push(trace.clone());
    }

    /// Forgets an allegation that was closed: the same claim later is a new one.
    pub fn forget(&mut self, id: AllegationId) {
        self.known.remove(&id);
        self.by_url.retain(|_, held| *held != id);
        self.by_words.retain(|_, held| {
            held.retain(|other| *other != id);
            !held.is_empty()
        });
        self.by_band.retain(|_, held| {
            held.retain(|other| *other != id);
            !held.is_empty()
        });
    }
}

fn push_once(list: &mut Vec<AllegationId>, id: AllegationId) {
    if !list.contains(&id) {
        list.push(id);
    }
}

fn alike(one: &Trace, other: &Trace) -> bool {
    if one.words.is_some() && one.words == other.words {
        return true;
    }
    match (&one.signature, &other.signature) {
        (Some(one), Some(other)) => one.agreement(other) >= ALIKE_LANES,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::form::Form;
    use vocabulary::SeededRandom;

    fn report(category: &str, place: &str, what: &str) -> Submission {
        Form::parse(format!("category={category}&where={place}&what={what}").as_bytes())
            .expect("form")
            .submission()
            .expect("report")
    }

    const WORDS: &str = "they posted the address of my neighbour and wrote that somebody should set the house on fire tonight";

    fn find(clusters: &Clusters, key: &SimilarityKey, report: &Submission) -> Option<AllegationId> {
        clusters.find(report.category, &report.hosts, &key.trace(report))
    }

    #[test]
    fn the_same_claim_joins_and_another_does_not() {
        let key = SimilarityKey::new([7; 32]);
        let mut clusters = Clusters::default();
        let id = AllegationId::from_bytes([1; 16]);
        let first = report("threat", "https://board.test/t/1", WORDS);
        clusters.learn(id, first.category, &first.hosts, &key.trace(&first));
        let nearly = WORDS.replace("neighbour", "neighbor").replace("tonight", "tonight please help");
        for (same, other) in [
            (
                true,
                report(
                    "threat",
                    "http://board.test/t/1?utm_source=x",
                    "something else entirely was written here",
                ),
            ),
            (true, report("threat", "board.test/other", WORDS)),
            (true, report("threat", "board.test/other", &nearly)),
            (false, report("phishing", "https://board.test/t/1", "copies my bank")),
            (false, report("threat", "https://other.test/t/1", WORDS)),
            (
                false,
                report(
                    "threat",
                    "board.test/t/2",
                    "a picture of my car with a knife next to it was posted this morning",
                ),
            ),
        ] {
            assert_eq!(find(&clusters, &key, &other) == Some(id), same, "{:?}", other.hosts);
        }
        let other_key = SimilarityKey::new([8; 32]);
        assert_eq!(find(&clusters, &other_key, &first), None, "without the key nothing is recognised");
        clusters.forget(id);
        assert_eq!(find(&clusters, &key, &first), None);
        assert!(clusters.by_band.is_empty() && clusters.by_url.is_empty() && clusters.by_words.is_empty());
    }

    #[test]
    fn ten_thousand_reports_of_one_campaign_are_one_allegation() {
        let key = SimilarityKey::new([7; 32]);
        let mut clusters = Clusters::default();
        let random = SeededRandom::new(1);
        let mut made = 0u8;
        let fillers = ["please", "now", "urgent", "everyone", "share", "stop", "this", "help"];
        for _ in 0..10_000 {
            // Supporters add a word or two of their own.
            let mut words: Vec<&str> = WORDS.split(' ').collect();
            for _ in 0..random.below(3) {
                words.insert(random.below(words.len() as u64) as usize, fillers[random.below(8) as usize]);
            }
            let sent = report("threat", "board.test", &words.join("+"));
            let trace = key.trace(&sent);
            let id = clusters.find(sent.category, &sent.hosts, &trace).unwrap_or_else(|| {
                made += 1;
                AllegationId::from_bytes([made; 16])
            });
            clusters.learn(id, sent.category, &sent.hosts, &trace);
        }
        assert_eq!(made, 1);
    }

    #[test]
    fn copies_about_many_hosts_show_as_a_campaign_and_stay_apart() {
        let key = SimilarityKey::new([7; 32]);
        let mut clusters = Clusters::default();
        for number in 0..5u8 {
            let sent = report("threat", &format!("site{number}.test"), WORDS);
            let trace = key.trace(&sent);
            assert_eq!(clusters.find(sent.category, &sent.hosts, &trace), None);
            clusters.learn(AllegationId::from_bytes([number; 16]), sent.category, &sent.hosts, &trace);
        }
        assert_eq!(clusters.hosts_of_words(&key.trace(&report("threat", "new.test", WORDS))), 5);
    }
}
