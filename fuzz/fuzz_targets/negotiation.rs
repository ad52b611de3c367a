//! `Accept-Encoding`: few keys, and the same codings however a list is spelled.

#![no_main]

use edge::parsing::negotiation_holds;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    assert_eq!(negotiation_holds(input), Ok(()));
});
