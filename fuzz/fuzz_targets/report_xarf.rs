//! XARF documents: what strict takes, tolerant takes as well.

#![no_main]

use libfuzzer_sys::fuzz_target;
use reports::xarf::{Strictness, parse};

fuzz_target!(|bytes: &[u8]| {
    let tolerant = parse(bytes, Strictness::Tolerant);
    if parse(bytes, Strictness::Strict).is_ok() && !bytes.windows(8).any(|part| part == b"\"Report\"") {
        assert!(tolerant.is_ok(), "strict takes more than tolerant");
    }
});
