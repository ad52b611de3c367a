//! The header of the PROXY protocol: read within its bound, and never past its end.

#![no_main]

use edge::parsing::proxy_header_holds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert_eq!(proxy_header_holds(input), Ok(()));
});
