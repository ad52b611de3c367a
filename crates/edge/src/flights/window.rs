//! The pieces of an answer under way, and how far each reader has come.

use bytes::Bytes;
use std::collections::VecDeque;

/// The window of one flight.
#[derive(Default)]
pub(crate) struct Window {
    pieces: VecDeque<Bytes>,
    /// What all pieces weigh.
    weight: usize,
    /// How many pieces went before the first.
    gone: u64,
    /// Whether pieces that every reader has are let go.
    moving: bool,
    readers: Vec<Place>,
    next_id: u64,
    /// Whether the fill waits for room.
    pub(crate) fill_waits: bool,
}

/// What a piece takes: its bytes, and as much as it costs to keep it.
fn weight(piece: &Bytes) -> usize {
    piece.len() + PIECE_BYTES
}

/// A handle, its place in the queue, and its part of a buffer that others share.
const PIECE_BYTES: usize = 64;

/// Where a reader stands.
struct Place {
    id: u64,
    /// The number of its next piece.
    next: u64,
}

/// What a reader finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Piece(Bytes),
    /// Nothing yet.
    Nothing,
    /// The piece it needed is gone.
    LeftBehind,
}

impl Window {
    /// A reader at the beginning; none once the beginning may be gone.
    pub(crate) fn join(&mut self) -> Option<u64> {
        if self.moving {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.readers.push(Place { id, next: 0 });
        Some(id)
    }

    pub(crate) fn leave(&mut self, id: u64) {
        self.readers.retain(|place| place.id != id);
        self.let_go();
    }

    pub(crate) fn has_readers(&self) -> bool {
        !self.readers.is_empty()
    }

    pub(crate) fn push(&mut self, piece: Bytes) {
        self.weight += weight(&piece);
        self.pieces.push_back(piece);
        self.let_go();
    }

    pub(crate) fn keep_no_more(&mut self) {
        self.moving = true;
        self.let_go();
    }

    pub(crate) fn take(&mut self, id: u64) -> Taken {
        let Some(place) = self.readers.iter_mut().find(|place| place.id == id) else {
            return Taken::LeftBehind;
        };
        let Some(index) = place.next.checked_sub(self.gone) else { return Taken::LeftBehind };
        let piece = usize::try_from(index).ok().and_then(|index| self.pieces.get(index)).cloned();
        let Some(piece) = piece else { return Taken::Nothing };
        place.next += 1;
        self.let_go();
        Taken::Piece(piece)
    }

    /// Whether the fill may bring more.
    pub(crate) fn has_room(&self, limit: usize) -> bool {
        !self.moving || self.weight < limit
    }

    /// Whether a reader has everything and waits for the fill, which waits for another.
    pub(crate) fn starves(&self) -> bool {
        let end = self.gone + self.pieces.len() as u64;
        self.readers.iter().any(|place| place.next == end)
    }

    /// Gives up the readers that are farthest behind.
    pub(crate) fn leave_behind(&mut self) {
        let last = self.readers.iter().map(|place| place.next).min();
        self.readers.retain(|place| Some(place.next) != last);
        self.let_go();
    }

    fn let_go(&mut self) {
        if !self.moving {
            return;
        }
        let end = self.gone + self.pieces.len() as u64;
        let needed = self.readers.iter().map(|place| place.next).min().unwrap_or(end);
        while self.gone < needed
            && let Some(piece) = self.pieces.pop_front()
        {
            self.weight -= weight(&piece);
            self.gone += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &'static str) -> Taken {
        Taken::Piece(Bytes::from_static(text.as_bytes()))
    }

    /// Whether there is room in a window that may hold so many bytes in so many pieces.
    fn has_room(window: &Window, bytes: usize, pieces: usize) -> bool {
        window.has_room(bytes + pieces * PIECE_BYTES)
    }

    #[test]
    fn crumbs_weigh_more_than_their_bytes() {
        let mut window = Window::default();
        let reader = window.join().expect("open");
        window.keep_no_more();
        (0..16).for_each(|_| window.push(Bytes::from_static(b"a")));
        assert!(!window.has_room(1024));
        assert_eq!(window.take(reader), piece("a"));
        assert!(window.has_room(1024));
    }

    #[test]
    fn everything_is_kept_at_first_and_later_only_what_someone_needs() {
        let mut window = Window::default();
        let early = window.join().expect("open");
        window.push(Bytes::from_static(b"a"));
        assert_eq!(window.take(early), piece("a"));
        let late = window.join().expect("open");
        window.push(Bytes::from_static(b"bb"));
        window.keep_no_more();
        assert_eq!(window.join(), None);
        assert!(!has_room(&window, 3, 2) && has_room(&window, 4, 2));
        assert_eq!(window.take(late), piece("a"));
        assert!(has_room(&window, 3, 1), "the first piece is gone");
        assert_eq!((window.take(late), window.take(late)), (piece("bb"), Taken::Nothing));
        assert!(window.starves() && !has_room(&window, 2, 1));
        assert_eq!(window.take(early), piece("bb"));
        assert!(window.has_room(1));
        window.leave(early);
        window.leave(late);
        assert!(!window.has_readers());
        window.push(Bytes::from_static(b"c"));
        assert!(window.has_room(1), "nobody needs it");
    }

    #[test]
    fn who_is_left_behind_is_told_and_the_others_go_on() {
        let mut window = Window::default();
        let (slow, fast) = (window.join().expect("open"), window.join().expect("open"));
        window.push(Bytes::from_static(b"a"));
        window.keep_no_more();
        assert_eq!(window.take(fast), piece("a"));
        window.leave_behind();
        assert_eq!(window.take(slow), Taken::LeftBehind);
        window.push(Bytes::from_static(b"b"));
        assert_eq!(window.take(fast), piece("b"));
    }
}
