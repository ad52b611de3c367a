//! Decision bundles: what parses prints the same bytes, and only the untouched bundle is ever proved.

#![no_main]

use libfuzzer_sys::fuzz_target;
use snapshot::fixture::Mote;
use policy::Footprint;
use snapshot::{AuditKeys, Bundle, Roots, Surroundings, Trust, audit, verify};
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use vocabulary::Timestamp;

struct Known {
    roots: Roots,
    whole: Arc<[u8]>,
    now: Timestamp,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let now = Timestamp::from_secs(1_795_000_000);
    let mut mote = Mote::found(1, now);
    let site = mote.site(&["board.test", "*.board.test"], 9000);
    let whole = mote.block(&[site], now, Duration::from_secs(3600));
    Known { roots: mote.roots(), whole, now }
});

fuzz_target!(|input: &[u8]| {
    try_bytes(input);
    try_bytes(&changed(input));
});

/// The whole bundle with the input read as edits: two bytes of position, one of value.
fn changed(input: &[u8]) -> Vec<u8> {
    let mut bytes = KNOWN.whole.to_vec();
    for edit in input.chunks_exact(3).take(8) {
        let position = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % bytes.len();
        bytes[position] = edit[2];
    }
    bytes
}

fn try_bytes(bytes: &[u8]) {
    if let Ok(bundle) = Bundle::parse(bytes) {
        assert_eq!(bundle.to_bytes().expect("it was parsed"), bytes, "a second spelling");
    }
    let around = Surroundings { now: KNOWN.now, footprint: Footprint { sites: 1 }, consistency: &[] };
    let proved = verify(bytes, &KNOWN.roots, &Trust::default(), &around);
    if bytes != &*KNOWN.whole {
        assert!(proved.is_err(), "a changed bundle was proved");
    }
    let _ = audit(bytes, AuditKeys::Answer, KNOWN.now);
}
