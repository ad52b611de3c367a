//! Field sections of HTTP/3: what is read is what was written.

#![no_main]

use edge::parsing::http3_section_holds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert_eq!(http3_section_holds(input), Ok(()));
});
