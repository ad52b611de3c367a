//! Tags: names an origin gives to a response, to purge many by one (`Cache-Tag`, `Surrogate-Key`).

use crate::fields::trim;

/// Most tags one response keeps.
pub const TAGS_MAX: usize = 64;
/// Longest tag, in bytes.
pub const TAG_BYTES_MAX: usize = 256;

/// The tags of one response: bytes as sent, trimmed, each once.
///
/// A response with more or longer tags than the bounds is hit by the purge of any tag of its site, so that
/// no tag is lost.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tags {
    pub(crate) each: Box<[Box<[u8]>]>,
    pub(crate) more: bool,
}

impl Tags {
    /// The tags, in the order received.
    pub fn each(&self) -> impl Iterator<Item = &[u8]> {
        self.each.iter().map(AsRef::as_ref)
    }

    /// Whether there were more, or longer ones, than are kept.
    pub fn overflowed(&self) -> bool {
        self.more
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.each.is_empty() && !self.more
    }

    /// Bytes on the heap, for weighing.
    pub fn heap_bytes(&self) -> usize {
        self.each.len() * size_of::<Box<[u8]>>() + self.each.iter().map(|tag| tag.len()).sum::<usize>()
    }
}

/// Gathers tags from field lines.
#[derive(Default)]
pub(crate) struct TagLines<'a> {
    each: Vec<&'a [u8]>,
    more: bool,
}

impl<'a> TagLines<'a> {
    /// One line of `Cache-Tag`: tags between commas.
    pub(crate) fn cache_tag(&mut self, line: &'a [u8]) {
        line.split(|byte| *byte == b',').for_each(|tag| self.add(tag));
    }

    /// One line of `Surrogate-Key`: tags between spaces.
    pub(crate) fn surrogate_key(&mut self, line: &'a [u8]) {
        line.split(|byte| matches!(byte, b' ' | b'\t')).for_each(|tag| self.add(tag));
    }

    fn add(&mut self, tag: &'a [u8]) {
        let tag = trim(tag);
        if tag.is_empty() || self.each.contains(&tag) {
            return;
        }
        if tag.len() > TAG_BYTES_MAX || self.each.len() >= TAGS_MAX {
            self.more = true;
            return;
        }
        self.each.push(tag);
    }

    pub(crate) fn finish(self) -> Tags {
        Tags { each: self.each.into_iter().map(Box::from).collect(), more: self.more }
    }
}
