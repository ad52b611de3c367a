//! Log entries: what parses encodes to the same bytes.

#![no_main]

use ledger::{Body, Entry};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::parse(bytes) {
        assert_eq!(entry.to_bytes().expect("it was parsed"), bytes, "a second spelling");
    }
    if let Ok(body) = Body::parse(bytes) {
        assert_eq!(body.to_bytes().expect("it was parsed"), bytes, "a second spelling");
    }
});
