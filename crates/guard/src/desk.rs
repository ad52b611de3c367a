//! What one worker needs to judge requests: working memory of the rules, and a bounded buffer of samples.

use shield::Scratch;
use shield::adaptive::{Attributes, Outcome, SiteKey};
use shield::rules::Verdict;
use std::sync::{Mutex, PoisonError};

/// Samples that wait for the search, of one worker.
pub const SAMPLES_MAX: usize = 4_096;

/// A request that the search will look at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    pub(crate) site: SiteKey,
    pub(crate) row: Attributes,
    /// What it cost the origin; none: it has only come in.
    pub(crate) outcome: Option<Outcome>,
}

/// Working memory of the rules.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) scratch: Scratch,
    pub(crate) verdict: Verdict,
    pub(crate) text: Vec<u8>,
}

/// One worker's own. Its locks are never waited for but while samples are fetched.
#[derive(Debug, Default)]
pub struct Desk {
    pub(crate) work: Mutex<Work>,
    samples: Mutex<Vec<Sample>>,
}

impl Desk {
    /// Keeps a sample, as long as there is room.
    pub(crate) fn keep(&self, sample: Sample) {
        let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        if samples.len() < SAMPLES_MAX {
            samples.push(sample);
        }
    }

    /// Moves all samples to the end of `into`.
    pub(crate) fn fetch(&self, into: &mut Vec<Sample>) {
        into.append(&mut self.samples.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
