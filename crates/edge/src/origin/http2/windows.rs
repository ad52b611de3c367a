//! How much origins may send ahead over HTTP/2, all connections of the process together.
//!
//! An answer whose visitor takes nothing lies in memory, up to the window of its stream. Each exchange is granted its
//! window before it begins: a wide one while there are some, else a narrow one, else none. What is granted is given back
//! with the exchange.
//!
//! Of either width a site holds at most as much as is left for all (Choudhury and Hahne, "Dynamic queue length thresholds
//! for shared-memory packet switches", 1998): half where it is alone, less beside others. So who takes all it can get is
//! refused while there is room for the next, and no part is kept for somebody who never comes.

use super::STREAM_WINDOW_BYTES;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The window of a stream where the wide ones are granted, in bytes.
const NARROW_BYTES: u32 = 16 * 1024;
/// Wide windows of the process, all together: those of 512 exchanges.
const WIDE_BYTES_MAX: u64 = 128 << 20;
/// The narrow ones: 8,192.
const NARROW_BYTES_MAX: u64 = 128 << 20;

/// How wide the windows of a connection's streams are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::origin) enum Width {
    /// As wide as an answer may use.
    Wide,
    /// What is granted where many are.
    Narrow,
}

/// What is granted in this process, in bytes.
#[derive(Debug, Default)]
pub(crate) struct Windows(Granted);

/// What one site holds of it.
#[derive(Debug, Default)]
pub(crate) struct Holding(Granted);

/// Bytes by width.
#[derive(Debug, Default)]
struct Granted {
    wide: AtomicU64,
    narrow: AtomicU64,
}

/// Where the windows of one site's exchanges come from.
#[derive(Debug, Clone)]
pub(in crate::origin) struct Share {
    windows: Arc<Windows>,
    holding: Arc<Holding>,
}

/// One exchange's window.
#[derive(Debug)]
pub(in crate::origin) struct Window {
    share: Share,
    width: Width,
}

impl Width {
    /// A window's size.
    pub(super) fn bytes(self) -> u32 {
        match self {
            Self::Wide => STREAM_WINDOW_BYTES,
            Self::Narrow => NARROW_BYTES,
        }
    }

    fn bytes_max(self) -> u64 {
        match self {
            Self::Wide => WIDE_BYTES_MAX,
            Self::Narrow => NARROW_BYTES_MAX,
        }
    }
}

impl Granted {
    fn of(&self, width: Width) -> &AtomicU64 {
        match width {
            Width::Wide => &self.wide,
            Width::Narrow => &self.narrow,
        }
    }

    /// Takes one window while `held` with it stays within `most`, and tells what is held then.
    fn add(&self, width: Width, most: u64) -> Option<u64> {
        let bytes = u64::from(width.bytes());
        let more = |held: u64| held.checked_add(bytes).filter(|held| *held <= most);
        let before = self.of(width).fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        Some(before + bytes)
    }

    fn take_back(&self, width: Width) {
        self.of(width).fetch_sub(u64::from(width.bytes()), Ordering::Relaxed);
    }
}

impl Share {
    pub(in crate::origin) fn new(windows: &Arc<Windows>, holding: &Arc<Holding>) -> Self {
        Self { windows: Arc::clone(windows), holding: Arc::clone(holding) }
    }

    /// The window of the first exchange on a connection to be made, which says how wide all of that connection are; none
    /// where no exchange may begin.
    pub(in crate::origin) fn reserve(&self) -> Option<Window> {
        self.grant(Width::Wide).or_else(|| self.grant(Width::Narrow))
    }

    /// The window of one exchange on a connection of this width, while there is room.
    pub(super) fn grant(&self, width: Width) -> Option<Window> {
        let granted = self.windows.0.add(width, width.bytes_max())?;
        let left = width.bytes_max() - granted;
        if self.holding.0.add(width, left).is_none() {
            self.windows.0.take_back(width);
            return None;
        }
        Some(Window { share: self.clone(), width })
    }

    /// Whether a window of this width would be granted now.
    pub(in crate::origin) fn has(&self, width: Width) -> bool {
        self.grant(width).is_some()
    }

    /// Whether an exchange may begin now.
    pub(in crate::origin) fn has_any(&self) -> bool {
        self.reserve().is_some()
    }
}

impl Window {
    /// How wide it is.
    pub(super) fn width(&self) -> Width {
        self.width
    }

    /// Where those of further exchanges come from.
    pub(super) fn share(&self) -> &Share {
        &self.share
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.share.holding.0.take_back(self.width);
        self.share.windows.0.take_back(self.width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(windows: &Arc<Windows>) -> Share {
        Share::new(windows, &Arc::default())
    }

    /// All that a site can get.
    fn all(site: &Share) -> Vec<Window> {
        std::iter::from_fn(|| site.reserve()).take(20_000).collect()
    }

    fn of(windows: &[Window], width: Width) -> usize {
        windows.iter().filter(|window| window.width == width).count()
    }

    #[test]
    fn windows_are_wide_then_narrow_then_no_more_and_come_back_with_their_exchanges() {
        let windows = Arc::<Windows>::default();
        let site = site(&windows);
        let mut held = all(&site);
        assert_eq!((of(&held, Width::Wide), of(&held, Width::Narrow)), (256, 4_096));
        assert!(held[..256].iter().all(|window| window.width == Width::Wide), "the wide ones first");
        assert!(!site.has_any());
        drop(held.split_off(256));
        assert!(!site.has(Width::Wide) && site.has(Width::Narrow), "each width has its own room");
        drop(held);
        assert!(site.has(Width::Wide));
        for held in [&windows.0, &site.holding.0] {
            assert_eq!((held.wide.load(Ordering::Relaxed), held.narrow.load(Ordering::Relaxed)), (0, 0));
        }
    }

    #[test]
    fn beside_sites_that_take_all_they_can_another_gets_windows_of_both_widths() {
        let windows = Arc::<Windows>::default();
        let mut held = Vec::new();
        for left in [(128, 2_048), (64, 1_024), (32, 512), (16, 256), (8, 128)] {
            held.push(all(&site(&windows)));
            let newcomer = all(&site(&windows));
            assert_eq!((of(&newcomer, Width::Wide), of(&newcomer, Width::Narrow)), left);
        }
    }

    #[test]
    fn who_came_first_gets_no_more_until_others_have_given_back() {
        let windows = Arc::<Windows>::default();
        let (first, second) = (site(&windows), site(&windows));
        let (mut ours, theirs) = (all(&first), all(&second));
        drop(ours.pop());
        assert!(!first.has_any(), "its share is smaller beside another");
        drop(theirs);
        assert!(first.has_any());
    }
}
