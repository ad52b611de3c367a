//! The working memory of evaluation, one for each worker.

use super::STEPS_MAX;
use std::ops::Range;

/// The bytes that one comparison may build, in all its functions together.
pub const SCRATCH_BYTES: usize = 256 * 1024;

/// The request is so large that an expression cannot be evaluated within its budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the request is too large for this expression's budget")]
pub struct Overrun;

/// Reusable memory of fixed size, and the count of steps since [`Scratch::begin`].
///
/// The memory is reserved once; pages that no rule ever writes to are not taken from the system.
#[derive(Debug)]
pub struct Scratch {
    bytes: Vec<u8>,
    steps: u32,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { bytes: Vec::with_capacity(SCRATCH_BYTES), steps: 0 }
    }
}

impl Scratch {
    /// Begins a new request: the count of steps starts over.
    pub fn begin(&mut self) {
        self.steps = 0;
        self.bytes.clear();
    }

    /// Nodes and elements visited since [`Self::begin`].
    pub fn steps(&self) -> u32 {
        self.steps
    }

    /// The memory reserved, in bytes; it never grows.
    pub fn reserved(&self) -> usize {
        self.bytes.capacity()
    }

    pub(super) fn step(&mut self) -> Result<(), Overrun> {
        self.steps = self.steps.saturating_add(1);
        if self.steps > STEPS_MAX { Err(Overrun) } else { Ok(()) }
    }

    /// Where the next bytes will begin.
    pub(super) fn mark(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets what was built since a mark.
    pub(super) fn forget(&mut self, mark: usize) {
        self.bytes.truncate(mark);
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) -> Result<(), Overrun> {
        if self.bytes.len() + bytes.len() > SCRATCH_BYTES {
            return Err(Overrun);
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    /// Appends a copy of earlier bytes.
    pub(super) fn repeat(&mut self, range: Range<usize>) -> Result<(), Overrun> {
        if range.end > self.bytes.len() || self.bytes.len() + range.len() > SCRATCH_BYTES {
            return Err(Overrun);
        }
        self.bytes.extend_from_within(range);
        Ok(())
    }

    pub(super) fn at(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    pub(super) fn at_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        self.bytes.get_mut(range).unwrap_or_default()
    }

    pub(super) fn byte(&self, index: usize) -> Option<u8> {
        self.bytes.get(index).copied()
    }
}
