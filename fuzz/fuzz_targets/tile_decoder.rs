//! Tile paths and entry bundles: what parses is spelled in one way.

#![no_main]

use ledger::tiles::{Tile, entry_bundle, split_bundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Some(entries) = split_bundle(bytes) {
        assert_eq!(entry_bundle(entries).expect("it was split"), bytes, "a second spelling");
    }
    if let Some(tile) = std::str::from_utf8(bytes).ok().and_then(|path| path.parse::<Tile>().ok()) {
        assert_eq!(tile.to_string().as_bytes(), bytes, "a second spelling");
    }
});
