//! How much origins may send ahead over HTTP/2, all connections of the process together.
//!
//! An answer whose visitor takes nothing lies in memory, up to the window of its stream. Each exchange is granted its
//! window before it begins; where much is granted, connections are made with narrower ones, and where all is, no exchange
//! begins. What is granted is given back with the exchange.

use super::STREAM_WINDOW_BYTES;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The window of a stream where much is granted, in bytes.
pub(super) const NARROW_BYTES: u32 = 16 * 1024;
/// Up to here windows are wide: those of 512 exchanges.
const WIDE_BYTES_MAX: u64 = 128 << 20;
/// All that is granted: some 8,000 narrow ones beside those.
pub(crate) const GRANTED_BYTES_MAX: u64 = 256 << 20;

/// What is granted in this process.
#[derive(Debug, Default)]
pub(crate) struct Windows {
    granted: AtomicU64,
}

/// One exchange's window.
#[derive(Debug)]
pub(crate) struct Window {
    windows: Arc<Windows>,
    bytes: u32,
}

impl Windows {
    /// The window of the first exchange on a connection to be made, which says how wide all of that connection are; none
    /// where no exchange may begin.
    pub(crate) fn reserve(self: &Arc<Self>) -> Option<Window> {
        self.grant(STREAM_WINDOW_BYTES).or_else(|| self.grant(NARROW_BYTES))
    }

    /// The window of one exchange on a connection of this width, while there is room.
    pub(super) fn grant(self: &Arc<Self>, width: u32) -> Option<Window> {
        let most = if width > NARROW_BYTES { WIDE_BYTES_MAX } else { GRANTED_BYTES_MAX };
        let add = |granted: u64| granted.checked_add(u64::from(width)).filter(|granted| *granted <= most);
        self.granted.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).ok()?;
        Some(Window { windows: Arc::clone(self), bytes: width })
    }
}

impl Window {
    /// How wide it is.
    pub(super) fn bytes(&self) -> u32 {
        self.bytes
    }

    /// Where those of further exchanges come from.
    pub(super) fn source(&self) -> &Arc<Windows> {
        &self.windows
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.windows.granted.fetch_sub(u64::from(self.bytes), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(windows: &Arc<Windows>, width: u32) -> Vec<Window> {
        std::iter::from_fn(|| windows.grant(width)).take(10_000).collect()
    }

    #[test]
    fn windows_are_wide_then_narrow_then_no_more_and_come_back_with_their_exchanges() {
        let windows = Arc::new(Windows::default());
        let reserved = || windows.reserve().map(|window| window.bytes());
        assert_eq!(reserved(), Some(STREAM_WINDOW_BYTES));
        let wide = all(&windows, STREAM_WINDOW_BYTES);
        assert_eq!((wide.len(), reserved()), (512, Some(NARROW_BYTES)));
        let narrow = all(&windows, NARROW_BYTES);
        assert_eq!((narrow.len(), reserved()), (8192, None));
        drop(narrow);
        assert!(windows.grant(STREAM_WINDOW_BYTES).is_none(), "the wide ones have their share");
        drop(wide);
        assert_eq!((reserved(), windows.granted.load(Ordering::Relaxed)), (Some(STREAM_WINDOW_BYTES), 0));
    }
}
