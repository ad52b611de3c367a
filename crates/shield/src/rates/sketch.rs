//! A count-min sketch with conservative update, over the present ten seconds and the ten before.
//!
//! Answers, for keys that have no counter of their own, how often one came lately: never less than the
//! truth, and more only by what collides in all rows at once (Cormode, Muthukrishnan 2005; Estan,
//! Varghese 2002 for the conservative update). What many small keys add to every cell is measured, and
//! taken off, so that a flood of ever new keys does not make strangers look busy.

/// Rows of the sketch.
const ROWS: usize = 4;
/// How long one of the two windows lasts.
pub(super) const WINDOW_US: u64 = 10_000_000;

/// One half: the cells of one window.
#[derive(Debug)]
struct Window {
    cells: Box<[u32]>,
    total: u64,
    number: u64,
}

impl Window {
    fn new(width: usize) -> Self {
        Self { cells: vec![0; ROWS * width].into(), total: 0, number: 0 }
    }
}

/// The sketch.
#[derive(Debug)]
pub(super) struct Sketch {
    width: usize,
    windows: [Window; 2],
}

impl Sketch {
    /// `width` must be a power of two.
    pub(super) fn new(width: usize) -> Self {
        debug_assert!(width.is_power_of_two());
        Self { width, windows: [Window::new(width), Window::new(width)] }
    }

    /// Counts a key and says how often it came within about the last ten seconds, it included, less
    /// what the crowd of all keys adds.
    pub(super) fn count(&mut self, key: u64, now_us: u64) -> u64 {
        let number = now_us / WINDOW_US;
        let present = (number % 2) as usize;
        self.turn(present, number);
        let cells = self.places(key);
        let window = &mut self.windows[present];
        window.total = window.total.saturating_add(1);
        let least = cells.iter().map(|cell| window.cells[*cell]).min().unwrap_or(0);
        for cell in cells {
            let count = &mut window.cells[cell];
            *count = (*count).max(least.saturating_add(1));
        }
        let now = u64::from(least) + 1;
        let before = &self.windows[1 - present];
        let earlier = if before.number + 1 == number {
            u64::from(cells.iter().map(|cell| before.cells[*cell]).min().unwrap_or(0))
        } else {
            0
        };
        let left = WINDOW_US - now_us % WINDOW_US;
        self.without_crowd(now, present) + self.without_crowd(earlier, 1 - present) * left / WINDOW_US
    }

    /// Takes off twice what the average cell holds.
    fn without_crowd(&self, count: u64, window: usize) -> u64 {
        count.saturating_sub(2 * self.windows[window].total / self.width as u64)
    }

    fn turn(&mut self, present: usize, number: u64) {
        let window = &mut self.windows[present];
        if window.number != number {
            window.cells.fill(0);
            window.total = 0;
            window.number = number;
        }
    }

    /// One cell of each row, from one hash (Kirsch, Mitzenmacher 2006).
    fn places(&self, key: u64) -> [usize; ROWS] {
        let (one, two) = (key as u32, (key >> 32) as u32 | 1);
        std::array::from_fn(|row| {
            let mixed = one.wrapping_add((row as u32).wrapping_mul(two));
            row * self.width + (mixed as usize & (self.width - 1))
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.windows.iter().map(|window| window.cells.len() * size_of::<u32>()).sum()
    }
}
