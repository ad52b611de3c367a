//! Finding the end of a field section, line by line, without reading a byte twice.

use crate::reasons::Reason;

/// How far a section has been looked through; keep it while more bytes are awaited.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Scan {
    line_start: usize,
    seen: usize,
    first_line: usize,
}

impl Scan {
    /// The length of the section with the empty line that ends it, once all of it is there.
    ///
    /// Lines end in CR LF; a bare LF is refused (RFC 9112 §2.2 allows leniency, and leniency is how two
    /// readers come to differ).
    pub(crate) fn section_end(&mut self, buffer: &[u8]) -> Result<Option<usize>, Reason> {
        let from = self.seen;
        for found in memchr::memchr_iter(b'\n', buffer.get(from..).unwrap_or_default()) {
            let feed = from + found;
            if feed == self.line_start || buffer[feed - 1] != b'\r' {
                return Err(Reason::BareLineFeed);
            }
            let empty = feed - 1 == self.line_start;
            self.seen = feed + 1;
            self.line_start = feed + 1;
            if empty {
                return Ok(Some(feed + 1));
            }
            if self.first_line == 0 {
                self.first_line = self.seen;
            }
        }
        self.seen = buffer.len();
        Ok(None)
    }

    /// The length of the first line, with its end; 0 while it is not whole.
    pub(crate) fn first_line(&self) -> usize {
        self.first_line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_found_wherever_the_bytes_are_cut() {
        let text = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nrest";
        for cut in 0..text.len() {
            let mut scan = Scan::default();
            let first = scan.section_end(&text[..cut]);
            let found = if let Ok(None) = first { scan.section_end(text) } else { first };
            assert_eq!(found, Ok(Some(27)), "cut at {cut}");
            assert_eq!(scan.first_line(), 16);
        }
    }

    #[test]
    fn a_bare_line_feed_is_refused_wherever_it_stands() {
        for text in ["\n", "a\n", "a\r\nb\n", "a\r\n\n", "a\r\n\r\r\n\n"] {
            assert_eq!(Scan::default().section_end(text.as_bytes()), Err(Reason::BareLineFeed), "{text:?}");
        }
    }
}
