//! What is usual at sites that have no slab: one shared count-min sketch of attributes.
//!
//! A value of an attribute is counted with its site. What collides makes a value look more usual than
//! it is, and so protects visitors rather than attackers. Two windows of five minutes.

use super::attributes::{Attributes, COUNT};
use super::record::SiteKey;
use vocabulary::Timestamp;

const ROWS: usize = 4;
/// Cells of a row; both windows together are 4 MiB.
const WIDTH: usize = 1 << 18;
const WINDOW_SECONDS: i64 = 300;
/// The place of the site's own count.
const TOTAL: usize = COUNT;

#[derive(Debug)]
pub(super) struct Reference {
    windows: [Box<[u16]>; 2],
    numbers: [i64; 2],
    secret: u64,
}

impl Reference {
    pub(super) fn new(secret: u64) -> Self {
        let window = || vec![0; ROWS * WIDTH].into();
        Self { windows: [window(), window()], numbers: [-1; 2], secret }
    }

    pub(super) fn learn(&mut self, site: SiteKey, attributes: &Attributes, now: Timestamp) {
        let number = now.as_secs() / WINDOW_SECONDS;
        let present = (number % 2) as usize;
        if self.numbers[present] != number {
            self.windows[present].fill(0);
            self.numbers[present] = number;
        }
        for (place, value) in attributes.0.iter().enumerate() {
            let cells = self.cells(site, place, *value);
            bump(&mut self.windows[present], cells);
        }
        let cells = self.cells(site, TOTAL, 0);
        bump(&mut self.windows[present], cells);
    }

    /// How often a value was seen among how many samples of the site, both from above.
    pub(super) fn seen(&self, site: SiteKey, place: usize, value: u32) -> (u32, u32) {
        (self.sum(self.cells(site, place, value)), self.sum(self.cells(site, TOTAL, 0)))
    }

    /// The same of the window before the present one, which an attack that has just begun is not in.
    pub(super) fn seen_before(&self, site: SiteKey, place: usize, value: u32, now: Timestamp) -> (u32, u32) {
        let number = now.as_secs() / WINDOW_SECONDS - 1;
        let window = (number.rem_euclid(2)) as usize;
        if self.numbers[window] != number {
            return (0, 0);
        }
        let least = |cells: [usize; ROWS]| cells.iter().map(|cell| self.windows[window][*cell]).min();
        let of = |cells| u32::from(least(cells).unwrap_or(0));
        (of(self.cells(site, place, value)), of(self.cells(site, TOTAL, 0)))
    }

    /// Samples of a site in the window before the present one.
    pub(super) fn samples_before(&self, site: SiteKey, now: Timestamp) -> u32 {
        self.seen_before(site, TOTAL, 0, now).1
    }

    fn sum(&self, cells: [usize; ROWS]) -> u32 {
        let least = |window: &[u16]| cells.iter().map(|cell| window[*cell]).min().unwrap_or(0);
        self.windows.iter().map(|window| u32::from(least(window))).sum()
    }

    fn cells(&self, site: SiteKey, place: usize, value: u32) -> [usize; ROWS] {
        let mut state = site.0 ^ self.secret ^ (u64::from(value) << 8) ^ place as u64;
        std::array::from_fn(|row| {
            state = mixed(state);
            row * WIDTH + state as usize % WIDTH
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.windows.iter().map(|window| window.len() * size_of::<u16>()).sum()
    }
}

/// Conservative update: only the least cells grow.
fn bump(window: &mut [u16], cells: [usize; ROWS]) {
    let least = cells.iter().map(|cell| window[*cell]).min().unwrap_or(0);
    for cell in cells {
        if window[cell] == least {
            window[cell] = least.saturating_add(1);
        }
    }
}

/// SplitMix64's step.
pub(super) fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
