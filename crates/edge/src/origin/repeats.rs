//! Lines that an origin says again and again, so that they are read once.
//!
//! Most fields of a connection's answers are the same from one to the next: the server's name, the date within a second,
//! the type, what caches may do. A line that is byte for byte the one that stood in this place of an earlier answer has
//! its name and its value, which were found good then.

use super::section::Field;

/// Places that are remembered; an answer may have more fields.
const PLACES_MAX: usize = 24;
/// Longer lines are read each time: those are cookies and policies, and comparing them costs as much.
const LINE_BYTES_MAX: usize = 256;

/// The last lines of a connection's answers, by their place.
#[derive(Default)]
pub(crate) struct Repeats {
    lines: Vec<Line>,
}

/// A line that was read.
struct Line {
    /// With its CR LF, so that nothing longer is taken for it.
    text: Box<[u8]>,
    field: Field,
    /// How often another line has stood here since this one did.
    missed: u32,
}

impl Repeats {
    /// The field at `place` if `rest` begins with the line that is remembered there, and that line's length.
    pub(super) fn known(&mut self, place: usize, rest: &[u8]) -> Option<(usize, Field)> {
        let line = self.lines.get_mut(place)?;
        if !rest.starts_with(&line.text) {
            return None;
        }
        line.missed = 0;
        Some((line.text.len(), line.field.clone()))
    }

    /// Remembers a line, with its CR LF, that was read at `place`.
    ///
    /// What changes with each answer (a length, a tag) would be copied for nothing: the more often a place has
    /// changed in a row, the more rarely its line is taken.
    pub(super) fn keep(&mut self, place: usize, text: &[u8], field: &Field) {
        let missed = match self.lines.get_mut(place) {
            Some(line) => {
                line.missed = line.missed.saturating_add(1);
                line.missed
            }
            None => 1,
        };
        let is_next = place <= self.lines.len() && place < PLACES_MAX;
        if !is_next || text.len() > LINE_BYTES_MAX || !missed.is_power_of_two() {
            return;
        }
        // Memory of its own: a part of the connection's buffer would keep all of that from being used again.
        let Some(field) = field.copied() else { return };
        let line = Line { text: text.into(), field, missed };
        match self.lines.get_mut(place) {
            Some(held) => *held = line,
            None => self.lines.push(line),
        }
    }

    /// Forgets all of it.
    pub(super) fn clear(&mut self) {
        self.lines = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    /// Keeps `text` as the line of a place, its name and value as they stand around `: `.
    fn keep(repeats: &mut Repeats, place: usize, text: &str) {
        let (name, value) = text.trim_end().split_once(": ").expect("a field");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        let value = HeaderValue::from_str(value).expect("a value");
        repeats.keep(place, text.as_bytes(), &Field::new(name, value));
    }

    fn known(repeats: &mut Repeats, place: usize, rest: &str) -> Option<String> {
        let (length, Field { name, value, .. }) = repeats.known(place, rest.as_bytes())?;
        Some(format!("{length} {name}={}", value.to_str().expect("text")))
    }

    #[test]
    fn only_the_same_line_in_the_same_place_is_known() {
        let mut repeats = Repeats::default();
        keep(&mut repeats, 0, "Server: one\r\n");
        keep(&mut repeats, 1, "X-A: b\r\n");
        assert_eq!(known(&mut repeats, 0, "Server: one\r\nX-A: b\r\n").as_deref(), Some("13 server=one"));
        assert_eq!(known(&mut repeats, 1, "X-A: b\r\n\r\n").as_deref(), Some("8 x-a=b"));
        for (place, other) in [
            (0, "Server: one "),
            (0, "Server: onel\r\n"),
            (0, "Server: one\n"),
            (0, "server: one\r\n"),
            (0, "X-A: b\r\n"),
            (1, "X-A: b"),
            (2, "X-A: b\r\n"),
        ] {
            assert_eq!(known(&mut repeats, place, other), None, "{other:?} at {place}");
        }
    }

    #[test]
    fn what_changes_each_time_is_taken_ever_more_rarely_and_what_settles_is_taken_again() {
        let mut repeats = Repeats::default();
        let mut taken = |n: u32| {
            let tag = format!("ETag: {n}\r\n");
            keep(&mut repeats, 0, &tag);
            known(&mut repeats, 0, "ETag").is_none() && *repeats.lines[0].text == *tag.as_bytes()
        };
        assert_eq!(
            (0..1024).filter(|n| taken(*n)).count(),
            11,
            "the first, and where 1, 2, 4 … 512 came before"
        );
        assert!((0..1024).any(|_| taken(5000)), "the place settles");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut repeats = Repeats::default();
        for place in 0..2 * PLACES_MAX {
            keep(&mut repeats, place, "X-A: b\r\n");
        }
        assert_eq!(repeats.lines.len(), PLACES_MAX);
        let long = format!("X-A: {}\r\n", "y".repeat(LINE_BYTES_MAX));
        keep(&mut repeats, 0, &long);
        assert!(repeats.lines.iter().all(|line| line.text.len() <= LINE_BYTES_MAX));
        repeats.clear();
        assert_eq!(repeats.lines.capacity(), 0);
    }
}
